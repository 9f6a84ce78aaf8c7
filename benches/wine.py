"""Measures two Windows programs under Wine beside native ones: by the clock, the median of all rounds.

usage: wine.py FOLDER FILES WALK_EXE EXPORTER_EXE EXPORTER        (FOLDER has verify.mdf in it)
"""

import contextlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time
import urllib.request

STARTS = int(os.environ.get("STARTS", "10"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
IN_FOLDER = 1000


def seconds(command):
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


@contextlib.contextmanager
def running(command, place):
    """The program with one site that has no log yet, from when it listens: its port."""
    folder = place / f"start-{time.monotonic_ns()}"
    folder.mkdir()
    configuration = folder / "exporter.yml"
    log = json.dumps(str(folder / "smsbkup.log"))
    configuration.write_text(f"sites:\n  - code: P01\n    role: hierarchy\n    log: {{ path: {log} }}\n")
    arguments = [f"--config.file={configuration}", f"--state.path={folder / 'state'}", "--web.listen-address=127.0.0.1:0"]
    process = subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if found := re.search(r"addresses=127\.0\.0\.1:(\d+)", line):
                yield found.group(1)
                return
        sys.exit(f"{command[-1]} did not listen")
    finally:
        process.kill()
        process.communicate()


def until_scraped(command, place):
    """Seconds from the start of the program to the end of its first scrape."""
    began = time.perf_counter()
    with running(command, place) as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            if b"configmgr_backup_site_info" not in answer.read():
                sys.exit("the first scrape told of no site")
        return time.perf_counter() - began


def starts(place, windows, linux):
    """How large the programs are, and how long they take to start, in turn."""
    sizes = [os.path.getsize(program) for program in (linux, windows)]
    print(f"size: Linux {sizes[0]} bytes, the .exe {sizes[1]} bytes, {sizes[1] / sizes[0]:.2f} times")
    commands = [linux], ["tests/wine/run", windows]
    measures = {
        "--version": lambda command: seconds([*command, "--version"]),
        "start to the first scrape": lambda command: until_scraped(command, place),
    }
    # Without another program Wine would end its own services and start them again each time.
    with running(commands[1], place):
        for name, measure in measures.items():
            # Once before it counts, for the cache.
            for command in commands:
                measure(command)
            pairs = [[measure(command) for command in commands] for _ in range(STARTS)]
            figures = []
            for label, column in zip(("Linux", "the .exe"), zip(*pairs)):
                middle, least, most = (f(column) * 1000 for f in (statistics.median, min, max))
                figures.append(f"{label} {middle:.0f} ms ({least:.0f} to {most:.0f})")
            ratio = statistics.median(windows / linux for linux, windows in pairs)
            print(f"{name}, median of {STARTS}: {', '.join(figures)}, {ratio:.1f} times")


def main():
    place, files, walk, exporter, native = pathlib.Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    starts(place, exporter, native)
    for number in range(files):
        folder = place / "tree" / f"folder{number // IN_FOLDER:04}"
        if number % IN_FOLDER == 0:
            folder.mkdir(parents=True)
        (folder / f"file-{number:07}.dat").write_bytes(b"x" * (number % 3))
    data = str(place / "verify.mdf")
    pairs = {
        f"walk of {files} files": (
            ["find", str(place / "tree"), "-type", "f", "-printf", "%T@ %s\n"],
            ["tests/wine/run", walk, str(place / "tree")],
        ),
        f"verify of {os.path.getsize(data) / 1e9:.1f} GB": (
            ["cat", data],
            ["tests/wine/run", exporter, "verify", data],
        ),
    }
    start = statistics.median(seconds(["tests/wine/run", exporter, "--version"]) for _ in range(ROUNDS))
    print(f"start of a program under Wine: {start:.2f} s, included below")
    for name, (native, windows) in pairs.items():
        times = [(seconds(native), seconds(windows)) for _ in range(ROUNDS)]
        native_time, windows_time = (statistics.median(column) for column in zip(*times))
        print(f"{name}: {native[0]} {native_time:.2f} s, the .exe {windows_time:.2f} s, {windows_time / native_time:.1f} times")


main()
