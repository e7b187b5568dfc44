"""Checks every host of stdin (lines of "scenario host") by PyPI's smtp-dane-verify as its users do, and says what it found."""
import concurrent.futures
import json
import os
import re
import subprocess
import sys

PROGRAM = os.path.join(os.path.dirname(sys.executable), "danesmtp")


def one(line):
    scenario, host = line.split()
    try:
        done = subprocess.run([PROGRAM, host], capture_output=True, text=True, timeout=40)
        valid = "is_valid=True" in done.stdout
        message = re.search(r"message=('[^']*'|\"[^\"]*\")", done.stdout)
        check = re.search(r"verification='([^']*)'", done.stdout)
        words = message.group(1).strip("'\"") if message else check.group(1) if check else "not verified"
    except subprocess.TimeoutExpired:
        valid, words = False, "nothing within 40 s"
    return json.dumps({"id": scenario, "fate": "valid" if valid else "invalid", "words": words})


with concurrent.futures.ThreadPoolExecutor(8) as pool:
    for line in pool.map(one, [line for line in sys.stdin.read().splitlines() if line]):
        print(line, flush=True)
