"""The study's tables from its runs' figures, beside the paper's: as text, JSON and one HTML page."""
import glob
import html
import json
import os
import re
import statistics

# What is known of the seed study's paper; its table of throughput is not.
# Availability by users, (PUM - UOM) / PUM in percent.
PAPER_USERS = {10: "99.81", 50: "99.97", 100: "99.99", 300: "99.99", 500: "99.99"}
# Availability by time, (AST - DT) / AST: AST is 100 hours; minutes of downtime and percent.
PAPER_TIME = ((5, "99.92"), (20, "99.67"), (30, "99.50"), (40, "99.34"))
PAPER_AST_HOURS = 100
# Seconds: (failover, fallback).
PAPER_CONDITIONS = {
    "server down": (52, 50),
    "cluster offline": (10, 7),
    "server up": (20, 20),
    "cluster online": (16, 15),
    "server reboot": (20, 9),
}
# How far ledger and samples may lie apart: of user-minutes (share), and of begin and end (seconds).
USER_MINUTES_OFF = 0.02
MOMENTS_OFF = 0.1

METHOD = (
    "The paper's percentages are of hours of service in which little was down; a run here is a minute with an outage in its "
    "middle. So the same user-minutes and seconds are also set against the paper's 100 hours, with one such outage in them.",
    "The paper's availability grows with the users as if the user-minutes lost did not: 0.19 % of 10 users' are 0.04 % of "
    "50 users'. Here every user counts who is not served: user-minutes lost grow with the users, and the percentage does not.",
    "The paper's seconds are those of its machines, its DRBD and its data. Here both columns meet the same cluster software "
    "on one machine, in namespaces, with a stand-in for DRBD (docs/cluster-testbed.md) and a small database: compare the "
    "columns with each other, not with the paper.",
    "The paper's users went to the floating address; how they connected, thought and retried is not known here. Ours keep a "
    "connection, think for a second, and go on 0.5 s after an error.",
    "The paper's throughput is not known here; and with thinking users it says how many users there are, not what a server "
    "can do. What a proxy costs is measured by `make bench`.",
)


def ledger_figures(report, fault):
    """What a run needs of `haproxydb report --format json`; the outage is the longest felt one after the fault."""
    everyone = report["availability_by_users"][-1]
    felt = [outage for outage in report["outages"] if outage["felt"]]
    uom = {view: sum(outage["user_minutes_lost"] for outage in felt if outage[view]) for view in ("felt", "errors", "delay")}
    after = [outage for outage in felt if outage["began_unix_ns"] / 1e9 > fault - 1]
    longest = max(after, key=lambda outage: outage["seconds"], default=None)
    keys = ("began_unix_ns", "seconds", "kind", "planned", "detection_seconds", "without_primary_seconds", "phases", "held",
            "rerun", "failed", "moved", "refused", "users_affected")
    return {
        "pum": everyone["pum_user_minutes"], "uom": uom, "availability_by_users": everyone["availability_percent"],
        "by_time": {line["view"]: line for line in report["availability_by_time"]}, "outages": len(felt),
        "outage": {key: longest[key] for key in keys} if longest else None, "totals": report["totals"],
    }


def agreement(run):
    """The proxy's ledger against JMeter's samples: how far they are apart. Nil without a ledger."""
    ledger = run.get("ledger")
    if not ledger:
        return None

    def off(mine, theirs):
        return (mine - theirs) / theirs if theirs else (0.0 if mine == 0 else float("inf"))
    found = {"pum": off(ledger["pum"], run["pum"]), "uom": off(ledger["uom"]["felt"], run["uom_connected"]),
             "began": None, "ended": None}
    if ledger["outage"] and run["down"][0]:
        began = ledger["outage"]["began_unix_ns"] / 1e9
        found["began"] = began - run["down"][0]
        found["ended"] = began + ledger["outage"]["seconds"] - run["down"][1]
    return found


def broken_promises(run, honest):
    """What the proxy must not do, and did: sentences."""
    if run["target"] != "proxy":
        return []
    broken = list(run["writes"]["wrong"])
    for kind, count in run["errors"].items():
        if kind.split(" ", 1)[1] not in honest:
            broken.append(f"{count} × {kind}: no error that a client should see")
    if run["users_not_back"]:
        broken.append(f"{run['users_not_back']} users were not served again")
    found = agreement(run)
    if found:
        for key in ("pum", "uom"):
            if abs(found[key]) > USER_MINUTES_OFF:
                broken.append(f"{key.upper()}: the ledger is {found[key] * 100:+.1f} % off the samples")
        for key in ("began", "ended"):
            if found[key] is not None and abs(found[key]) > MOMENTS_OFF:
                broken.append(f"the outage {key} {found[key] * 1000:+.0f} ms by the ledger, against the samples")
    return broken


