"""The four measurements. Each takes the targets in turn, round by round, and returns rows of samples."""

import statistics
import time

from . import clients
from .processes import BenchmarkError
from .targets import BULK_QUERY, BULK_ROW_BYTES, BULK_ROWS

BULK_MEGABYTES = BULK_ROWS * BULK_ROW_BYTES / 1e6


class Plan:
    """How long and how often. Round 2 and later are left out once the time for the whole run is used up."""

    def __init__(self, quick, repetitions, connections=None):
        self.repetitions = repetitions or (2 if quick else 5)
        # A result set takes a moment only and its rate wanders most: it gets more rounds than the rest.
        self.bulk_repetitions = self.repetitions * 2 + 1
        self.select_seconds = 2 if quick else 3
        self.churn_seconds = 2 if quick else 3
        self.bulk_times = 5 if quick else 10
        self.connections = connections or (1, 16, 64, 256)
        self.idle_sessions = 5000
        self.deadline = time.monotonic() + (150 if quick else 660)
        self.cut = False

    def rounds(self, repetitions):
        """The numbers of the rounds, at least one."""
        for number in range(repetitions):
            if number > 0 and time.monotonic() > self.deadline:
                self.cut = True
                return
            yield number


class Row:
    """One line of a table: a target in a situation, with the samples of each column, one per round.

    A round that failed is a None in every column, so that the n-th samples of two rows belong to one round."""

    def __init__(self, target, situation=()):
        self.target = target
        self.situation = situation
        self.samples = []
        self.errors = []

    def median(self, column):
        values = [sample[column] for sample in self.samples if sample and sample.get(column) is not None]
        return statistics.median(values) if values else None

    def ratio(self, other, column):
        """The median over the rounds of this row's value by the other's in the same round."""
        ratios = [
            mine[column] / theirs[column] for mine, theirs in zip(self.samples, other.samples)
            if mine and theirs and mine.get(column) is not None and theirs.get(column)]
        return statistics.median(ratios) if ratios else None


def _interleave(rounds, targets, situation, measure, others, progress):
    """One row per target. The order turns by one place each round, so that nobody is always first."""
    rows = {target.name: Row(target.name, situation) for target in targets}
    for number in rounds:
        turn = number % len(targets)
        for target in targets[turn:] + targets[:turn]:
            row = rows[target.name]
            try:
                before = others.reading()
                sample = measure(target)
                sample["others"] = others.share(before, others.reading())
            except BenchmarkError as error:
                sample = None
                row.errors.append(str(error))
            row.samples.append(sample)
            progress(situation, target, number, sample if sample else row.errors[-1])
    return list(rows.values())


def _microseconds(seconds, count):
    return seconds * 1e6 / count


def statements(plan, targets, database, others, progress):
    """Point selects: statements/s, latency in ms, CPU in us per statement of the proxy and of the server."""
    rows = []
    for prepared in (False, True):
        for connections in plan.connections:
            def measure(target):
                def readings():
                    return target.cpu_seconds(), database.cpu_seconds()
                run = clients.point_selects(target, prepared, connections, plan.select_seconds, readings)
                count = run["statements"]
                return {
                    "rate": count / run["seconds"], "p50": run["p50"], "p95": run["p95"], "p99": run["p99"],
                    "cpu": _microseconds(run["after"][0] - run["before"][0], count) if target.child else None,
                    "server_cpu": _microseconds(run["after"][1] - run["before"][1], count),
                }
            situation = ("prepared" if prepared else "text", connections)
            rows += _interleave(plan.rounds(plan.repetitions), targets, situation, measure, others, progress)
    return rows


def ledger(plan, targets, database, others, progress):
    """Point selects at 64 connections without and with the availability log, HTTP, and those who ask every second."""
    rows = []
    for prepared in (False, True):
        def measure(target):
            asked = target.watchers.asked if target.watchers else 0
            def readings():
                return target.cpu_seconds(), database.cpu_seconds()
            run = clients.point_selects(target, prepared, 64, max(3, plan.select_seconds), readings)
            if target.watchers and target.watchers.asked == asked:
                raise BenchmarkError("nobody asked the watched proxy")
            return {
                "rate": run["statements"] / run["seconds"], "p99": run["p99"],
                "cpu": _microseconds(run["after"][0] - run["before"][0], run["statements"]),
                "server_cpu": _microseconds(run["after"][1] - run["before"][1], run["statements"])}
        situation = ("prepared" if prepared else "text", 64)
        # Two per cent is less than one pair of rounds wanders.
        rows += _interleave(plan.rounds(plan.repetitions * 3), targets, situation, measure, others, progress)
    return rows


def bulk(plan, targets, client, others, progress):
    """A 100 MB result set: MB/s (of rows, 10^6 bytes), proxy CPU in us per MB."""
    def measure(target):
        before = target.cpu_seconds()
        run = client.bulk(target, plan.bulk_times, BULK_QUERY)
        cpu = target.cpu_seconds() - before
        megabytes = run["bytes"] / 1e6
        if megabytes != BULK_MEGABYTES * plan.bulk_times:
            raise BenchmarkError(f"{megabytes} MB arrived instead of {BULK_MEGABYTES * plan.bulk_times}")
        return {
            "rate": megabytes / run["seconds"], "cpu": _microseconds(cpu, megabytes) if target.child else None}
    return _interleave(plan.rounds(plan.bulk_repetitions), targets, (), measure, others, progress)


def connects(plan, targets, database, client, others, progress):
    """Connect, SELECT 1, close with 8 clients: connections/s, latency in ms, CPU in us per connection."""
    def measure(target):
        before = target.cpu_seconds(), database.cpu_seconds()
        run = client.churn(target, 8, plan.churn_seconds)
        after = target.cpu_seconds(), database.cpu_seconds()
        count = run["connections"]
        if run["errors"] or not count:
            raise BenchmarkError(f"{run['errors']} of {run['errors'] + count} connections failed")
        return {
            "rate": count / run["seconds"], **{q: run[q] * 1e3 for q in ("p50", "p95", "p99")},
            "cpu": _microseconds(after[0] - before[0], count) if target.child else None,
            "server_cpu": _microseconds(after[1] - before[1], count)}
    return _interleave(plan.rounds(plan.repetitions), targets, (), measure, others, progress)


def idle(plan, starters, client, progress):
    """Resident memory per idle session, KiB, of a proxy that was started for this: memory that earlier sections
    left behind in the process would hide what sessions take. One round: it is a count, not a time."""
    rows = []
    for start in starters:
        target = start()
        row = Row(target.name)
        try:
            with client.idle(target, 10):
                pass  # what is allocated once, at the first sessions, is not counted
            before, descriptors = target.child.resident_bytes(), target.child.descriptors()
            with client.idle(target, plan.idle_sessions) as sessions:
                during = target.child.resident_bytes()
                opened = target.child.descriptors() - descriptors
            row.samples.append({
                "session": (during - before) / 1024 / sessions, "sessions": sessions,
                "before": before / 1024 / 1024, "during": during / 1024 / 1024,
                "descriptors": opened / sessions})
        except BenchmarkError as error:
            row.samples.append(None)
            row.errors.append(str(error))
        finally:
            target.end()
        progress((), target, 0, row.samples[-1] or row.errors[-1])
        rows.append(row)
    return rows
