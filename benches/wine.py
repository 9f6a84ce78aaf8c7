"""Measures two Windows programs under Wine beside native ones that only read: by the clock, the median of all rounds.

usage: wine.py FOLDER FILES WALK_EXE EXPORTER_EXE        (FOLDER has verify.mdf in it)
"""

import os
import pathlib
import statistics
import subprocess
import sys
import time

ROUNDS = int(os.environ.get("ROUNDS", "3"))
IN_FOLDER = 1000


def seconds(command):
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def main():
    place, files, walk, exporter = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
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
