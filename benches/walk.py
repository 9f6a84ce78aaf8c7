"""Measures the walk against find on one tree, and checks that both found what was written.

usage: walk.py EMPTY_FOLDER FILES WALK_PROGRAM

Each program runs alone, pinned on one core, in turn, with the tree in the page cache.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = int(os.environ.get("ROUNDS", "9"))
CORE = os.environ.get("CORE", str(max(os.sched_getaffinity(0))))
IN_FOLDER = 1000


def make(tree, files):
    """Writes empty files and some with a few bytes; returns their bytes."""
    size = 0
    for number in range(files):
        folder = tree / f"folder{number // IN_FOLDER:04}"
        if number % IN_FOLDER == 0:
            folder.mkdir(parents=True)
        content = b"x" * (number % 3)
        (folder / f"file-{number:07}.dat").write_bytes(content)
        size += len(content)
    return size


def run(command):
    """The CPU seconds (user and system), the greatest resident set in MB and the output of one command."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(["taskset", "-c", CORE, *command], stdout=out)
        memory = 0
        while True:
            memory = max(memory, peak_memory(child.pid))
            ended, status, usage = os.wait4(child.pid, os.WNOHANG)
            if ended:
                break
            time.sleep(0.001)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit(f"{command[0]} exited {child.returncode}")
        out.seek(0)
        return usage.ru_utime + usage.ru_stime, memory / 1024, out.read()


def peak_memory(pid):
    """The kernel's own peak in KB. ru_maxrss would be no less than this interpreter, from which the child came."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        fields = dict(line.split(":", 1) for line in status)
    # taskset comes first; a process that has ended has no memory.
    return 0 if fields["Name"].strip() == "taskset" else int(fields.get("VmHWM", "0 kB").split()[0])


def main():
    tree, files, walk = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    few, many = tree / "few", tree / "many"
    make(few, files // 10)
    size = make(many, files)
    commands = {
        "find": ["find", str(many), "-type", "f", "-printf", "%T@ %s\n"],
        "walk": [walk, str(many)],
        "walk, a tenth": [walk, str(few)],
    }
    found = run(commands["find"])[2].splitlines()
    newest = max(float(line.split()[0]) for line in found)
    expected = f"{files} {size} {int(newest)}"
    told = run(commands["walk"])[2].decode().strip()
    if (len(found), told) != (files, expected):
        sys.exit(f"find: {len(found)} files; walk: {told}; expected: {expected}")
    print(f"{files} files in folders of {IN_FOLDER}, {ROUNDS} rounds, core {CORE}; both found what was written")
    measured = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            measured[name].append(run(command)[:2])
    print(f"{'':14}{'CPU s, median':>15}{'least':>8}{'most':>8}{'max RSS MB':>12}")
    for name, rounds in measured.items():
        seconds = [cpu for cpu, _ in rounds]
        memory = max(rss for _, rss in rounds)
        print(f"{name:14}{statistics.median(seconds):15.3f}{min(seconds):8.3f}{max(seconds):8.3f}{memory:12.1f}")
    ratio = statistics.median(ours[0] / peer[0] for ours, peer in zip(measured["walk"], measured["find"]))
    print(f"the walk takes {ratio:.2f} times the CPU time of find (median of the rounds)")


main()
