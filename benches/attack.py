#!/usr/bin/env python3
"""What an attack costs an honest scraper, and the program: latency and memory, idle and while it goes on.

usage: benches/attack.py            (builds the release, needs Linux and openssl)

The attacks are those of `tests/it/web`, over TLS, all at once and from this machine, whose processors they share with the
program; latencies are those a client sees, its own share included. Each scrape has a connection of its own. Prints a
table, and how often each attack began and was ended meanwhile. The attack ends by itself after two minutes at most.
"""

import asyncio
import contextlib
import json
import math
import pathlib
import re
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

from program import Exporter, build

CONFIGURATION = "sites: [{ code: P01, role: hierarchy, log: { path: smsbkup.log } }]\n"
WEB = "tls_server_config: { cert_file: server.crt, key_file: server.key }\n"
SCRAPES = 300
PAUSE = 0.1
FILES = 4096
# How often a slow attacker sends a byte, and how often an attacker begins at most, in seconds.
BEAT, RETURN = 1.0, 5.0
REQUEST = b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


def start(program, folder):
    """The program with TLS."""
    (folder / "exporter.yml").write_text(CONFIGURATION)
    (folder / "web.yml").write_text(WEB)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2",
                    "-keyout", folder / "server.key", "-out", folder / "server.crt"],
                   check=True, stderr=subprocess.DEVNULL)
    return Exporter(program, folder, f"--web.config.file={folder / 'web.yml'}")


