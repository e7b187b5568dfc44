"""Asks an archive of states in SQL, by docs/views.sql, and prints the rows of each file's answer as JSON.

    ask.py ARCHIVE VIEWS.sql QUESTION.sql ...
"""

import json
import pathlib
import sys

import duckdb

archive, views, *questions = sys.argv[1:]
duck = duckdb.connect()
duck.execute("SET VARIABLE archive = '" + archive.replace("'", "''") + "'")
duck.execute(open(views).read())
# Sums are of 128 bits in DuckDB, shares of them are decimals.
answers = {pathlib.Path(name).stem: duck.execute(open(name).read()).fetchall() for name in questions}
print(json.dumps(answers, default=float))
