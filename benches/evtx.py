"""Measures the exporter's `log` command against evtx_dump on one event log, in turn on one core.

usage: evtx.py LOG EXPORTER EVTX_DUMP

Both write to /dev/null. CPU seconds of the whole process; the median of all rounds. LOG.json says what LOG holds: an
exporter that finds other messages, or is slower than the faster of evtx_dump's formats, fails the benchmark.
"""

import json
import os
import statistics
import subprocess
import sys

ROUNDS = int(os.environ.get("ROUNDS", "9"))
CORE = os.environ.get("CORE", str(max(os.sched_getaffinity(0))))


def seconds(command):
    """The CPU seconds (user and system) of one command."""
    child = subprocess.Popen(["taskset", "-c", CORE, *command], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{command[0]} exited {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def check(exporter, log):
    """Whether the exporter finds what was written."""
    with open(log + ".json", encoding="ascii") as file:
        summary = json.load(file)
    command = [exporter, "log", "--format", "json", log]
    runs = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    found = sum(len(run["messages"]) for run in runs)
    # Of the oldest run, the first messages may have been overwritten; those left may begin no run.
    if not summary["messages"] - 10 <= found <= summary["messages"]:
        sys.exit(f"{found} messages found, {summary['messages']} written")
    print(f"{summary['bytes'] / 1e6:.0f} MB, {found} messages in {len(runs)} runs; core {CORE}")


def main():
    log, exporter, dump = sys.argv[1:]
    check(exporter, log)
    commands = {
        "evtx_dump, XML": [dump, "-t", "1", log],
        "evtx_dump, JSON": [dump, "-t", "1", "-o", "jsonl", log],
        "log": [exporter, "log", log],
    }
    times = {name: [] for name in commands}
    for command in commands.values():
        seconds(command)
    for _ in range(ROUNDS):
        for name, command in commands.items():
            times[name].append(seconds(command))
    middle = {name: statistics.median(values) for name, values in times.items()}
    for name, values in times.items():
        speed = os.path.getsize(log) / 1e6 / middle[name]
        print(f"{name:<16}{middle[name]:7.3f} s{speed:7.0f} MB/s  ({min(values):.3f} to {max(values):.3f} s)")
    ours = middle.pop("log")
    print(f"evtx_dump takes {min(middle.values()) / ours:.1f} times the CPU time of the exporter")
    sys.exit(min(middle.values()) < ours)


main()
