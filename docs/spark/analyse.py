#!/usr/bin/env python3
"""danelaw's questions on a Spark cluster: every partition is counted by `danelaw analyse --arrow`, and the parts are added up here.

    danelaw archive compact --archive /data/survey
    spark-submit analyse.py --archive /data/survey --danelaw /usr/local/bin/danelaw [QUESTION ...]

Nothing is written twice: Spark reads the archive's tables and brings the states of each host together, danelaw's own code does the counting,
as on one machine, and `danelaw analyse --parts` says what the sum means. So a task that is lost with its worker is simply done again.

The archive and the program have to be found at the same place on every worker, and the program has to be built with `--features arrow`. Rounds
since the last checkpoint are in a log that Spark does not read: compact the archive first. Prints one JSON object per answer.
Needs pyspark with pyarrow.
"""

import argparse
import itertools
import json
import pathlib
import subprocess
import sys
import threading

import pyarrow as pa
from pyspark.sql import SparkSession

COUNTED = pa.schema([("question", pa.string()), ("part", pa.binary())])


def tables(archive, name):
    """The files of a table that belong to the archive; there may be others, which a writer is about to remove."""
    manifest = json.loads((archive / "states" / "manifest.json").read_text())
    return [str(archive / "states" / file["path"]) for file in manifest["files"] if file["table"] == name]


def counter(command):
    """What each worker does with the record batches of a partition: hands them to danelaw, and on what danelaw counted."""

    def count(batches):
        batches = iter(batches)
        first = next(batches, None)
        if first is None:
            return
        program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def feed():
            # Where danelaw has ended early, its exit code tells more than the broken pipe.
            try:
                with program.stdin, pa.ipc.new_stream(program.stdin, first.schema) as writer:
                    for batch in itertools.chain([first], batches):
                        writer.write_batch(batch)
            except BrokenPipeError:
                pass

        feeding = threading.Thread(target=feed)
        feeding.start()
        counted = program.stdout.read()
        feeding.join()
        if program.wait() != 0:
            raise RuntimeError(f"{' '.join(command)}: exit code {program.returncode}")
        yield from pa.ipc.open_stream(counted)

    return count


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--archive", required=True, type=pathlib.Path, help="the archive, at the same place on every worker")
    arguments.add_argument("--danelaw", default="danelaw", help="the program, at the same place on every worker")
    arguments.add_argument("--partitions", type=int, default=0, help="parts to share the work out in [default: two for each core]")
    arguments.add_argument("questions", nargs="*", help="names, as 'danelaw analyse --list' has them [default: all]")
    options = arguments.parse_args()
    archive = options.archive.resolve()

    spark = SparkSession.builder.appName("danelaw analyse").getOrCreate()
    partitions = options.partitions or 2 * spark.sparkContext.defaultParallelism
    command = [options.danelaw, "analyse", "--archive", str(archive)]
    counted = []
    # Questions about domains ask for no order, those about servers for all states of a host at one place.
    for name, key in [("server_state", ["host", "port"]), ("domain_state", ["domain_id"])]:
        files = tables(archive, name)
        if not files:
            continue
        states = spark.read.parquet(*files).repartition(partitions, *key)
        count = counter([*command, "--arrow", *options.questions])
        counted += states.mapInArrow(count, "question string, part binary").collect()
    spark.stop()

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, COUNTED) as stream:
        columns = [[row.question for row in counted], [bytes(row.part) for row in counted]]
        stream.write_batch(pa.record_batch(columns, schema=COUNTED))
    whole = subprocess.run([*command, "--parts", "-", "--json", *options.questions], input=sink.getvalue().to_pybytes())
    sys.exit(whole.returncode)


if __name__ == "__main__":
    main()
