"""Faults that are no clean death: a cable that loses one direction, a third of all, or time; a transaction that stays
open before a planned move; a power switch that takes its time; a second kill while the first is being mended; both
nodes cold. Each leaves the primary where it was."""

import contextlib
import json
import subprocess
import time

from machine import APPS, HERE, NODES, other, run, wait_for


class Faults:
    def __init__(self, conditions):
        self.conditions = conditions
        self.testbed = conditions.testbed
        self.witness = conditions.witness

    @property
    def words(self):
        """By word: what is done with a node that is primary before and after."""
        words = {"oneway": self.one_way, "loss": self.loss, "latency": self.latency, "slowfence": self.slow_fence,
                 "twice": self.killed_twice, "cold": self.both_cold}
        if self.testbed.has_gate:
            words["open"] = self.open_transaction
        return words

    # The network

    @contextlib.contextmanager
    def losing(self, *rules):
        """While it lasts the switch drops what the rules match."""
        def nft(text):
            run("ip", "netns", "exec", "hdb-switch", "nft", text)
        nft("add table bridge faults; add chain bridge faults forward { type filter hook forward priority 0; }")
        try:
            for rule in rules:
                nft(f"add rule bridge faults forward {rule} drop")
            yield
        finally:
            nft("delete table bridge faults")

    @contextlib.contextmanager
    def late(self, node, milliseconds):
        """While it lasts the node's cable takes so long, each way."""
        def ip(*words, check=True):
            run("ip", "-n", "hdb-switch", *words, check=check)
        ip("link", "add", "far", "type", "veth", "peer", "name", "near")
        ip("link", "set", "far", "up")
        ip("link", "set", "near", "master", "br0", "up")
        ip("link", "set", node, "nomaster")
        self.testbed.spawn("delay", "ip", "netns", "exec", "hdb-switch", f"{HERE}/delay", node, "far", str(milliseconds))
        try:
            yield
        finally:
            self.testbed.stop_process("delay")
            ip("link", "del", "far", check=False)
            ip("link", "set", node, "master", "br0")

    def undisturbed(self, condition, node, begun, gap=1.5):
        """A row of the primary that stayed: the proxy's clients felt nothing but a wait of at most `gap`."""
        row = self.conditions.note_row(condition, node, node, begun, allows=().__contains__)
        if row["proxied"] > gap:
            self.conditions.fail(f"{condition}: the primary stayed, and the proxy's clients waited {row['proxied']:.1f} s: "
                                 f"{self.conditions.cluster_word()}")
        lost = [text for _, text in self.witness.notes(begun, time.monotonic()) if "Primary lost" in text]
        if lost:
            self.conditions.fail(f"{condition}: the primary stayed, and the proxy said: {lost[0]}")

    def settle(self, node):
        """Until all is at rest, with the primary at home."""
        wait_for("both nodes", lambda: all(self.testbed.is_online(each) for each in NODES), 90)
        # Nodes that were cut off and find each other again may wait 80 s for an operation that nobody answers.
        found = wait_for("a primary at rest", self.testbed.primary, 200)
        tree = self.testbed.monitor()
        if tree is not None and tree.find("failures") is not None:
            self.testbed.on(found, "crm_resource", "--cleanup")
        self.conditions.rest()
        if found != node:
            self.conditions.planned_move(found)
        self.conditions.wait_for_writes(time.monotonic())

    def one_way(self, node):
        """What the primary says does not come to the other node, and then not to the applications."""
        standby = other(node)
        begun = time.monotonic()
        with self.losing(f'iifname "{node}" oifname "{standby}"'):
            wait_for(f"{standby} to miss {node}", lambda: self.misses(standby, node), 60)
            time.sleep(3)
        self.settle(node)
        self.undisturbed("one way, nodes", node, begun)
        begun = time.monotonic()
        with self.losing(f'iifname "{node}" oifname "apps"'):
            time.sleep(8)  # Less than primary_timeout.
        self.conditions.wait_for_writes(time.monotonic())
        # The kernels try again after as long as they have tried already.
        self.undisturbed("one way, clients", node, begun, gap=25)
        self.settle(node)

    def misses(self, node, peer):
        """Whether the one has declared the other lost, by its own word."""
        tree = self.testbed.monitor(nodes=(node,))
        return tree is not None and any(
            item.get("name") == peer and item.get("online") == "false" for item in tree.find("nodes"))

    def loss(self, node):
        """Three of ten frames from and to the primary are lost."""
        begun = time.monotonic()
        with self.losing(f'iifname "{node}" numgen random mod 100 < 30', f'oifname "{node}" numgen random mod 100 < 30'):
            time.sleep(15)
        self.conditions.wait_for_writes(time.monotonic())
        where = wait_for("a primary", self.testbed.primary, 150)
        self.conditions.note_row("30 % loss", node, where, begun)
        self.settle(node)

    def latency(self, node):
        """The primary is 50 ms away."""
        begun = time.monotonic()
        with self.late(node, 50):
            time.sleep(10)
        self.conditions.wait_for_writes(time.monotonic())
        self.undisturbed("100 ms round trip", node, begun, gap=2.5)
        self.settle(node)

    # Clients

    def open_transaction(self, node):
        """One transaction stays open: longer than the gate waits, and then shorter."""
        for source, seconds, must in ((node, 40, "1213 40001"), (other(node), 3, "committed")):
            target = other(source)
            holder = subprocess.Popen(
                ("ip", "netns", "exec", "hdb-apps", "/usr/bin/python3", f"{HERE}/holder", APPS, str(seconds)),
                stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
            holder.stdout.readline()
            condition = f"transaction open {seconds} s"
            self.conditions.measure(
                condition, source, target,
                lambda: self.testbed.on(source, "crm", "resource", "move", "ms_drbd_mysql", target, "force"), planned=True)
            self.testbed.on(source, "crm", "resource", "clear", "ms_drbd_mysql")
            said = json.loads(holder.communicate("end\n", timeout=90)[0].splitlines()[-1])
            self.conditions.say(f"the open transaction: {said['outcome']}, its row is {'there' if said['found'] else 'not there'}")
            if said["outcome"] != must or said["found"] != (must == "committed"):
                self.conditions.fail(f"{condition}: {said}, and should be {must}")
            self.conditions.rest()

    # Nodes

    def slow_fence(self, node):
        """The power switch takes 12 s."""
        self.conditions.fencing_on(node)
        with open(self.testbed.path("fence/seconds"), "w") as file:
            file.write("12")
        target = other(node)
        self.conditions.measure("power cut, slow fence", node, target, lambda: self.testbed.power_off(node))
        row = self.conditions.rows[-1]
        if self.testbed.has_agents and not self.witness.fencing_told(*row["window"]):
            self.conditions.fail("power cut, slow fence: the phase fencing was not told")
        self.testbed.start_node(node)
        self.conditions.rest()
        self.conditions.fencing_off(target)
        self.settle(node)

    def killed_twice(self, node):
        """The server is killed, and the next one while it starts: on neither node may there be one any more, until somebody
        cleans up."""
        begun = time.monotonic()
        self.kill_server(node)
        wait_for(f"the end of the server on {node}", lambda: not self.server_node(), 10, pause=0.02)
        self.kill_server(wait_for("the next server", self.server_node, 90, pause=0.02))
        wait_for("Pacemaker to give up", lambda: self.testbed.is_idle() and not self.server_node(), 120)
        time.sleep(2)
        self.conditions.say(f"killed twice; the proxy says {self.conditions.cluster_word()}")
        self.testbed.on(node, "crm_resource", "--cleanup")
        where = wait_for("a primary", self.testbed.primary, 150)
        self.conditions.wait_for_writes(time.monotonic())
        self.conditions.note_row("killed in recovery", node, where, begun)
        self.settle(node)

    def server_node(self):
        """Where a mariadbd runs; None: nowhere."""
        return next((node for node in NODES if self.testbed.on(node, "pidof", "mariadbd", check=False).strip()), None)

    def kill_server(self, node):
        self.testbed.on(node, "sh", "-c", 'kill -9 $(pidof mariadbd)', check=False)

    def both_cold(self, node):
        """Both nodes lose their power, and start again together."""
        begun = time.monotonic()
        for each in (other(node), node):
            self.testbed.power_off(each)
        time.sleep(3)
        for each in NODES:
            self.testbed.start_node(each)
        where = wait_for("a primary", self.testbed.primary, 150)
        self.conditions.wait_for_writes(time.monotonic())
        self.conditions.note_row("both cold", node, where, begun)
        self.settle(node)
