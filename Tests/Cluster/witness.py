"""What others than the clients say of a run: Pacemaker's alerts, DRBD's roles, each server's own log, the proxy's log."""

import calendar
import collections
import json
import os
import re
import time

from machine import NODES, run

STAMP = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})Z ")


class Witness:
    def __init__(self, testbed):
        self.testbed = testbed
        # From the clients' clock (CLOCK_MONOTONIC) to everybody else's.
        self.epoch = time.time() - time.monotonic()

    # Pacemaker

    def alerts(self):
        """What Pacemaker's alerts said, in order; `began` and `at` by the clients' clock."""
        alerts = []
        with open(self.testbed.path("alerts/all.jsonl")) as file:
            for line in file:
                try:
                    alert = json.loads(line)
                except ValueError:  # Two writers at once.
                    continue
                alert["at"] -= self.epoch
                alert["began"] = alert["at"] - alert["took_ms"] / 1000
                alerts.append(alert)
        return alerts

    def first_stop(self, node, since, until):
        """When the cluster began to stop the group's first resource on that node; None if no alert told."""
        group = ("p_gate", "p_mysql", "p_float_ip", "p_fs_mysql")
        begins = [alert["began"] for alert in self.alerts() if alert["node"] == node and alert["task"] == "stop"
                  and alert["resource"] in group and since - 0.1 <= alert["began"] <= until]
        return min(begins, default=None)

    # DRBD

    def load_roles(self):
        """Spans of time (wall clock) in which each node was Primary."""
        self.spans = collections.defaultdict(list)
        open_since = {}
        with open(self.testbed.path("drbd/roles.log")) as file:
            for at, node, role in map(str.split, file):
                if role == "Primary":
                    open_since.setdefault(node, float(at))
                elif node in open_since:
                    self.spans[node].append((open_since.pop(node), float(at)))
        for node, at in open_since.items():
            self.spans[node].append((at, float("inf")))

    def had_role(self, node, since, until):
        """At any moment between these two: a statement was executed between its begin and its answer."""
        return any(begin <= until and since <= end for begin, end in self.spans[node])

    # Servers

    def sizes(self, name="general.log"):
        """Of each server's log of statements."""
        return {node: self.size(node, name) for node in NODES}

    def size(self, node, name):
        path = self.testbed.path(node, "log/mysql", name)
        return os.path.getsize(path) if os.path.exists(path) else 0

    def statements_since(self, sizes, name="general.log"):
        """How many statements of the proxy's clients each server has got since then, by its own log."""
        counts = {}
        for node in sizes:
            path = self.testbed.path(node, "log/mysql", name)
            counts[node] = 0
            if os.path.exists(path):
                with open(path, errors="replace") as file:
                    file.seek(sizes[node])
                    counts[node] = sum("'proxied" in line for line in file)
        return counts

    # The proxy

    def notes(self, since, until):
        """Lines of the proxy's log: (when by the clients' clock, text)."""
        found = []
        with open(self.testbed.path("proxy.log"), errors="replace") as file:
            for line in file:
                stamp = STAMP.match(line)
                if not stamp:
                    continue
                at = calendar.timegm(time.strptime(stamp[1], "%Y-%m-%dT%H:%M:%S")) + int(stamp[2]) / 1000 - self.epoch
                if since <= at <= until:
                    found.append((at, line[len(stamp[0]):].strip()))
        return found

    def promotion_told(self, node, since, until):
        """When the proxy first told that the node is promoted, or is about to be; None if it did not."""
        signs = (f"promoted: {node}", "phase promoting", "phase mounting", "phase starting")
        for at, text in self.notes(since, until):
            if "The agent of" in text and any(sign in text for sign in signs):
                return at
        return None

    def fencing_told(self, since, until):
        return any("fencing" in text for _, text in self.notes(since, until))

    def outages(self):
        report = run(self.testbed.path("bin/haproxydb"), "report", "--file", self.testbed.ledger,
                     "--format", "json")
        return json.loads(report)["outages"]
