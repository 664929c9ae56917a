"""Two proxies in the cluster, on the database nodes themselves, with their floating address, by README's own lines: planned
moves cost nobody anything, and a node's crash no session but those of the proxy that was on it."""

import time

from accounts import HONEST
from conditions import Conditions
from machine import NODES, PROXIES, other, wait_for


class Proxies(Conditions):
    proxied_host = PROXIES

    def place(self):
        """The node that has the proxies' address."""
        return wait_for("the proxies' address", self.testbed.proxies_node, 60)

    def run(self):
        database = wait_for("a primary", self.testbed.primary, 60)
        self.say(f"the database is on {database}, the proxies' address on {self.place()}")
        for _ in NODES:
            self.planned_move_beside()
        for _ in NODES:
            self.planned_standby_beside()
        # The database's node, while the address is on the other one; then the node that has both.
        self.apart()
        self.crash(self.testbed.primary(), "database's node")
        self.crash(self.testbed.primary(), "node of both")
        # And the one that has the address alone.
        self.apart()
        self.crash(self.place(), "proxies' node")
        self.check_checks()

    def apart(self):
        """The database on the node without the address, by a planned move."""
        if self.testbed.primary() == self.place():
            self.planned_move_beside()

    # Moves

    def planned_move_beside(self):
        self.stays("crm resource move", self.planned_move)

    def planned_standby_beside(self):
        """A node in standby runs no proxy either: where it has the address, its sessions end with the proxy."""
        database = self.testbed.primary()
        if self.place() == database:
            self.planned_move_beside()
            database = self.testbed.primary()
        self.stays("crm node standby", self.planned_standby)

    def stays(self, what, move):
        before = self.place()
        move(self.testbed.primary())
        if self.place() != before:
            self.fail(f"{what}: the proxies' address went from {before} to {self.place()}, with all sessions")

    # Crashes

    def crash(self, node, what):
        """All processes of a node end at once, as at a reset; then it comes back, and nothing moves again."""
        database, address = self.testbed.primary(), self.place()
        target = other(node) if database == node else database
        had_address = address == node
        begun = time.monotonic()
        row = self.measure(f"crash: {what}", database, target, lambda: self.testbed.kill_node(node),
                           allows=lambda kind: kind in HONEST or had_address and kind.endswith(" connection"))
        if not had_address and self.lost(row):
            self.fail(f"crash: {what}: {self.lost(row)} sessions of the other proxy were lost")
        if self.place() != (other(node) if had_address else address):
            self.fail(f"crash: {what}: the proxies' address is on {self.place()}")
        self.say(f"without the node {time.monotonic() - begun:.0f} s, {self.lost(row)} connections lost")
        begun = time.monotonic()
        self.testbed.start_node(node)
        self.rest()
        self.note_row("and back", target, target, begun, planned=True)
        if self.testbed.primary() != target or self.place() == node and had_address:
            self.fail(f"crash: {what}: what had moved went back to {node}")

    @staticmethod
    def lost(row):
        return sum(count for kind, count in row["proxied errors"].items() if kind.endswith(" connection"))

    # The end

    def check_checks(self):
        """Neither proxy took the other, or itself, for a server."""
        for node in NODES:
            said = self.testbed.on(node, "haproxydb", "ctl", "--socket", "/run/haproxydb/admin.sock", "show", "cluster")
            for word in ("caution: nodeIsProxy", "twoPrimaries"):
                if word in said:
                    self.fail(f"{node}'s proxy says {word}:\n{said}")

    def check_outages(self):
        """Each proxy has a log of its own, and neither saw all."""