# Numbers as texts

def cut(value, digits=4):
    """A percentage, cut and not rounded: 99.99996 is not 100."""
    if value is None:
        return "-"
    return "100" if value >= 100 else f"{int(value * 10 ** digits + 1e-6) / 10 ** digits:.{digits}f}"


def number(value, digits=2):
    return "-" if value is None else f"{value:,.{digits}f}"


def over_100_hours(run, uom):
    """The percentage that the paper's 100 hours would have with this one outage in them."""
    pum = run["users"] * PAPER_AST_HOURS * 60
    return (pum - uom) / pum * 100


PROGRESS = ("run  users  target    direction  DT s   UOM felt  errors  UOM err  answered  p50 ms  p95 ms  load\n"
            "---  -----  --------  ---------  -----  --------  ------  -------  --------  ------  ------  ----")


def progress(run):
    rest = run["response_at_rest"]
    line = (f"{run['run']:>3}  {run['users']:>5}  {run['target']:<8}  {run['direction']:<9}  {run['dt']:>5.2f}  "
            f"{run['uom']['felt']:>8.3f}  {sum(run['errors'].values()):>6}  {run['uom']['errors']:>7.3f}  "
            f"{run['response']['answered']:>8}  {number(rest['p50_ms']):>6}  {number(rest['p95_ms']):>6}  {run['load']:>4.1f}")
    return "\n".join([line] + [f"     BROKEN {promise}" for promise in run["broken"]])


def load(results):
    runs = []
    for path in sorted(glob.glob(os.path.join(results, "[0-9][0-9]-*", "run.json"))):
        with open(path) as file:
            runs.append(json.load(file))
    try:
        with open(os.path.join(results, "conditions.json")) as file:
            conditions = json.load(file)["rows"]
    except (FileNotFoundError, ValueError):
        conditions = []
    return {"runs": runs, "conditions": conditions}


# Tables: (title, columns, rows, note)

def pairs(study):
    """(users, run through the floating address or None, run through the proxy or None), by users; the last of several."""
    found = {}
    for run in study["runs"]:
        found.setdefault(run["users"], {})[run["target"]] = run
    return [(users, found[users].get("floating"), found[users].get("proxy")) for users in sorted(found)]


def by_users(study):
    def hundred(run, uom):
        return cut(over_100_hours(run, uom), 4) if run else "-"
    rows = []
    for users, floating, proxy in pairs(study):
        ledger = proxy and proxy.get("ledger")
        rows.append([
            str(users), PAPER_USERS.get(users, "-"), hundred(floating, floating and floating["uom"]["felt"]),
            hundred(floating, floating and floating["uom"]["errors"]), hundred(proxy, proxy and proxy["uom"]["felt"]),
            hundred(proxy, proxy and proxy["uom"]["errors"]), hundred(ledger and proxy, ledger and ledger["uom"]["felt"])])
    return ("Availability by users, one outage in 100 hours: (PUM - UOM) / PUM, percent",
            ["users", "paper", "floating", "floating, errors", "proxy", "proxy, errors", "proxy's ledger"], rows,
            "PUM: the users times the paper's 100 hours. UOM: as measured, below. errors: only users who were told an error "
            "count, for as long as it took them to be served; the others waited.")


def by_users_measured(study):
    rows = []
    for users, floating, proxy in pairs(study):
        ledger = proxy and proxy.get("ledger")
        for run in (floating, proxy):
            if run:
                rows.append([str(users), run["target"], number(run["pum"], 2)]
                            + [number(run["uom"][view], 3) for view in ("felt", "errors", "delay")]
                            + [cut(run["availability_by_users"][view]) for view in ("felt", "errors", "delay")])
        if ledger:
            rows.append([str(users), "ledger", number(ledger["pum"], 2)]
                        + [number(ledger["uom"][view], 3) for view in ("felt", "errors", "delay")]
                        + [cut(ledger["availability_by_users"]), "-", "-"])
    return ("Availability by users in the run itself",
            ["users", "source", "PUM", "UOM", "UOM errors", "UOM delay", "%", "errors %", "delay %"], rows,
            "User-minutes by JMeter's samples: a user is out from the request that failed or waited (over 0.1 s) to its next "
            "answered one. delay: only who was out for more than 1 s. ledger: what the proxy recorded; it tells errors and "
            "delay apart by outages, not by users.")


