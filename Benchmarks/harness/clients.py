"""The load: sysbench, and the client in client.c that is compiled at run time."""

import json
import os
import re
import shlex
import subprocess
import threading

from . import histogram, processes
from .processes import BenchmarkError
from .targets import APPLICATION_PASSWORD, APPLICATION_USER, DATABASE

TABLE_ROWS = 10_000


class Client:
    """client.c, compiled into the benchmark's directory."""

    def __init__(self, directory):
        source = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "client.c")
        self.path = os.path.join(directory, "client")
        flags = {
            which: shlex.split(processes.run(["mariadb_config", which], 10)) for which in ("--cflags", "--libs")}
        processes.run(
            ["gcc", "-O2", "-o", self.path, source, *flags["--cflags"], *flags["--libs"], "-lpthread"], 60)

    def command(self, what, target, *numbers):
        return [self.path, what, str(target.port), APPLICATION_USER, APPLICATION_PASSWORD, *map(str, numbers)]

    def _measure(self, seconds, *arguments):
        return json.loads(processes.run(self.command(*arguments), seconds))

    def ping(self, target, seconds):
        self._measure(seconds + 10, "ping", target, seconds)

    def bulk(self, target, times, query):
        return self._measure(120, "bulk", target, times, query)

    def churn(self, target, clients, seconds):
        return self._measure(seconds + 60, "churn", target, clients, seconds)

    def idle(self, target, sessions):
        return IdleSessions(self.command("idle", target, sessions))


class IdleSessions:
    """Sessions that are open, each after one statement, until the block ends."""

    def __init__(self, command):
        self.command = command

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        watchdog = threading.Timer(90, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        if not line:
            _, said = self.process.communicate(timeout=10)
            raise BenchmarkError(f"the idle sessions did not open: {said.strip() or 'not within 90 s'}")
        return json.loads(line)["sessions"]

    def __exit__(self, *_):
        try:
            self.process.communicate(timeout=60)  # ends its standard input: it closes all sessions
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


def _sysbench(target, *arguments):
    return [
        "sysbench", "oltp_point_select", "--db-driver=mysql", "--mysql-host=127.0.0.1",
        f"--mysql-port={target.port}", f"--mysql-user={APPLICATION_USER}", f"--mysql-password={APPLICATION_PASSWORD}",
        f"--mysql-db={DATABASE}", "--tables=1", f"--table-size={TABLE_ROWS}", "--rand-type=uniform", *arguments]


def create_table(target):
    processes.run(_sysbench(target, "prepare"), 60)


def point_selects(target, prepared, connections, seconds, readings):
    """One sysbench run. `readings()` is called when all connections are open and again when the run is over; its
    two answers are returned with the number of statements, the seconds and the latency quantiles in ms."""
    command = _sysbench(
        target, f"--threads={connections}", f"--time={seconds}", f"--db-ps-mode={'auto' if prepared else 'disable'}",
        "--skip-trx=on", "--histogram=on", "--percentile=99", "run")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    watchdog = threading.Timer(seconds + 60, process.kill)
    watchdog.start()
    before, lines = None, []
    try:
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Threads started!"):
                before = readings()
        process.wait()
        after = readings()
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
    text = "".join(lines)
    if process.returncode != 0 or before is None:
        said = [line for line in lines if "FATAL" in line or "error" in line.lower()] or lines[-3:]
        raise BenchmarkError(f"sysbench ended with status {process.returncode}: {''.join(said[:3]).strip()}")
    return {**parse(text), "before": before, "after": after}


def parse(text):
    """Statements, seconds and latency quantiles (ms) from sysbench's report."""
    statements = re.search(r"^\s*queries:\s+(\d+)", text, re.MULTILINE)
    seconds = re.search(r"^\s*total time:\s+([\d.]+)s", text, re.MULTILINE)
    if not statements or not seconds or int(statements[1]) == 0:
        raise BenchmarkError(f"sysbench's report is not understood:\n{text[-800:]}")
    buckets = histogram.parse(text)
    return {
        "statements": int(statements[1]),
        "seconds": float(seconds[1]),
        **{f"p{q}": histogram.quantile(buckets, q / 100) for q in (50, 95, 99)},
    }
