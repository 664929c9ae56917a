"""The arithmetic of the study: from JMeter's samples to user-minutes, downtime and response times. No I/O but `read`.

Times are seconds since 1970, as JMeter writes them (in milliseconds). A user is one thread of JMeter.
"""
import csv
import math
import re
from collections import Counter, defaultdict
from typing import NamedTuple

# A wait within the outage that is shorter is none: the ledger's bound, too (OutageMachine.blipMax).
WAIT_MIN = 0.1
# Who waits longer counts as delayed: availability.delay_bound's default.
DELAY_BOUND = 1.0
# The outage that a fault makes begins at most so many seconds after it.
FAULT_SPREAD = 10.0
# The three views of an outage, as in `haproxydb report`.
VIEWS = ("felt", "errors", "delay")


class Sample(NamedTuple):
    user: str
    begun: float
    ended: float
    # connect, select, update, insert or transaction.
    label: str
    is_ok: bool
    # "number/SQLSTATE" of an error, "0" of a success.
    code: str
    microseconds: int
    # Of an insert: the row's number.
    seq: int | None
    text: str


class Trouble(NamedTuple):
    """A stretch in which a user was not served: from the first request or connect that failed, or waited too long (from the
    fault, where it was under way already), to the end of the next request that was answered."""
    user: str
    begun: float
    ended: float
    has_error: bool
    is_over: bool
    # Of it, the seconds without a connection: from an error that cost it to the next try.
    away: float = 0.0


MESSAGE = re.compile(r"us=(\d+)(?: seq=(\d+))? ?(.*)", re.DOTALL)


def read(path):
    """The samples of a JTL file in CSV with field names, in the order of their begin. A line cut short is left out."""
    samples = []
    with open(path, newline="", errors="replace") as file:
        for row in csv.DictReader(file):
            if row["success"] not in ("true", "false"):
                continue
            try:
                found = MESSAGE.match(row["responseMessage"])
                begun = int(row["timeStamp"]) / 1000
                # Without our message it is an error of JMeter's own.
                microseconds, seq, text = found.groups() if found else (0, None, row["responseMessage"])
                samples.append(Sample(
                    row["threadName"], begun, begun + int(row["elapsed"]) / 1000, row["label"],
                    row["success"] == "true", row["responseCode"], int(microseconds), int(seq) if seq else None, text))
            except (TypeError, ValueError):
                continue
    return sorted(samples, key=lambda sample: (sample.begun, sample.ended))


def by_user(samples):
    users = defaultdict(list)
    for sample in samples:
        users[sample.user].append(sample)
    return dict(users)


def window(samples, users):
    """The whole seconds in which all `users` were there: after the last one's first connect, before the first one's last
    sample ends. None if they never were all there."""
    first = {}
    last = {}
    for sample in samples:
        last[sample.user] = max(sample.ended, last.get(sample.user, 0))
        if sample.label == "connect" and sample.is_ok:
            first.setdefault(sample.user, sample.ended)
    if len(first) < users:
        return None
    # The proxy counts its sessions at the end of a second: one more for whoever came last.
    begin, end = math.ceil(max(first.values())) + 1, math.floor(min(last.values()))
    return (begin, end) if begin < end else None


def gap(samples, fault, until):
    """The longest time without an answered request of any user, of those that began within FAULT_SPREAD of the fault:
    (begin, end)."""
    ends = sorted(s.ended for s in samples if s.is_ok and s.label != "connect" and fault <= s.ended <= until)
    moments = [fault] + ends + [until]
    near = [pair for pair in zip(moments, moments[1:]) if pair[0] <= fault + FAULT_SPREAD]
    return max(near, key=lambda pair: pair[1] - pair[0])


def troubles(samples, fault, until):
    """What the users went through from the fault on. Errors count until `until`, waits only if they began before service
    was back: a slow answer at another time is the machine's, not the outage's."""
    begin, back = gap(samples, fault, until)
    found = []
    for user, own in by_user(samples).items():
        begun, away, left = None, 0.0, None
        for sample in own:
            if sample.ended < fault or sample.begun > until:
                continue
            if left is not None:
                away += sample.begun - left
                left = None
            if not sample.is_ok:
                begun = max(sample.begun, fault) if begun is None else begun
                if sample.label == "connect" or sample.code.split("/")[-1].startswith("08"):
                    left = sample.ended
            elif sample.label != "connect":
                if begun is not None:
                    found.append(Trouble(user, begun, min(sample.ended, until), True, True, away))
                    begun, away = None, 0.0
                elif sample.ended - max(sample.begun, fault) > WAIT_MIN and sample.begun < back:
                    found.append(Trouble(user, max(sample.begun, fault), min(sample.ended, until), False, True))
        if begun is not None:
            found.append(Trouble(user, begun, until, True, False, away))
    return found