def by_time(study):
    rows = [["paper", "-", f"{PAPER_AST_HOURS * 60}", f"{minutes}", percent, percent] for minutes, percent in PAPER_TIME]
    for users, floating, proxy in pairs(study):
        for run in (floating, proxy):
            if run:
                whole = PAPER_AST_HOURS * 3600
                rows.append([
                    run["target"], str(users), number(run["seconds"] / 60), number(run["dt"] / 60, 4),
                    cut(run["availability_by_time"]), cut((whole - run["dt"]) / whole * 100)])
        ledger = proxy and proxy.get("ledger")
        if ledger:
            line = ledger["by_time"]["felt"]
            whole = PAPER_AST_HOURS * 3600
            rows.append(["ledger", str(users), number(line["ast_seconds"] / 60), number(line["dt_seconds"] / 60, 4),
                         cut(line["availability_percent"]), cut((whole - line["dt_seconds"]) / whole * 100)])
    return ("Availability by time: (AST - DT) / AST", ["source", "users", "AST min", "DT min", "%", "100 h %"], rows,
            "DT: from the first request that met the outage to the first one answered again. Through the proxy a request waits "
            "that long; through the floating address it fails. Percentages are cut; the paper rounds.")


def of_condition(study, condition, direction, target):
    """Seconds without an answer: the runs' own for the fault that they did, the cluster test's for the others."""
    kinds = {"server": "server down", "node": "server reboot", "power": "power cut"}
    own = [run["dt"] for run in study["runs"] if kinds[run["fault_kind"]] == condition
           and run["direction"] == direction and run["target"] == target]
    column = {"floating": "floating", "proxy": "proxied"}[target]
    others = [row for row in study["conditions"] if row["condition"] == condition and row["direction"] == direction]
    return own, [row[column] for row in others]


def by_condition(study):
    def text(values):
        if not values:
            return "-"
        middle = f"{statistics.median(values):.1f}"
        return middle if len(values) == 1 else f"{middle} ({min(values):.1f}-{max(values):.1f})"
    rows = []
    names = list(PAPER_CONDITIONS)
    if any(run["fault_kind"] == "power" for run in study["runs"]):
        names.append("power cut")
    for condition in names:
        paper = PAPER_CONDITIONS.get(condition, ("-", "-"))
        for index, direction in enumerate(("failover", "fallback")):
            own_floating, floating = of_condition(study, condition, direction, "floating")
            own_proxy, proxy = of_condition(study, condition, direction, "proxy")
            rows.append([condition, direction, str(paper[index]), text(own_floating), text(own_proxy), text(floating),
                         text(proxy)])
    return ("Failover and fallback times (seconds)",
            ["condition", "direction", "paper", "JMeter, floating", "JMeter, proxy", "10 clients, floating",
             "10 clients, proxy"], rows,
            "JMeter: medians over this study's runs (least-most), without an answered request. 10 clients: `cluster-test`'s "
            "clients, longest time without an acknowledged write; both targets at once (STUDY_CONDITIONS=yes).")


def by_throughput(study):
    rows = []
    for users, floating, proxy in pairs(study):
        for run in (floating, proxy):
            if run:
                rest, whole = run["response_at_rest"], run["response"]
                rows.append([str(users), run["target"], number(rest["per_second"], 1)]
                            + [number(rest[key]) for key in ("mean_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms")]
                            + [number(whole["per_second"], 1), number(whole["mean_ms"], 1), number(whole["max_ms"], 0)])
    return ("Throughput and response time by users",
            ["users", "target", "at rest: /s", "mean ms", "p50", "p95", "p99", "max", "whole run: /s", "mean ms", "max"], rows,
            "At rest: without the outage. Users think: the rate is theirs, not what the server can do. Answered requests only: "
            "through the floating address those of the outage failed and are not in it; through the proxy they waited and are.")


def by_errors(study):
    rows = []
    for users, floating, proxy in pairs(study):
        for run in (floating, proxy):
            if run:
                told = ", ".join(f"{count} × {kind}" for kind, count in run["errors"].items()) or "none"
                rows.append([str(users), run["target"], f"{run['users_affected']}", f"{run['users_with_errors']}",
                             number(run["longest_trouble"]), told])
    return ("What users were told",
            ["users", "target", "affected", "with errors", "longest s", "errors (request number/SQLSTATE)"], rows,
            "affected: users who waited or got an error; longest: until one user was served again. Through the proxy 1927 "
            "(08007) is a write under way when the primary died, 1213 (40001) a transaction rolled back for certain.")