class Target:
    def __init__(self, port, certificate):
        self.port = port
        self.contexts = {}
        for protocol in ("http/1.1", "h2"):
            context = ssl.create_default_context(cafile=certificate)
            context.set_alpn_protocols([protocol])
            self.contexts[protocol] = context

    @contextlib.asynccontextmanager
    async def reach(self, **more):
        """A connection without a word, which is thrown away at the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, **more)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    def connect(self, protocol="http/1.1"):
        return self.reach(ssl=self.contexts[protocol], server_hostname="localhost")

    async def scrape(self):
        """The seconds of one scrape and what the program says that it holds, in bytes; fails after ten seconds."""
        begin = time.perf_counter()

        async def ask():
            async with self.connect() as (reader, writer):
                writer.write(REQUEST)
                return await reader.read()

        body = await asyncio.wait_for(ask(), 10)
        took = time.perf_counter() - begin
        if not body.startswith(b"HTTP/1.1 200 "):
            sys.exit(f"a scrape was answered {body[:100]!r}")
        resident = re.search(rb"^process_resident_memory_bytes (\S+)", body, re.M)
        files = re.search(rb"^process_open_fds (\S+)", body, re.M)
        return took, float(resident.group(1)), float(files.group(1))


async def sent(writer):
    await writer.drain()
    # While there is room, drain gives no other task a turn: nobody would notice that the connection is lost.
    await asyncio.sleep(0)


async def silence(target, _):
    async with target.reach() as (reader, _):
        await reader.read()


async def drip(target, number):
    handshake = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x07" * 500
    request = b"GET /metrics HTTP/1.1\r\nhost: x\r\na: " + b"b" * 500
    async with target.connect() if number % 2 else target.reach() as (_, writer):
        for byte in request if number % 2 else handshake:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(BEAT)


async def bulk(target, _):
    async with target.connect() as (_, writer):
        writer.write(b"GET /metrics HTTP/1.1\r\nhost: x\r\na: ")
        for _ in range(1600):
            writer.write(b"b" * 65536)
            await sent(writer)


async def pipeline(target, _):
    async with target.connect() as (reader, writer):
        writer.write(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n" * 100 + b"\0 \xff\r\n" * 10000)
        await writer.drain()
        await reader.read()


async def reset(target, _):
    async def flood(writer):
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        headers = b"\x82\x87\x41\x01x\x44\x08/metrics"
        for stream in range(1, 1 << 31, 2):
            number = stream.to_bytes(4, "big")
            writer.write(b"\0\0" + bytes([len(headers)]) + b"\x01\x05" + number + headers
                         + b"\0\0\4\3\0" + number + b"\0\0\0\x08")
            await sent(writer)

    async with target.connect("h2") as (reader, writer):
        # Until the server closes it.
        flooding = asyncio.create_task(flood(writer))
        try:
            await reader.read()
        finally:
            flooding.cancel()
            await asyncio.wait([flooding])


KINDS = {"silent": (silence, 2000), "a byte a second": (drip, 500), "a header of 100 MB": (bulk, 4),
         "pipelining and garbage": (pipeline, 4), "resets of HTTP/2": (reset, 4)}


async def again_and_again(attack, target, number, count, tally):
    # Not all in the same moment, which would leave the rest of the time to the scraper.
    due = time.monotonic() + RETURN * number / count
    while True:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        due = time.monotonic() + RETURN
        tally[0] += 1
        try:
            await attack(target, number)
        except (OSError, asyncio.IncompleteReadError):
            pass
        tally[1] += 1


def attackers(folder, port):
    """Attacks until it is ended; a process of its own, so that it costs the scraper no time of its own loop."""
    async def all_at_once():
        target = Target(port, folder / "server.crt")
        tallies = {name: [0, 0] for name in KINDS}
        attacks = asyncio.gather(*(again_and_again(attack, target, number, count, tallies[name])
                                   for name, (attack, count) in KINDS.items() for number in range(count)))
        while not attacks.done():
            await asyncio.sleep(BEAT / 2)
            (folder / "tally.new").write_text(json.dumps(tallies))
            (folder / "tally.new").replace(folder / "tally")
        await attacks

    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    asyncio.run(asyncio.wait_for(all_at_once(), 120))


def tallies(folder):
    """How often each attack has begun and was ended, or nothing."""
    return json.loads((folder / "tally").read_text()) if (folder / "tally").exists() else {}


def under_way(folder):
    """Every attacker has begun, and some of each kind were sent away."""
    tally = tallies(folder)
    return bool(tally) and all(tally[name][0] >= count and tally[name][1] for name, (_, count) in KINDS.items())


async def measure(target, count):
    """So many scrapes, ten a second, so that an attack begins again and again meanwhile."""
    measured = []
    for _ in range(count):
        measured.append(await target.scrape())
        await asyncio.sleep(PAUSE)
    return measured


def row(what, measured):
    took = sorted(one[0] * 1000 for one in measured)
    memory = max(one[1] for one in measured) / 1e6
    files = max(one[2] for one in measured)
    return (f"| {what} | {statistics.median(took):.1f} ms | {took[math.ceil(len(took) * 0.99) - 1]:.1f} ms | {took[-1]:.1f} ms "
            f"| {memory:.1f} MB | {files:.0f} |")


def main():
    if len(sys.argv) == 3:
        attackers(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
        return
    program = build()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with start(program, folder) as exporter, contextlib.ExitStack() as stack:
            target = Target(exporter.port, folder / "server.crt")
            asyncio.run(measure(target, 20))
            idle = asyncio.run(measure(target, SCRAPES))
            attack = subprocess.Popen([sys.executable, __file__, str(folder), str(exporter.port)])
            stack.callback(attack.kill)
            begin = time.monotonic()
            while not under_way(folder):
                if time.monotonic() - begin > 60:
                    sys.exit(f"not all attacks are under way after 60 s: {tallies(folder)}")
                time.sleep(0.1)
            before, begin = tallies(folder), time.monotonic()
            attacked = asyncio.run(measure(target, SCRAPES))
            if attack.poll() is not None:
                sys.exit("the attack ended before the scrapes did")
            meanwhile = {name: [now - then for now, then in zip(tally, before[name])]
                         for name, tally in tallies(folder).items()}
            lasted = time.monotonic() - begin
            attack.kill()
            attack.wait()
            begin = time.monotonic()
            while asyncio.run(target.scrape())[2] > idle[-1][2]:
                if time.monotonic() - begin > 30:
                    sys.exit("connections of the attack are still open after 30 s")
            recovery = time.monotonic() - begin
            after = asyncio.run(measure(target, SCRAPES))
    print("| | p50 | p99 | greatest | resident at most | open files at most |\n|---|---|---|---|---|---|")
    print(row("idle", idle), row("attacked", attacked), row("afterwards", after), sep="\n")
    for what, (begun, ended) in meanwhile.items():
        print(f"{what}: begun {begun} times, ended {ended} times")
    print(f"{lasted:.0f} s of attack; only the scraper was connected {recovery:.1f} s after it")


if __name__ == "__main__":
    main()
