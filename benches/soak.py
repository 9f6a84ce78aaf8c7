#!/usr/bin/env python3
"""Whether a long life costs anything: scrapes, log rolls, reloads and database outages, and what the process holds meanwhile.

usage: benches/soak.py [--dev] [STEPS]       (builds the release, needs Linux; 200 steps unless it is told otherwise)

Each step rolls the log, changes a site, adds or removes another one, reloads and scrapes 500 times; every fourth one takes
the database away and gives it back. The database is a server that hangs up, or none: what is held is sockets, not answers.
Exits with 1 where resident memory, open files or threads at the end are more than 1.1 times those at a tenth of the way, and
where a scrape or a reload fails. With --dev it takes the build of development, which is made at once and holds more.
"""

import http.client
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Lines of more runs than are kept, so that what is kept does not grow any more.
MEGABYTES = 40
SCRAPES = 500
OUTAGE_EVERY = 4
MOST = 1.1


def build(dev):
    metadata = subprocess.check_output(["cargo", "metadata", "--format-version=1", "--no-deps"], cwd=ROOT)
    target = pathlib.Path(json.loads(metadata)["target_directory"])
    profile = [] if dev else ["--release"]
    subprocess.run(["cargo", "build", *profile, "--bin", "configmgr_backup_exporter"], cwd=ROOT, check=True)
    return target / ("debug" if dev else "release") / "configmgr_backup_exporter"


def generate(path, dev):
    command = ["cargo", "test" if dev else "bench", "--quiet", "--bench", "generate", "--", str(path), str(MEGABYTES)]
    subprocess.run(command, cwd=ROOT, check=True)


class Database:
    """A server on one port that hangs up on everybody, or is away."""

    def __init__(self):
        self.listener = None
        self.port = 0
        self.back()

    def back(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.hang_up, args=(self.listener,), daemon=True).start()

    def away(self):
        # A blocked accept would keep the port.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    @staticmethod
    def hang_up(listener):
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return


def configuration(folder, step, port):
    """P01 changes with every step, P02 is there in every second one, P03 stays as it is."""

    def site(code, more=""):
        return (f"  - code: {code}\n    role: hierarchy\n"
                f"    log: {{ path: {json.dumps(str(folder / f'{code}.log'))}, interval: 1s }}\n{more}")

    database = (f"    retention: {5 + step % 2}d\n    database:\n      server: 127.0.0.1\n      port: {port}\n"
                "      authentication: { user: cm, password_env: SOAK_PASSWORD }\n      trust_server_certificate: true\n")
    sites = [site("P01", database), site("P03")] + ([site("P02")] if step % 2 else [])
    return "sites:\n" + "".join(sites)


class Exporter:
    """The program, stopped at the end."""

    def __init__(self, program, folder):
        command = [program, f"--config.file={folder / 'exporter.yml'}", f"--state.path={folder / 'state'}",
                   "--web.listen-address=127.0.0.1:0", "--web.enable-lifecycle"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, "SOAK_PASSWORD": "soak"})
        line = self.process.stderr.readline()
        self.port = int(re.search(r"addresses=127\.0\.0\.1:(\d+)", line).group(1))
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)

    def ask(self, connection, method, path):
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read().decode()
        if answer.status != 200:
            raise SystemExit(f"{path} answered {answer.status}: {body}")
        return body

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def holds(self):
        """Resident memory in KB, open files, threads."""
        process = pathlib.Path(f"/proc/{self.process.pid}")
        status = (process / "status").read_text(encoding="ascii", errors="replace")
        field = lambda name: int(re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE).group(1))
        return field("VmRSS"), len(list((process / "fd").iterdir())), field("Threads")


def roll(log, lines):
    if log.exists():
        log.replace(log.with_suffix(".lo_"))
    log.write_bytes(lines)


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--dev"]
    dev, steps = "--dev" in sys.argv[1:], int(arguments[0]) if arguments else 200
    program = build(dev)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        generate(folder / "all", dev)
        lines = (folder / "all").read_bytes().splitlines(keepends=True)
        half = len(lines) // 2
        part = (len(lines) - half) // steps
        for code in ("P01", "P02", "P03"):
            (folder / f"{code}.log").write_bytes(b"".join(lines[:half]))
        database = Database()
        (folder / "exporter.yml").write_text(configuration(folder, 0, database.port))
        rows, before = [], None
        with Exporter(program, folder) as exporter:
            for step in range(1, steps + 1):
                for code in ("P01", "P03"):
                    roll(folder / f"{code}.log", b"".join(lines[half + (step - 1) * part:half + step * part]))
                if step % OUTAGE_EVERY == 0:
                    database.away()
                (folder / "exporter.yml").write_text(configuration(folder, step, database.port))
                connection, held = exporter.connect(), []
                exporter.ask(connection, "POST", "/-/reload")
                for scrape in range(SCRAPES):
                    exporter.ask(connection, "GET", "/metrics")
                    if scrape % (SCRAPES // 5) == 0:
                        held.append(exporter.holds())
                connection.close()
                if step % OUTAGE_EVERY == 0:
                    database.back()
                now = [statistics.median(values) for values in zip(*held)]
                if step == max(1, steps // 10):
                    before = now
            rows = list(zip(("resident memory, KB", "open files", "threads"), before, now))
    print(f"{steps * SCRAPES} scrapes, {steps} rolls of two logs, {steps} reloads, {steps // OUTAGE_EVERY} outages in "
          f"{time.monotonic() - begin:.0f} s")
    for what, tenth, end in rows:
        print(f"{what:<22}{tenth:>10.0f}{end:>10.0f}{end / tenth:>8.2f} times")
    if any(end > MOST * tenth for _, tenth, end in rows):
        raise SystemExit(f"more than {MOST} times what it was at a tenth of the way")


if __name__ == "__main__":
    main()
