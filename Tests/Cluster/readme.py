"""What README.md tells people to write, as it stands there: the testbed types it, word for word."""

import os
import re

from machine import ROOT, TestbedError

BLOCK = r"^```sh crmsh {}(?: after \S+)?\n(.*?)^```$"


def text():
    with open(os.path.join(ROOT, "README.md")) as file:
        return file.read()


def found(what, pattern, flags=0):
    match = re.search(pattern, text(), flags)
    if not match:
        raise TestbedError(f"README.md has no {what}")
    return match.group(1)


def cluster_lines():
    """The crmsh lines of "In a Pacemaker cluster"."""
    return found("crmsh lines", BLOCK.format("readme"), re.S | re.M)


def configuration():
    """The smallest configuration, listening as it says for database nodes, with the password that the testbed has."""
    whole = found("configuration", r"^```toml\n(.*?)^```$", re.S | re.M)
    listen = found("line for database nodes", r'`(listen = \["[^`]*"\])`')
    return re.sub(r"^listen = .*$", listen, whole, flags=re.M).replace('"…"', '"proxy"')


def bind_address():
    """The node's own address, as it is said for cluster1."""
    return found("bind-address", r"`bind-address = (\S+)` on cluster1")


def user():
    """The command that makes the proxy's user."""
    return found("useradd", r"^ *(useradd .*haproxydb)$", re.M)
