"""Measures the exporter's `log` command against mtail on one file, and checks that both read it rightly.

usage: measure.py LOG [EXPORTER]

Each program runs alone, pinned on one core, in turn. LOG.json says what LOG holds; a program that counts otherwise
fails the benchmark. Without EXPORTER only mtail is measured.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = int(os.environ.get("ROUNDS", "5"))
CORE = os.environ.get("CORE", str(max(os.sched_getaffinity(0))))
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "smsbkup.mtail")


def run(command):
    """The CPU seconds (user and system) and the greatest resident set in MB of one command, and its two outputs."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(["taskset", "-c", CORE, *command], stdout=out, stderr=err)
        memory = 0
        while True:
            memory = max(memory, peak_memory(child.pid))
            ended, status, usage = os.wait4(child.pid, os.WNOHANG)
            if ended:
                break
            time.sleep(0.002)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if child.returncode != 0:
            sys.exit(f"{command[0]} exited {child.returncode}: {err.read().decode()[-2000:]}")
        return usage.ru_utime + usage.ru_stime, memory / 1024, out.read(), err.read().decode()


def peak_memory(pid):
    """The kernel's own peak in KB. ru_maxrss would be no less than this interpreter, from which the child came."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        fields = dict(line.split(":", 1) for line in status)
    # taskset comes first; a process that has ended has no memory.
    return 0 if fields["Name"].strip() == "taskset" else int(fields.get("VmHWM", "0 kB").split()[0])


def mtail_counts(output):
    values = {}
    # A line of text ("Metrics store: ..") may precede the JSON object.
    for name, (metric, *_) in json.loads(output[output.index(b"{"):]).items():
        series = metric["LabelValues"] or []
        if "Keys" in metric:
            values[name] = {one["Labels"][0]: one["Value"]["Value"] for one in series}
        else:
            values[name] = series[0]["Value"]["Value"] if series else 0
    return {
        "lines": values["lines_total"],
        "malformed": values["malformed_lines_total"],
        "runs": values["runs_total"],
        "failed": values["failed_runs_total"],
        "errors": values["status_message_errors_total"],
        "warnings": values["status_message_warnings_total"],
        "messages": values["status_messages_total"],
        "last_start": values["last_start_timestamp_seconds"],
        "last_success": values["last_success_timestamp_seconds"],
        "last_failure": values["last_failure_timestamp_seconds"],
    }


def exporter_counts(output, notes):
    runs = json.loads(output)
    malformed, lines = re.search(r": (\d+) of (\d+) lines malformed", notes).groups()
    messages = [message for run in runs for message in run["messages"]]
    ids = [str(message["id"]) for message in messages]
    return {
        "lines": int(lines),
        "malformed": int(malformed),
        "runs": len(runs),
        "failed": sum(run["outcome"] in ("failed", "interrupted") for run in runs),
        "errors": sum(message["severity"] == "error" for message in messages),
        "warnings": sum(message["severity"] == "warning" for message in messages),
        "messages": {id: ids.count(id) for id in set(ids)},
    }


def check(name, counts, summary):
    wrong = {key: (value, summary[key]) for key, value in counts.items() if value != summary[key]}
    if wrong:
        sys.exit(f"{name} counted otherwise than the generator (found, expected): {wrong}")
    print(f"{name}: {', '.join(counts)} agree with what was written")


def main():
    log, *exporter = sys.argv[1:]
    with open(log + ".json", encoding="ascii") as file:
        summary = json.load(file)
    print(f"{summary['bytes'] / 1e6:.0f} MB, {summary['lines']} lines, {summary['runs']} runs; core {CORE}")
    mtail = ["mtail", "--one_shot", "--progs", PROGRAM, "--logs", log, "--address", "127.0.0.1", "--port", "0"]
    commands = {"mtail": mtail}
    check("mtail", mtail_counts(run(mtail)[2]), summary)
    if exporter:
        commands["exporter"] = [exporter[0], "log", log]
        check("exporter", exporter_counts(*run([*commands["exporter"], "--format", "json"])[2:]), summary)
    measured = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            measured[name].append(run(command)[:2])
    print(f"{'':10}{'CPU s, median':>15}{'least':>8}{'most':>8}{'MB/s':>8}{'max RSS MB':>12}")
    for name, rounds in measured.items():
        seconds = [cpu for cpu, _ in rounds]
        middle = statistics.median(seconds)
        speed = summary["bytes"] / 1e6 / middle
        memory = max(rss for _, rss in rounds)
        print(f"{name:10}{middle:15.3f}{min(seconds):8.3f}{max(seconds):8.3f}{speed:8.0f}{memory:12.1f}")
    if exporter:
        peer, ours = (statistics.median(cpu for cpu, _ in measured[name]) for name in ("mtail", "exporter"))
        print(f"mtail takes {peer / ours:.1f} times the CPU time of the exporter")


main()