def by_agreement(study):
    rows = []
    for run in study["runs"]:
        found = agreement(run)
        if found:
            outage = run["ledger"]["outage"] or {}
            rows.append([str(run["users"]), number(run["pum"], 2), number(run["ledger"]["pum"], 2), f"{found['pum'] * 100:+.2f}",
                         number(run["uom_connected"], 3), number(run["ledger"]["uom"]["felt"], 3), f"{found['uom'] * 100:+.2f}",
                         *("-" if found[key] is None else f"{found[key] * 1000:+.0f}" for key in ("began", "ended")),
                         str(run["ledger"]["outages"]), outage.get("kind", "-"),
                         number(outage.get("without_primary_seconds"))])
    return ("The proxy's ledger against JMeter's samples",
            ["users", "PUM samples", "PUM ledger", "off %", "UOM samples", "UOM ledger", "off %", "begin off ms", "end off ms",
             "outages", "kind", "without primary s"], rows,
            "Two accounts of the same minute, by different programs: at most 2 % and 100 ms apart. Of the samples' UOM without the "
            "0.5 s between an error that made a user throw its connection away and the next try: who has no connection is not "
            "known to the proxy.")


def by_writes(study):
    rows = [[str(run["run"]), str(run["users"]), run["target"], str(run["writes"]["acknowledged_increments"]),
             str(run["writes"]["unknown_increments"]), str(run["writes"]["increments"]),
             str(run["writes"]["acknowledged_inserts"]), str(run["writes"]["missing"]), str(run["writes"]["twice"]),
             str(run["writes"]["rolled_back_and_there"])] for run in study["runs"]]
    return ("Writes",
            ["run", "users", "target", "increments acknowledged", "unknown", "found", "inserts acknowledged", "missing",
             "twice", "rolled back and there"], rows,
            "Found must lie between acknowledged and acknowledged + unknown. Unknown: the request was not answered, or 08007.")


def all_tables(study):
    parts = (by_users, by_users_measured, by_time, by_condition, by_throughput, by_errors, by_agreement, by_writes)
    return [table for table in (part(study) for part in parts) if table[2]]


# A number as the tables write it, a range of them, or none.
NUMBER = re.compile(r"-|[-+]?[\d,.]+( \([\d.]+-[\d.]+\))?")


def text(study):
    out = []
    for title, columns, rows, note in all_tables(study):
        out.append(title)
        widths = [max(len(line[i]) for line in [columns] + rows) for i in range(len(columns))]
        numeric = [all(NUMBER.fullmatch(row[i]) for row in rows) for i in range(len(columns))]
        for line in [columns] + rows:
            cells = (cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(line, widths, numeric))
            out.append("  " + "  ".join(cells).rstrip())
            if line is columns:
                out.append("  " + "  ".join("-" * width for width in widths))
        out += folded(note, "  ") + [""]
    out.append("Where ours differ in method, and why")
    for point in METHOD:
        out += folded(point, "  - ")
    for run in study["runs"]:
        out += [f"BROKEN run {run['run']}, {run['users']} users: {promise}" for promise in run["broken"]]
    return "\n".join(out) + "\n"


def folded(sentence, indent, width=118):
    lines, line = [], indent
    for word in sentence.split():
        if len(line) + len(word) + 1 > width:
            lines.append(line)
            line = " " * len(indent)
        line += word if line.strip() in ("", "-") and line.endswith(" ") else " " + word
    return lines + [line]


def as_json(study):
    paper = {"availability_by_users": PAPER_USERS, "availability_by_time": {
        "ast_hours": PAPER_AST_HOURS, "downtime_minutes": dict(PAPER_TIME)}, "times_by_condition": {
        name: {"failover_seconds": pair[0], "fallback_seconds": pair[1]} for name, pair in PAPER_CONDITIONS.items()}}
    runs = [{**run, "agreement": agreement(run)} for run in study["runs"]]
    return json.dumps({"paper": paper, "method": METHOD, "runs": runs, "conditions": study["conditions"]}, indent=1) + "\n"


STYLE = """:root{color-scheme:light dark}body{margin:0;font:15px/1.45 system-ui,sans-serif}main{max-width:1180px;margin:auto;
padding:16px}h2{font-size:1.1em;margin:1.6em 0 .3em}.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85em;
font-variant-numeric:tabular-nums}th,td{text-align:left;padding:4px 12px 4px 0;border-bottom:1px solid #8886;white-space:nowrap}
p{font-size:.85em;opacity:.8}"""


def page(study):
    """One file without outside resources."""
    body = []
    for title, columns, rows, note in all_tables(study):
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in columns)
        lines = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        body.append(f"<h2>{html.escape(title)}</h2><div class=wide><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody>"
                    f"</table></div><p>{html.escape(note)}</p>")
    points = "".join(f"<li>{html.escape(point)}</li>" for point in METHOD)
    return (f"<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width,"
            f"initial-scale=1'><link rel=icon href='data:,'><title>The study</title><style>{STYLE}</style></head><body><main>"
            f"<h1>The study, with the proxy and without</h1>{''.join(body)}<h2>Where ours differ in method, and why</h2>"
            f"<ul>{points}</ul></main></body></html>\n")


FORMATS = {"text": text, "json": as_json, "html": page}
