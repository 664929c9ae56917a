"""What every part of the testbed uses: names, places, and running a command."""

import os
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# As the documentation has them, so that its lines can be used as they are.
FLOATING = "192.168.1.100"
APPS = "192.168.1.1"
ADDRESSES = {"cluster1": "192.168.1.101", "cluster2": "192.168.1.102"}
PROXIES = "192.168.1.110"
NODES = ("cluster1", "cluster2")
# The device by the name that every node has for it: behind it is the one that the nodes share, or a copy of its own.
DEVICE = "/run/testbed/drbd0"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class TestbedError(Exception):
    """Something of the testbed itself went wrong: nothing was learned about the proxy."""


def other(node):
    return NODES[1 - NODES.index(node)]


def run(*command, check=True, timeout=120, **options):
    """Runs a command to its end; its output (both streams) as text. TestbedError unless it succeeds in time; without
    `check`, what it said so far."""
    try:
        done = subprocess.run(
            command, stdin=options.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=timeout, **options)
    except subprocess.TimeoutExpired as error:
        if check:
            raise TestbedError(f"{' '.join(command)}: no end after {timeout} s") from error
        return ""
    if check and done.returncode != 0:
        raise TestbedError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout.strip()}")
    return done.stdout


def wait_for(what, condition, timeout, pause=0.1):
    """Asks until `condition` returns something true, and returns it. TestbedError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TestbedError(f"after {timeout} s still waiting for {what}")
        time.sleep(pause)


def start_time(pid):
    """What tells a process from a later one with the same number: its start in clock ticks; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
