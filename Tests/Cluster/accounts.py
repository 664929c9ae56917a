"""What the clients wrote down (clients.py), read while they go on, and held against what is there at the end."""

import collections
import json

# The seed study's table 3: seconds, (failover, fallback).
STUDY = {
    "server down": (52, 50),
    "cluster offline": (10, 7),
    "server up": (20, 20),
    "cluster online": (16, 15),
    "server reboot": (20, 9),
}
# What a client of the proxy may be told when a primary dies under its statement (README, the table of outcomes).
HONEST = ("1213 40001", "1927 08007")
# What the database has: every row of the load with its number, for `rows_of`.
ROWS = "SELECT client, seq, COUNT(*) FROM w GROUP BY client, seq"


class Log:
    """The lines that one process of clients.py writes, read as they come."""

    def __init__(self, path):
        self.file = open(path)
        self.partial = ""
        self.acks, self.errors, self.reads, self.nodes = [], [], [], []

    def take(self):
        chunk = self.partial + self.file.read()
        *lines, self.partial = chunk.split("\n")
        for line in lines:
            ((kind, value),) = json.loads(line).items()
            {"ack": self.acks, "error": self.errors, "read": self.reads, "node": self.nodes}[kind].append(value)

    def acked_since(self, moment):
        self.take()
        return any(ack[0] > moment for ack in self.acks[-50:])

    def gap(self, since, until):
        """The longest time without an acknowledged write, of all clients together: its length and its end."""
        moments = sorted(ack[1] for ack in self.acks if since <= ack[1] <= until)
        if not moments:
            return until - since, until
        pairs = zip([since] + moments, moments + [until])
        return max((later - earlier, later) for earlier, later in pairs)

    def silence(self, since, until):
        """The longest time without any answer to a statement: its length and its end."""
        moments = sorted(line[1] for line in self.acks + self.reads if since <= line[1] <= until)
        pairs = zip([since] + moments, moments + [until])
        return max((later - earlier, later) for earlier, later in pairs)

    def worst_wait(self, since, until):
        """The longest that one statement was under way, answered with success."""
        return max((line[1] - line[0] for line in self.acks + self.reads if since <= line[1] <= until), default=0)

    def classes(self, since, until):
        return collections.Counter(line[3] for line in self.errors if since <= line[1] <= until)


def rows_of(output):
    """The answer to ROWS, as mariadb -N -B prints it: {(client, seq): how often}."""
    return {(client, int(seq)): int(count) for client, seq, count in map(str.split, output.splitlines())}


def account(log, prefix, found):
    """The acknowledged writes of one group of clients (their names begin with `prefix`) against the rows that are
    there: totals, and when each missing one was acknowledged."""
    log.take()
    acked = [(ack[1], (ack[2], seq)) for ack in log.acks for seq in ack[3]]
    missing = [moment for moment, key in acked if key not in found]
    twice = [key for key, count in found.items() if count > 1 and key[0].startswith(prefix)]
    undone = [(error[2], seq) for error in log.errors if error[3] == "1213 40001" for seq in error[6]]
    unwelcome = [key for key in undone if key in found]
    return {"acknowledged": len(acked), "missing": len(missing), "twice": len(twice),
            "rolled back": len(undone), "rolled back and there": len(unwelcome)}, missing


def described(errors):
    return ", ".join(f"{count} × {kind}" for kind, count in sorted(errors.items())) or "none"
