"""Answers one question in SQL with DuckDB on one core; with nothing to ask it only starts, which is what the others cost less.

    duck.py ARCHIVE VIEWS.sql [QUESTION.sql [NAME=VALUE ...]]
"""

import sys

import duckdb

archive, views, *rest = sys.argv[1:]
duck = duckdb.connect(config={"threads": 1})
duck.execute("SET VARIABLE archive = '" + archive.replace("'", "''") + "'")
duck.execute(open(views).read())
if rest:
    for setting in rest[1:]:
        name, value = setting.split("=", 1)
        duck.execute(f"SET VARIABLE {name} = '" + value.replace("'", "''") + "'")
    answer = duck.execute(open(rest[0]).read()).fetchall()
    print(len(answer), "rows;", answer[-1] if answer else "none")
