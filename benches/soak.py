#!/usr/bin/env python3
"""Whether a long life costs anything: scrapes, log rolls, reloads and database outages, and what the process holds meanwhile.

usage: benches/soak.py [--dev] [--only=EVENTS] [STEPS]       (builds the release, needs Linux; 200 steps by default)

Each step rolls the logs, changes a site, adds or removes another one, reloads and scrapes 500 times; every fourth one takes
the database away and gives it back. The database is a server that hangs up, or none: what is held is sockets, not answers.
A step ends when its rolls and its outage were seen. Exits with 1 where resident memory, open files or threads at the end are
more than 1.1 times those at a tenth of the way, and where a scrape or a reload fails. With --dev it takes the build of
development, which is made at once and holds more. EVENTS are some of scrapes,rolls,reloads,outages: where memory grows, they
say by what. Without scrapes there are as many as are needed to see the others.
"""

import argparse
import http.client
import json
import pathlib
import re
import socket
import statistics
import tempfile
import threading
import time

from program import Exporter, build, generate

# Lines of more runs than are kept, so that what is kept does not grow any more.
MEGABYTES = 40
SCRAPES = 500
OUTAGE_EVERY = 4
# Steps before the first that counts. glibc gives each thread a heap of its own, and any of the blocking threads may get any
# work: until each has had each kind, the process grows although nothing is kept (with MALLOC_ARENA_MAX=1 it does not).
WARM_UP = 40
MOST = 1.1
EVENTS = ("scrapes", "rolls", "reloads", "outages")


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


class Watching(Exporter):
    """The program with the sites, reloaded when asked."""

    def __init__(self, program, folder):
        super().__init__(program, folder, "--web.enable-lifecycle", SOAK_PASSWORD="soak")

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


def counted(body, name, labels):
    """The sum of all series of this name that have these labels."""
    lines = re.findall(rf"^configmgr_backup_{name}\{{([^}}]*)\}} (\S+)$", body, re.MULTILINE)
    return sum(float(value) for found, value in lines if all(label in found for label in labels))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dev", action="store_true")
    parser.add_argument("--only", default=",".join(EVENTS), type=lambda text: text.split(","))
    parser.add_argument("steps", nargs="?", default=200, type=int)
    found = parser.parse_args()
    if not set(found.only) <= set(EVENTS):
        parser.error(f"events are {', '.join(EVENTS)}")
    if "outages" in found.only and "reloads" not in found.only:
        parser.error("outages are seen with reloads only: a database is asked every five minutes else")
    return found


def main():
    options = arguments()
    dev, events, steps = options.dev, options.only, options.steps
    program = build(dev)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        generate(folder / "all", MEGABYTES, dev)
        lines = (folder / "all").read_bytes().splitlines(keepends=True)
        half = len(lines) // 2
        part = (len(lines) - half) // (WARM_UP + steps)
        for code in ("P01", "P02", "P03"):
            (folder / f"{code}.log").write_bytes(b"".join(lines[:half]))
        database = Database()
        (folder / "exporter.yml").write_text(configuration(folder, 0, database.port))
        before, tenths, done = None, [], dict.fromkeys(EVENTS, 0)
        with Watching(program, folder) as exporter:
            # What is rolled away before it was read for the first time was never seen to roll.
            begun, connection = time.monotonic(), exporter.connect()
            while not all(counted(exporter.ask(connection, "GET", "/metrics"), "source_polls_total",
                                  [f'site_code="{code}"', 'source="backup_log"']) for code in ("P01", "P03")):
                if time.monotonic() - begun > 60:
                    raise SystemExit("the logs are not read after 60 s")
                time.sleep(0.1)
            connection.close()
            for step in range(1 - WARM_UP, steps + 1):
                connection, held = exporter.connect(), []
                if "rolls" in events:
                    begin = half + (step - 1 + WARM_UP) * part
                    for code in ("P01", "P03"):
                        roll(folder / f"{code}.log", b"".join(lines[begin:begin + part]))
                    done["rolls"] += 1
                outage = "outages" in events and step % OUTAGE_EVERY == 0
                if outage:
                    database.away()
                    done["outages"] += 1
                if "reloads" in events:
                    (folder / "exporter.yml").write_text(configuration(folder, step, database.port))
                    exporter.ask(connection, "POST", "/-/reload")
                    done["reloads"] += 1
                began, seen, scrape = time.monotonic(), False, 0
                while not seen or scrape < (SCRAPES if "scrapes" in events else 5):
                    body = exporter.ask(connection, "GET", "/metrics")
                    if not seen:
                        rolled = counted(body, "log_rotations_total", ['site_code="P03"'])
                        # A site that was changed counts anew, and asks its database at once.
                        asked = counted(body, "source_polls_total", ['site_code="P01"', 'source="database"'])
                        seen = rolled == done["rolls"] and asked > 0
                        if time.monotonic() - began > 60:
                            raise SystemExit(f"not seen after 60 s: {rolled} of {done['rolls']} rolls, {asked} polls")
                    if scrape % (SCRAPES // 5) == 0:
                        held.append(exporter.holds())
                    scrape += 1
                done["scrapes"] += scrape
                connection.close()
                if outage:
                    database.back()
                now = [statistics.median(values) for values in zip(*held)]
                if step == max(1, steps // 10):
                    before = now
                if step == 0:
                    start, done_before = time.monotonic(), dict(done)
                if step > 0 and step % max(1, steps // 10) == 0:
                    tenths.append(now)
            done = {event: count - done_before[event] for event, count in done.items()}
            took = time.monotonic() - start
            rows = list(zip(("resident memory, KB", "open files", "threads"), before, now, zip(*tenths)))
    print(f"{done['scrapes']} scrapes, {done['rolls']} rolls of two logs, {done['reloads']} reloads, "
          f"{done['outages']} outages in {took:.0f} s after {WARM_UP} steps of warming up")
    for what, tenth, end, tenths in rows:
        print(f"{what:<22}{tenth:>10.0f}{end:>10.0f}{end / tenth:>8.2f} times; "
              f"each tenth: {' '.join(f'{value:.0f}' for value in tenths)}")
    if any(end > MOST * tenth for _, tenth, end, _ in rows):
        raise SystemExit(f"more than {MOST} times what it was at a tenth of the way")


if __name__ == "__main__":
    main()
