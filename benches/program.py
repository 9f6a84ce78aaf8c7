"""The program of this checkout: built, and started on a free port."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def build(dev=False):
    """Builds it, as a release or as in development, and says where it is."""
    metadata = subprocess.check_output(["cargo", "metadata", "--format-version=1", "--no-deps"], cwd=ROOT)
    target = pathlib.Path(json.loads(metadata)["target_directory"])
    profile = [] if dev else ["--release"]
    subprocess.run(["cargo", "build", *profile, "--bin", "configmgr_backup_exporter"], cwd=ROOT, check=True)
    return target / ("debug" if dev else "release") / "configmgr_backup_exporter"


def generate(path, megabytes, dev=False):
    """Writes a log of so many megabytes."""
    command = ["cargo", "test" if dev else "bench", "--quiet", "--bench", "generate", "--", str(path), str(megabytes)]
    subprocess.run(command, cwd=ROOT, check=True)


class Exporter:
    """The program with the `exporter.yml` and a new state in a folder, listening; stopped at the end."""

    def __init__(self, program, folder, *options, **environment):
        log = folder / f"log-{time.monotonic_ns()}"
        command = [program, f"--config.file={folder / 'exporter.yml'}", f"--state.path={log.with_suffix('.state')}",
                   "--web.listen-address=127.0.0.1:0", *options]
        self.begin = time.perf_counter()
        with open(log, "w", encoding="utf-8") as file:
            self.process = subprocess.Popen(command, stderr=file, env={**os.environ, **environment})
        while not (found := re.search(r"addresses=127\.0\.0\.1:(\d+)\b.*\n", log.read_text(encoding="utf-8"))):
            if self.process.poll() is not None or time.perf_counter() - self.begin > 30:
                self.process.kill()
                raise SystemExit("it does not listen:\n" + log.read_text(encoding="utf-8"))
            time.sleep(0.001)
        self.port = int(found.group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)
