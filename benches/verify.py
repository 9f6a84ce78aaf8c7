"""Measures the exporter's `verify` against `cat` on one cached file, in turn on one core.

usage: verify.py FILE EXPORTER

Wall time, because both only compute and copy; the median of all rounds. A verdict other than clean, or less than
GOAL of the throughput of `cat`, fails the benchmark.
"""

import json
import os
import statistics
import subprocess
import sys
import time

ROUNDS = int(os.environ.get("ROUNDS", "9"))
CORE = os.environ.get("CORE", str(max(os.sched_getaffinity(0))))
GOAL = 0.6


def seconds(command):
    """The wall time of one command and its output."""
    began = time.perf_counter()
    done = subprocess.run(["taskset", "-c", CORE, "sh", "-c", command], stdout=subprocess.PIPE, check=True,
                          stderr=subprocess.DEVNULL)
    return time.perf_counter() - began, done.stdout


def main():
    file, exporter = sys.argv[1:]
    commands = {"cat": f"cat '{file}' > /dev/null", "verify": f"'{exporter}' verify --format json '{file}'"}
    times = {name: [] for name in commands}
    for command in commands.values():
        seconds(command)
    for _ in range(ROUNDS):
        for name, command in commands.items():
            elapsed, output = seconds(command)
            times[name].append(elapsed)
            if name == "verify":
                report = json.loads(output)
                pages = report["pages"]
                # Of each 64 pages, 55 or 56 prove something; the rest is free.
                if report["result"] != "clean" or pages["verified"] * 8192 < os.path.getsize(file) * 0.8:
                    sys.exit(f"verify says {report}")
    size = os.path.getsize(file)
    speed = {name: size / statistics.median(values) for name, values in times.items()}
    for name, values in times.items():
        print(f"{name:<8}{speed[name] / 1e9:6.2f} GB/s  (median of {ROUNDS}; {min(values):.3f} to {max(values):.3f} s)")
    ratio = speed["verify"] / speed["cat"]
    print(f"verify has {ratio:.0%} of the throughput of cat; at least {GOAL:.0%} is wanted")
    sys.exit(ratio < GOAL)


main()
