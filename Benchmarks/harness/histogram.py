"""sysbench's latency histogram: lines of `value |**** count`, values in milliseconds, about 2 % apart."""

import re

_LINE = re.compile(r"^\s*([\d.]+)\s+\|\**\s*(\d+)\s*$", re.MULTILINE)


def parse(text):
    """The (milliseconds, count) buckets in a report, ascending."""
    return sorted((float(value), int(count)) for value, count in _LINE.findall(text))


def quantile(buckets, q):
    """The value of the bucket that holds the q-th part of all counts, 0 < q <= 1; None without any count."""
    total = sum(count for _, count in buckets)
    seen = 0
    for value, count in buckets:
        seen += count
        if seen >= q * total and seen > 0:
            return value
    return None
