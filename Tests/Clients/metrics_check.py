"""Reads /metrics with Prometheus' own parser and finds fault as `promtool check metrics` does.

    metrics_check.py URL

Prints how many samples there are; or what is wrong, with exit status 1.
"""

import math
import re
import sys
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

with urllib.request.urlopen(sys.argv[1], timeout=20) as answer:
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), answer.headers["Content-Type"]
    text = answer.read().decode()

faults = []
seen = set()
families = {}
for family in text_string_to_metric_families(text):
    name = family.name
    if name in families:
        faults.append(f"{name} is there twice")
    families[name] = family
    if not family.documentation:
        faults.append(f"{name} has no help")
    if family.type not in ("counter", "gauge", "histogram"):
        faults.append(f"{name} is of type {family.type}")
    if not re.fullmatch(r"(haproxy|haproxydb)_[a-z0-9_]+", name) or "__" in name:
        faults.append(f"{name} is no name of ours")
    if family.type == "gauge" and name.endswith(("_total", "_count", "_sum", "_bucket")):
        faults.append(f"{name} is a gauge with a name of something else")
    for sample in family.samples:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        if key in seen:
            faults.append(f"{key} is there twice")
        seen.add(key)
        if family.type == "counter" and not sample.name.endswith("_total"):
            faults.append(f"the counter {sample.name} does not end in _total")
        if family.type != "gauge" and (sample.value < 0 or math.isnan(sample.value)):
            faults.append(f"{sample.name} is {sample.value}")
    if family.type == "histogram":
        buckets = [s.value for s in family.samples if s.name == name + "_bucket"]
        count = [s.value for s in family.samples if s.name == name + "_count"]
        if buckets != sorted(buckets) or [buckets[-1]] != count:
            faults.append(f"the buckets of {name} are {buckets}, the count is {count}")
for line in text.splitlines():
    if line.startswith("# TYPE ") and line.split()[2] not in {n for f in families.values() for n in (f.name, f.name + "_total")}:
        faults.append(f"{line} has no samples")
if len(families) < 40:
    faults.append(f"there are no more than {len(families)} metrics")
for fault in faults:
    print(fault)
if faults:
    sys.exit(1)
print(len(seen))
