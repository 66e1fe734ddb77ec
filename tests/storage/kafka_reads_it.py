#!/usr/bin/env python3
"""Kafka's own dump-log reads every file that Moldau's storage leaves behind, without a complaint.

Usage: kafka_reads_it.py WRITE_DIRECTORY_PROGRAM [KAFKA_SCRIPT]
Exit status 0: no complaint, 1: complaints, 77: Kafka's tools are missing (a skip).
"""

import collections
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

COMPLAINT = re.compile(
    r"mismatch|Found timestamp|is followed by|Exception|isvalid: false|WARN|ERROR|corrupt|"
    r"Ignoring|not recognized|could not", re.IGNORECASE)
# dump-log 4.3.1 says this of every segment but the first, Kafka's own too.
HARMLESS = re.compile(r"^ *-1 is followed by \d+$|^Log starting offset")


def dump(kafka, arguments, files):
    command = [kafka, "dump-log", *arguments, "--files", ",".join(str(f) for f in files)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                          check=False, timeout=600)
    return done.returncode, done.stdout + done.stderr


def records_in(output):
    """Records and control records per partition directory."""
    counts = collections.Counter()
    partition = None
    for line in output.splitlines():
        if line.startswith("Dumping "):
            partition = pathlib.Path(line.removeprefix("Dumping ")).parent.name
        elif line.startswith("| offset:"):
            counts[partition] += 1
    return counts


def main():
    program = sys.argv[1]
    default = pathlib.Path(__file__).resolve().parents[1] / "reference" / "kafka"
    kafka = sys.argv[2] if len(sys.argv) > 2 else str(default)
    if not shutil.which(kafka) or not shutil.which("java"):
        print("skipped: kafka (needs tests/reference and a JDK)")
        return 77
    failures = []
    with tempfile.TemporaryDirectory(prefix="moldau-dump-") as scratch:
        data = pathlib.Path(scratch) / "data"
        written = subprocess.run([program, str(data)], capture_output=True, text=True, check=True)
        expected = dict(line.split() for line in written.stdout.splitlines())
        partitions = [data / name for name in expected]
        everything = []
        for partition in partitions:
            for suffix in ("*.log", "*.index", "*.timeindex", "*.txnindex", "*.snapshot"):
                everything += sorted(partition.glob(suffix))
        kinds = collections.Counter(path.suffix for path in everything)
        for suffix in (".log", ".index", ".timeindex", ".txnindex", ".snapshot"):
            if kinds[suffix] < (1 if suffix == ".txnindex" else 3):
                failures.append(f"only {kinds[suffix]} files {suffix}: the test shows too little")
        logs = [path for path in everything if path.suffix == ".log"]
        for arguments, files in ((["--deep-iteration"], everything),
                                 (["--index-sanity-check"],
                                  [f for f in everything if f.suffix in (".index", ".timeindex")]),
                                 (["--verify-index-only"],
                                  [f for f in everything if f.suffix in (".index", ".timeindex")])):
            code, output = dump(kafka, arguments, files)
            if code != 0:
                failures.append(f"{arguments}: exit status {code}\n{output[-2000:]}")
            if output.count("Dumping ") < len(files):
                failures.append(f"{arguments}: {output.count('Dumping ')} of {len(files)} read")
            for line in output.splitlines():
                if COMPLAINT.search(line) and not HARMLESS.search(line):
                    failures.append(f"{arguments}: {line}")
            if files is everything:
                counts = records_in(output)
                for name, end in expected.items():
                    if counts[name] != int(end):
                        failures.append(f"{name}: {counts[name]} records read, {end} written")
        print(f"{len(everything)} files, {len(logs)} segments, "
              f"{sum(int(end) for end in expected.values())} records")
    for failure in failures[:40]:
        print("FAILED:", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
