#!/usr/bin/env python3
"""What watching and serving cost: first read, time to ready, scrapes, and scrapes while every source hangs.

usage: benches/serve.py            (builds the release, needs Linux)

Real logs, the real program, real sockets; latencies are those a client sees, its own share included. Prints a table.
"""

import http.client
import json
import os
import pathlib
import resource
import statistics
import subprocess
import tempfile
import threading
import time

from program import Exporter, build, generate

CONFIGURATION = """
sites:
  - code: P01
    role: hierarchy
    log: {{ path: {log} }}
    schedule: {{ days: daily, begin: "02:00", latest_begin: "05:00", time_zone: utc }}
"""
SCRAPES = 5000
HUNG_SCRAPES = 1000


class Watching(Exporter):
    """The program with one log."""

    def __init__(self, program, folder, log):
        (folder / "exporter.yml").write_text(CONFIGURATION.format(log=json.dumps(str(log))))
        super().__init__(program, folder)

    def ask(self, connection, path):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def until_ready(self):
        """Seconds from the start of the process to the first 200 of /-/ready."""
        connection = self.connect()
        while self.ask(connection, "/-/ready") != 200:
            if time.perf_counter() - self.begin > 60:
                raise SystemExit("not ready within 60 s")
        return time.perf_counter() - self.begin

    def scrape(self, count):
        """The seconds that each of so many scrapes over one connection took."""
        connection = self.connect()
        took = []
        for _ in range(count):
            begin = time.perf_counter()
            status = self.ask(connection, "/metrics")
            took.append(time.perf_counter() - begin)
            if status != 200:
                raise SystemExit(f"/metrics answered {status}")
        return took


def cpu_of_a_look(program, folder, log):
    """User and system seconds of one `check` with a new state: start of the process, both files, the judgement."""
    configuration = folder / "exporter.yml"
    configuration.write_text(CONFIGURATION.format(log=json.dumps(str(log))))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([program, "check", f"--config.file={configuration}", f"--state.path={folder / 'none'}"],
                   stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main():
    program = build()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        log, rolled, both = folder / "smsbkup.log", folder / "smsbkup.lo_", folder / "both"
        generate(both, 5)
        lines = both.read_bytes().splitlines(keepends=True)
        half = len(lines) // 2
        rolled.write_bytes(b"".join(lines[:half]))
        log.write_bytes(b"".join(lines[half:]))
        sizes = f"{rolled.stat().st_size / 1e6:.1f} MB + {log.stat().st_size / 1e6:.1f} MB"

        cpu = [cpu_of_a_look(program, folder, log) for _ in range(20)]
        rows.append((f"CPU of a first read ({sizes}), whole process, median of 20",
                     f"{statistics.median(cpu) * 1000:.1f} ms"))
        ready = []
        for _ in range(20):
            with Watching(program, folder, log) as exporter:
                ready.append(exporter.until_ready())
        rows.append(("start of the process to ready, median and greatest of 20",
                     f"{statistics.median(ready) * 1000:.0f} ms, {max(ready) * 1000:.0f} ms"))
        with Watching(program, folder, log) as exporter:
            exporter.until_ready()
            exporter.scrape(200)
            took = exporter.scrape(SCRAPES)
        rows.append((f"scrape of one site, {SCRAPES} in a row: p50, p99, greatest",
                     ", ".join(f"{v * 1000:.2f} ms" for v in
                               (percentile(took, 0.5), percentile(took, 0.99), max(took)))))

        fifo = folder / "hung.log"
        os.mkfifo(fifo)
        with Watching(program, folder, fifo) as exporter:
            took = []
            workers = [threading.Thread(target=lambda: took.extend(exporter.scrape(HUNG_SCRAPES // 4)))
                       for _ in range(4)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        if len(took) != HUNG_SCRAPES:
            raise SystemExit("not every scrape was answered")
        rows.append((f"scrape while the only source hangs, {HUNG_SCRAPES}, four at a time: p50, p99, greatest",
                     ", ".join(f"{v * 1000:.2f} ms" for v in
                               (percentile(took, 0.5), percentile(took, 0.99), max(took)))))
    for what, figure in rows:
        print(f"{what:<95} {figure}")


if __name__ == "__main__":
    main()