def shows(trouble, view):
    return {"felt": True, "errors": trouble.has_error, "delay": trouble.ended - trouble.begun > DELAY_BOUND}[view]


def user_minutes(found, view):
    """UOM, user outage minutes: the time that users were not served, added up."""
    return sum(trouble.ended - trouble.begun for trouble in found if shows(trouble, view)) / 60


def downtime(samples, found, fault, until):
    """DT: from the first request that met the outage to the first one answered again, in seconds, and both moments."""
    if not found:
        return 0.0, None, None
    _, back = gap(samples, fault, until)
    begun = min(trouble.begun for trouble in found)
    # Somebody was answered all the time, and yet some were not served: they were, together, down for no time.
    return (back - begun, begun, back) if back > begun else (0.0, begun, begun)


def availability(whole, lost):
    """(whole - lost) / whole in percent; None of nothing."""
    return max(0.0, (whole - lost) / whole * 100) if whole > 0 else None


def quantile(ordered, share):
    """The smallest value that `share` of all are not above (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def response(samples, begin, end):
    """Requests answered within begin...end: how many, how many a second, and their times in milliseconds."""
    times = sorted(s.microseconds / 1000 for s in samples
                   if s.is_ok and s.label != "connect" and begin <= s.begun and s.ended <= end)
    return {
        "answered": len(times), "per_second": len(times) / (end - begin) if end > begin else 0.0,
        "mean_ms": sum(times) / len(times) if times else None, "p50_ms": quantile(times, 0.5),
        "p95_ms": quantile(times, 0.95), "p99_ms": quantile(times, 0.99), "max_ms": times[-1] if times else None,
    }


def errors(samples, begin, end):
    """What users were told, by what they did: {"connect 0/08000": 12, …}."""
    return Counter(f"{s.label} {s.code}" for s in samples if not s.is_ok and begin <= s.ended <= end)


# Rolled back for certain: none of it may be there.
ROLLED_BACK = "1213/40001"


def expected_writes(samples):
    """What must be in the table and what may be: increments of records, and rows by (user, seq)."""
    weight = {"update": 1, "transaction": 2}
    acknowledged = sum(weight.get(s.label, 0) for s in samples if s.is_ok)
    unknown = sum(weight.get(s.label, 0) for s in samples if not s.is_ok and s.code != ROLLED_BACK)
    rows = {"acknowledged": set(), "rolled_back": set()}
    for s in samples:
        if s.label == "insert" and (s.is_ok or s.code == ROLLED_BACK):
            rows["acknowledged" if s.is_ok else "rolled_back"].add((s.user.rsplit("-", 1)[-1], s.seq))
    return acknowledged, unknown, rows


def summary(samples, users, fault):
    """All figures of a run. `fault`: when the primary was killed; None for a run without."""
    span = window(samples, users)
    if span is None:
        raise ValueError(f"{users} users were never all there")
    begin, end = span
    found = troubles(samples, fault, end) if fault else []
    dt, begun, back = downtime(samples, found, fault, end) if fault else (0.0, None, None)
    pum = users * (end - begin) / 60
    uom = {view: user_minutes(found, view) for view in VIEWS}
    # Seconds around the outage, until the last user is served again, say nothing about the response time at rest.
    settled = max([fault or begin] + [trouble.ended for trouble in found])
    quiet = [s for s in samples if fault is None or s.ended < fault or s.begun > settled]
    rest = response(quiet, begin, end)
    rest["per_second"] = rest["answered"] / (end - begin - (settled - fault if fault else 0) or 1)
    return {
        "users": users, "window": [begin, end], "seconds": end - begin, "fault": fault,
        "pum": pum, "uom": uom, "availability_by_users": {view: availability(pum, uom[view]) for view in VIEWS},
        "dt": dt, "down": [begun, back], "availability_by_time": availability(end - begin, dt),
        # Without the time in which a user had no connection: of that, a server or proxy knows nothing.
        "uom_connected": uom["felt"] - sum(trouble.away for trouble in found) / 60,
        "users_affected": len({trouble.user for trouble in found}),
        "users_with_errors": len({trouble.user for trouble in found if trouble.has_error}),
        "users_not_back": sum(not trouble.is_over for trouble in found),
        "longest_trouble": max((trouble.ended - trouble.begun for trouble in found), default=0.0),
        "response": response(samples, begin, end), "response_at_rest": rest,
        "errors": dict(sorted(errors(samples, begin, end).items())),
    }
