"""The tables (Markdown), and the verdicts against what the proxy must show."""

CANDIDATE, BASELINE = "haproxydb", "haproxy"

# Title, the rows' situation columns, and the columns: heading, key of the sample, format.
LAYOUTS = {
    "statements": ("Point selects", ("protocol", "connections"), (
        ("statements/s", "rate", "{:,.0f}"), ("p50 ms", "p50", "{:.2f}"), ("p95 ms", "p95", "{:.2f}"),
        ("p99 ms", "p99", "{:.2f}"), ("proxy us/stmt", "cpu", "{:.1f}"), ("server us/stmt", "server_cpu", "{:.1f}"))),
    "ledger": ("Point selects without and with the availability log, HTTP, and a scrape every second",
               ("protocol", "connections"), (
        ("statements/s", "rate", "{:,.0f}"), ("p99 ms", "p99", "{:.2f}"), ("proxy us/stmt", "cpu", "{:.2f}"),
        ("server us/stmt", "server_cpu", "{:.1f}"))),
    "bulk": ("Result set of 100 MB in rows of 1 KB", (), (
        ("MB/s", "rate", "{:,.0f}"), ("proxy us/MB", "cpu", "{:,.0f}"))),
    "connects": ("Connect, SELECT 1, close; 8 clients", (), (
        ("connections/s", "rate", "{:,.0f}"), ("p50 ms", "p50", "{:.2f}"), ("p95 ms", "p95", "{:.2f}"),
        ("p99 ms", "p99", "{:.2f}"), ("proxy us/conn", "cpu", "{:.1f}"), ("server us/conn", "server_cpu", "{:.1f}"))),
    "idle": ("Idle sessions", (), (
        ("sessions", "sessions", "{:,.0f}"), ("KiB/session", "session", "{:.2f}"),
        ("MiB before", "before", "{:.1f}"), ("MiB with them", "during", "{:.1f}"),
        ("descriptors/session", "descriptors", "{:.2f}"))),
}

# Columns whose ratio to HAProxy's is shown.
RATIOS = {
    "statements": (("rate", "rate/HAProxy"), ("cpu", "CPU/HAProxy")),
    "ledger": (("rate", "rate/without"), ("cpu", "CPU/without")),
    "bulk": (("rate", "rate/HAProxy"), ("cpu", "CPU/HAProxy")),
    "connects": (("rate", "rate/HAProxy"), ("cpu", "CPU/HAProxy")),
    "idle": (("session", "memory/HAProxy"),),
}

JUDGED_CONNECTIONS = 64
CPU_RATIO_MAX = 1.10
RATE_RATIO_MIN = 0.95
BULK_RATIO_MIN = 0.80
IDLE_KIB_MAX = 16.0
WATCHED = "haproxydb watched"
WATCHED_RATIO_MAX = 1.02


def _find(rows, target, situation):
    return next((row for row in rows if row.target == target and row.situation == situation), None)


def _cell(value, form):
    return "–" if value is None else form.format(value)


def table(section, rows):
    """One section's table, medians over the rounds."""
    title, situations, columns = LAYOUTS[section]
    headings = [*situations, "target", *(heading for heading, _, _ in columns), *(h for _, h in RATIOS[section])]
    lines = [f"### {title}", "", "| " + " | ".join(headings) + " |"]
    lines.append("| " + " | ".join(["---"] * (len(situations) + 1) + ["---:"] * (len(headings) - len(situations) - 1))
                 + " |")
    for row in rows:
        against = CANDIDATE if section == "ledger" else BASELINE
        baseline = _find(rows, against, row.situation)
        ratios = [
            row.ratio(baseline, key) if baseline and row.target != against else None for key, _ in RATIOS[section]]
        cells = [*map(str, row.situation), row.target]
        cells += [_cell(row.median(key), form) for _, key, form in columns]
        cells += [_cell(ratio, "{:.3f}" if section == "ledger" else "{:.2f}") for ratio in ratios]
        lines.append("| " + " | ".join(cells) + " |")
    failures = [f"- {' '.join(map(str, row.situation))} {row.target}: {error}".replace("-  ", "- ")
                for row in rows for error in row.errors]
    if failures:
        lines += ["", "Failed rounds:", "", *failures]
    return "\n".join(lines) + "\n"


class Verdict:
    """One requirement: what it says, the figure found (None if there is none), the limit, and which side is good."""

    def __init__(self, requirement, value, limit, at_most, unit=""):
        self.requirement = requirement
        self.value = value
        self.limit = limit
        self.at_most = at_most
        self.unit = unit

    @property
    def passed(self):
        if self.value is None:
            return False
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    def line(self):
        value = "no figure" if self.value is None else f"{self.value:.2f}{self.unit}"
        sign = "<=" if self.at_most else ">="
        word = "PASS" if self.passed else "FAIL"
        return f"| {word} | {self.requirement} | {value} | {sign} {self.limit:.2f}{self.unit} |"


def verdicts(results):
    """The requirements that the sections in `results` (name -> rows) answer. A failed round fails the requirement's
    figure only by being absent from it; a target without any figure fails."""
    found = []

    def ratio(rows, situation, key):
        mine, theirs = _find(rows, CANDIDATE, situation), _find(rows, BASELINE, situation)
        return mine.ratio(theirs, key) if mine and theirs else None

    if "statements" in results:
        rows = results["statements"]
        for protocol in ("text", "prepared"):
            situation = (protocol, JUDGED_CONNECTIONS)
            what = f"{protocol} point select at {JUDGED_CONNECTIONS} connections"
            found.append(Verdict(
                f"CPU per {what}, by HAProxy's", ratio(rows, situation, "cpu"), CPU_RATIO_MAX, True))
            found.append(Verdict(
                f"throughput, {what}, by HAProxy's", ratio(rows, situation, "rate"), RATE_RATIO_MIN, False))
    if "ledger" in results:
        rows = results["ledger"]
        for protocol in ("text", "prepared"):
            mine, without = _find(rows, WATCHED, (protocol, 64)), _find(rows, CANDIDATE, (protocol, 64))
            found.append(Verdict(
                f"CPU per {protocol} point select with log, HTTP and scrapes, by that without",
                mine.ratio(without, "cpu") if mine and without else None, WATCHED_RATIO_MAX, True))
    if "bulk" in results:
        found.append(Verdict(
            "100 MB result set, rate by HAProxy's", ratio(results["bulk"], (), "rate"), BULK_RATIO_MIN, False))
    if "idle" in results:
        row = _find(results["idle"], CANDIDATE, ())
        found.append(Verdict(
            "resident memory per idle session", row.median("session") if row else None, IDLE_KIB_MAX, True, " KiB"))
    return found


def verdict_table(found):
    return "\n".join(["### Verdicts", "", "| | requirement | found | limit |", "| --- | --- | ---: | ---: |",
                      *(verdict.line() for verdict in found)]) + "\n"


def others_line(results):
    """What the machine did besides: figures of a busy machine are worth little."""
    shares = sorted(
        sample["others"] for rows in results.values() for row in rows for sample in row.samples
        if sample and "others" in sample)
    if not shares:
        return ""
    return (f"Other processes took {shares[len(shares) // 2]:.0%} of the machine's CPU time in the median measurement, "
            f"{shares[-1]:.0%} in the worst.\n")
