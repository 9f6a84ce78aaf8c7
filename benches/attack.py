#!/usr/bin/env python3
"""What an attack costs an honest scraper, and the program: latency and memory, idle and while it goes on.

usage: benches/attack.py            (builds the release, needs Linux and openssl)

The attacks are those of `tests/it/web`, over TLS, all at once and from this machine, whose processors they share with the
program; latencies are those a client sees, its own share included. Each scrape has a connection of its own. Prints a
table. Ends by itself after two minutes at most.
"""

import asyncio
import json
import pathlib
import re
import resource
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONFIGURATION = "sites: [{ code: P01, role: hierarchy, log: { path: smsbkup.log } }]\n"
WEB = "tls_server_config: { cert_file: server.crt, key_file: server.key }\n"
SCRAPES = 100
FILES = 8192
SILENT, SLOW, BULKY, PIPELINING, RESETTING = 2000, 500, 4, 4, 4
BEAT = 1.0
REQUEST = b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


def build():
    metadata = subprocess.check_output(["cargo", "metadata", "--format-version=1", "--no-deps"], cwd=ROOT)
    target = pathlib.Path(json.loads(metadata)["target_directory"])
    subprocess.run(["cargo", "build", "--release", "--bin", "configmgr_backup_exporter"], cwd=ROOT, check=True)
    return target / "release" / "configmgr_backup_exporter"


def start(program, folder):
    """The program with TLS on a free port; its process and the port."""
    (folder / "exporter.yml").write_text(CONFIGURATION)
    (folder / "web.yml").write_text(WEB)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2",
                    "-keyout", folder / "server.key", "-out", folder / "server.crt"],
                   check=True, stderr=subprocess.DEVNULL)
    command = [program, f"--config.file={folder / 'exporter.yml'}", f"--state.path={folder / 'state'}",
               f"--web.config.file={folder / 'web.yml'}", "--web.listen-address=127.0.0.1:0"]
    with open(folder / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stderr=log)
    begin = time.monotonic()
    while time.monotonic() - begin < 30:
        found = re.search(r"addresses=127\.0\.0\.1:(\d+)", (folder / "log").read_text())
        if found:
            return process, int(found.group(1))
        time.sleep(0.05)
    process.kill()
    sys.exit("it does not listen:\n" + (folder / "log").read_text())


class Target:
    def __init__(self, port, certificate):
        self.port = port
        self.contexts = {}
        for protocol in ("http/1.1", "h2"):
            context = ssl.create_default_context(cafile=certificate)
            context.set_alpn_protocols([protocol])
            self.contexts[protocol] = context

    async def reach(self):
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def connect(self, protocol="http/1.1"):
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self.contexts[protocol],
                                             server_hostname="localhost")

    async def scrape(self):
        """The seconds of one scrape and what the program says that it holds, in bytes; fails after ten seconds."""
        begin = time.perf_counter()

        async def ask():
            reader, writer = await self.connect()
            writer.write(REQUEST)
            body = await reader.read()
            writer.close()
            return body

        body = await asyncio.wait_for(ask(), 10)
        took = time.perf_counter() - begin
        if not body.startswith(b"HTTP/1.1 200 "):
            sys.exit(f"a scrape was answered {body[:100]!r}")
        resident = re.search(rb"^process_resident_memory_bytes (\S+)", body, re.M)
        files = re.search(rb"^process_open_fds (\S+)", body, re.M)
        return took, float(resident.group(1)), float(files.group(1))


async def silence(target, _):
    reader, _writer = await target.reach()
    await reader.read()


async def drip(target, number):
    if number % 2:
        _, writer = await target.connect()
        text = b"GET /metrics HTTP/1.1\r\nhost: x\r\na: " + b"b" * 500
    else:
        _, writer = await target.reach()
        text = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x07" * 500
    for byte in text:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(BEAT)


async def bulk(target, _):
    _, writer = await target.connect()
    writer.write(b"GET /metrics HTTP/1.1\r\nhost: x\r\na: ")
    for _ in range(1600):
        writer.write(b"b" * 65536)
        await writer.drain()


async def pipeline(target, _):
    reader, writer = await target.connect()
    writer.write(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n" * 100 + b"\0 \xff\r\n" * 10000)
    await writer.drain()
    await reader.read()


async def reset(target, _):
    _, writer = await target.connect("h2")
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
    headers = b"\x82\x87\x41\x01x\x44\x08/metrics"
    for stream in range(1, 1 << 31, 2):
        number = stream.to_bytes(4, "big")
        writer.write(b"\0\0" + bytes([len(headers)]) + b"\x01\x05" + number + headers
                     + b"\0\0\4\3\0" + number + b"\0\0\0\x08")
        await writer.drain()


async def again_and_again(attack, target, number):
    while True:
        begin = time.monotonic()
        try:
            await attack(target, number)
        except (OSError, ssl.SSLError):
            pass
        await asyncio.sleep(max(0.0, begin + BEAT - time.monotonic()))


def attackers(folder, port):
    """Attacks until it is ended; a process of its own, so that it costs the scraper no time of its own loop."""
    async def all_at_once():
        target = Target(port, folder / "server.crt")
        kinds = ((silence, SILENT), (drip, SLOW), (bulk, BULKY), (pipeline, PIPELINING), (reset, RESETTING))
        await asyncio.gather(*(again_and_again(attack, target, number)
                               for attack, count in kinds for number in range(count)))

    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    asyncio.run(asyncio.wait_for(all_at_once(), 120))


async def measure(target, count):
    return [await target.scrape() for _ in range(count)]


def row(what, measured):
    took = sorted(one[0] * 1000 for one in measured)
    memory = max(one[1] for one in measured) / 1e6
    files = max(one[2] for one in measured)
    return (f"| {what} | {statistics.median(took):.1f} ms | {took[int(len(took) * 0.99)]:.1f} ms | {took[-1]:.1f} ms "
            f"| {memory:.1f} MB | {files:.0f} |")


def main():
    if len(sys.argv) == 3:
        attackers(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
        return
    program = build()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        process, port = start(program, folder)
        attack = None
        try:
            target = Target(port, folder / "server.crt")
            asyncio.run(measure(target, 20))
            idle = asyncio.run(measure(target, SCRAPES))
            attack = subprocess.Popen([sys.executable, __file__, str(folder), str(port)], stderr=subprocess.DEVNULL)
            begin = time.monotonic()
            # Under way means that more wants to be connected than is permitted.
            while asyncio.run(target.scrape())[2] < 256 and time.monotonic() - begin < 30:
                pass
            attacked = asyncio.run(measure(target, SCRAPES))
            attack.kill()
            attack.wait()
            begin = time.monotonic()
            while asyncio.run(target.scrape())[2] > idle[-1][2]:
                if time.monotonic() - begin > 30:
                    sys.exit("connections of the attack are still open after 30 s")
            recovery = time.monotonic() - begin
            after = asyncio.run(measure(target, SCRAPES))
        finally:
            if attack:
                attack.kill()
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)
    print("| | p50 | p99 | greatest | resident at most | open files at most |\n|---|---|---|---|---|---|")
    print(row("idle", idle), row("attacked", attacked), row("afterwards", after), sep="\n")
    print(f"only the scraper was connected {recovery:.1f} s after the attack")


if __name__ == "__main__":
    main()
