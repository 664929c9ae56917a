"""What is done to the cluster under load, and what is measured each time."""

import json
import os
import signal
import time

from accounts import HONEST, ROWS, STUDY, Log, account, described, rows_of
from machine import ADDRESSES, APPS, FLOATING, HERE, NODES, other, run, wait_for
from witness import Witness

MOVE = ("crm", "resource", "move", "ms_drbd_mysql")


class Conditions:
    # Where the clients of the proxy connect.
    proxied_host = APPS

    def __init__(self, testbed, clients):
        self.testbed = testbed
        self.witness = Witness(testbed)
        self.clients = clients
        self.rows = []
        self.broken = []
        self.floating_may_lose = False

    # Load

    def start_load(self):
        jobs = {
            "floating": ("load", "floating", FLOATING, str(self.clients), "5"),
            "proxied": ("load", "proxied", self.proxied_host, str(self.clients), "120"),
            "logins": ("logins",),
        }
        self.logs = {}
        for name, words in jobs.items():
            path = self.testbed.path(name + ".jsonl")
            open(path, "w").close()
            nodes = [f"{node}={address}" for node, address in ADDRESSES.items()] if name == "logins" else []
            self.testbed.spawn(name, "ip", "netns", "exec", "hdb-apps", f"{HERE}/clients.py", *words, path, *nodes)
            self.logs[name] = Log(path)
        self.wait_for_writes(time.monotonic())

    def stop_load(self):
        for name, log in self.logs.items():
            self.testbed.stop_process(name, signal.SIGTERM)
            log.take()

    def wait_for_writes(self, since, names=("floating", "proxied")):
        for name in names:
            wait_for(f"writes of the {name} clients", lambda: self.logs[name].acked_since(since), 120)

    # One condition

    def measure(self, condition, source, target, fault, planned=False, allows=HONEST.__contains__):
        """Does the fault while `source` is primary, waits until all has come to rest on `target`, and notes a row."""
        wait_for(f"{source} to be primary and at rest ({condition})", lambda: self.testbed.primary() == source, 60)
        self.wait_for_writes(time.monotonic())
        begun = time.monotonic()
        fault()
        wait_for(f"{target} as primary ({condition})", lambda: self.testbed.primary() == target, 150)
        self.wait_for_writes(time.monotonic())
        time.sleep(0.5)  # So that errors that come late belong to this condition.
        return self.note_row(condition, source, target, begun, planned, allows)

    def note_row(self, condition, source, target, begun, planned=False, allows=HONEST.__contains__, has_lag=True):
        """`target` is `source` where the primary should have stayed. Without `has_lag` the first login is not the new
        primary's."""
        ended = time.monotonic()
        for log in self.logs.values():
            log.take()
        since = begun - 0.5
        floating, _ = self.logs["floating"].gap(since, ended)
        proxied, _ = self.logs["proxied"].gap(since, ended)
        _, served = self.logs["proxied"].silence(since, ended)
        logins = [line[0] for line in self.logs["logins"].nodes
                  if has_lag and line[1] == target and line[2] and line[0] > begun]
        moved = source != target
        row = {
            "condition": condition,
            "direction": "-" if not moved else "failover" if source == NODES[0] else "fallback",
            "from": source, "to": target,
            "study": STUDY.get(condition, (None, None))[NODES.index(source)] if moved else None,
            "floating": floating,
            "proxied": proxied,
            "worst wait": self.logs["proxied"].worst_wait(since, ended),
            "lag": served - logins[0] if moved and logins else None,
            "floating errors": dict(self.logs["floating"].classes(since, ended)),
            "proxied errors": dict(self.logs["proxied"].classes(since, ended)),
            "window": (since, ended),
            "planned": planned,
        }
        stopped = self.witness.first_stop(source, begun, ended) if planned and moved and logins else None
        if stopped is not None:
            row["move"] = logins[0] - stopped
            row["over"] = row["worst wait"] - row["move"]
        if moved and logins and self.testbed.has_agents and not planned and not self.testbed.has_proxies:
            news = self.witness.promotion_told(target, begun, ended)
            row["lead"] = logins[0] - news if news else None
        self.rows.append(row)
        print(line_of(row), flush=True)
        for kind in row["proxied errors"]:
            if planned or not allows(kind):
                texts = {line[4] for line in self.logs["proxied"].errors if line[3] == kind and since <= line[1] <= ended}
                self.fail(f"{condition}, {row['direction']}: through the proxy {kind}: {'; '.join(texts)}")
        return row

    def fail(self, sentence):
        self.broken.append(sentence)
        print(f"  BROKEN {sentence}", flush=True)

    def say(self, sentence):
        print(f"  {sentence}", flush=True)

    def rest(self):
        """Until the standby could take over: the next fault must meet a whole cluster."""
        primary = wait_for("a primary at rest", self.testbed.primary, 120)
        wait_for("a standby", lambda: self.testbed.has_standby(other(primary)), 90)
        wait_for("an idle cluster", self.testbed.is_idle, 60)

    def prefer(self, node):
        """The location constraint that makes the cluster fall back to a node that returns."""
        self.forget_preference()
        self.testbed.on(other(node), "crm", "-F", "configure", "location", "l_home", "ms_drbd_mysql",
                        "rule", "$role=Master", "5000:", "#uname", "eq", node)

    def forget_preference(self):
        for node in NODES:
            if self.testbed.process(node):
                self.testbed.on(node, "cibadmin", "--delete", "--xml-text", '<rsc_location id="l_home"/>', check=False)
                return

    # Conditions that leave a whole cluster with the primary on the other node.

    def server_down(self, node, condition="server down"):
        pid = self.testbed.on(node, "cat", "/run/mysqld/mysqld.pid").strip()
        self.measure(condition, node, other(node), lambda: self.testbed.on(node, "kill", "-9", pid))
        self.testbed.on(node, "crm_resource", "--cleanup")
        self.rest()

    def power_cut(self, node, condition="power cut"):
        self.measure(condition, node, other(node), lambda: self.testbed.power_off(node))
        self.testbed.start_node(node)
        self.rest()

    def corosync_killed(self, node):
        """Without fencing nobody ends the database on that node, and DRBD refuses to promote the other one: what works
        goes on working. Then somebody resets the node."""
        begun = time.monotonic()
        self.kill_corosync(node)
        wait_for(f"{other(node)} to try a promotion", lambda: self.is_promoting(other(node)), 60)
        time.sleep(2)
        self.note_row("corosync killed", node, node, begun)
        if self.rows[-1]["proxied"] > 1.5 or self.rows[-1]["proxied errors"]:
            self.fail(f"corosync killed: the database went on, and the proxy did not: {self.cluster_word()}")
        begun = time.monotonic()
        self.testbed.kill_node(node)
        wait_for(f"{other(node)} as primary", lambda: self.testbed.primary() == other(node), 150)
        self.wait_for_writes(time.monotonic())
        time.sleep(0.5)
        self.note_row("and node reset", node, other(node), begun)
        self.testbed.start_node(node)
        self.rest()

    def kill_corosync(self, node):
        pid = self.testbed.on(node, "pidof", "corosync").strip()
        self.testbed.on(node, "kill", "-9", pid)

    def is_promoting(self, node):
        """Whether Pacemaker tries to, by the word of the controller on that node."""
        tree = self.testbed.monitor(nodes=(node,))
        return tree is not None and any(
            resource.get("role") == "Promoting" for resource in tree.iter("resource"))

    def planned_standby(self, node):
        def move():
            self.paused(other(node), lambda: self.testbed.on(node, "crm", "node", "standby", node))
        self.measure("crm node standby", node, other(node), move, planned=True)
        self.testbed.on(node, "crm", "node", "online", node)
        self.rest()

    def planned_move(self, node):
        def move():
            self.paused(other(node), lambda: self.testbed.on(node, *MOVE, other(node), "force"))
        self.measure("crm resource move", node, other(node), move, planned=True)
        self.testbed.on(node, "crm", "resource", "clear", "ms_drbd_mysql")
        self.rest()

    def switchover(self, node):
        self.measure("ctl switchover", node, other(node), lambda: self.testbed.ctl("switchover", other(node), timeout=120),
                     planned=True)
        self.rest()

    def paused(self, target, move):
        """The proxy is paused at transaction boundaries before the move, and goes on when it sees the new primary. With
        the gate in the cluster, the cluster does that itself."""
        if self.testbed.has_gate:
            return move()
        self.testbed.ctl("pause", "wait", "10s")
        try:
            move()
            wait_for(f"{target} as the proxy's primary", lambda: self.testbed.proxy_primary() == target, 90)
        finally:
            self.testbed.ctl("resume")

    # Conditions after which the same node is primary again.

    def cluster_off_and_on(self, node):
        """Pacemaker stopped on the primary; started again, it takes the resources back."""
        def stop():
            pid = self.testbed.on(node, "pidof", "pacemakerd").strip()
            self.testbed.on(node, "kill", "-TERM", pid)
        self.measure("cluster offline", node, other(node), stop, planned=self.testbed.has_gate)
        wait_for("the end of pacemakerd", lambda: not self.testbed.on(node, "pidof", "pacemakerd", check=False).strip(), 60)
        self.prefer(node)
        self.measure("cluster online", other(node), node, lambda: self.testbed.start_pacemaker(node),
                     planned=self.testbed.has_gate)
        self.forget_preference()
        self.rest()

    def server_reboot_and_up(self, node):
        """Every process of the primary's node ends; the node starts again, and takes the resources back."""
        self.measure("server reboot", node, other(node), lambda: self.testbed.kill_node(node))
        self.prefer(node)
        self.measure("server up", other(node), node, lambda: self.testbed.start_node(node),
                     planned=self.testbed.has_gate)
        self.forget_preference()
        self.rest()

    def link_cut(self, node):
        """Without fencing both nodes promote, each on data of its own: statements may go to one of them at most. Then
        somebody ends the other one, and its data are thrown away."""
        self.floating_may_lose = True
        standby = other(node)
        begun = time.monotonic()
        self.testbed.cut_link(node)
        wait_for(f"a second database, on {standby}", lambda: self.has_login(standby, begun), 90)
        time.sleep(3)
        sizes = self.witness.sizes()
        word = self.cluster_word()
        time.sleep(3)
        counts = self.witness.statements_since(sizes)
        self.say(f"both nodes are promoted; the proxy says {word}; its clients' statements in 3 s: "
                 + ", ".join(f"{counts[name]} at {name}" for name in NODES))
        if all(counts.values()):
            self.fail(f"split brain: statements on both sides: {counts}")
        if counts[standby]:
            self.fail(f"split brain: statements at {standby}, whose data are younger by nobody's word")
        if not counts[node] and "twoPrimaries" not in word:
            self.fail(f"split brain: no statements, and the diagnosis is {word}")
        self.testbed.power_off(standby)
        self.testbed.heal_link(node)
        self.wait_for_writes(time.monotonic())
        self.note_row("link cut", node, node, begun)
        self.testbed.start_node(standby)
        self.rest()

    def has_login(self, node, since):
        log = self.logs["logins"]
        log.take()
        return any(line[1] == node and line[2] and line[0] > since for line in log.nodes)

    def cluster_word(self):
        """What `show cluster` says of a primary, or why there is none."""
        word = json.loads(self.testbed.ctl("show", "cluster", "json"))
        word = word[0] if isinstance(word, list) else word
        return " ".join(str(word[key]) for key in ("primary", "phase", "diagnosis") if word.get(key) not in (None, "-"))

    # With fencing

    def fencing_on(self, node):
        """A power switch is there, and a delay that lets the primary win."""
        self.testbed.on(node, "crm", "-F", "configure", "primitive", "p_fence", "stonith:fence_legacy", "params",
                        'pcmk_host_list=cluster1 cluster2', "pcmk_host_check=static-list")
        self.testbed.on(node, "crm_attribute", "-t", "rsc_defaults", "-n", "priority", "-v", "1")
        self.testbed.on(node, "crm_attribute", "-n", "priority-fencing-delay", "-v", "2s")
        self.testbed.on(node, "crm_attribute", "-n", "stonith-enabled", "-v", "true")
        self.rest()

    def fencing_off(self, node):
        self.testbed.on(node, "crm_attribute", "-n", "stonith-enabled", "-v", "false")
        self.testbed.on(node, "crm_resource", "--resource", "p_fence", "--meta", "-p", "target-role", "-v", "Stopped")
        self.rest()
        self.testbed.on(node, "crm", "-F", "configure", "delete", "p_fence", check=False)

    def fenced(self, node):
        """The power switch is used: power cut, corosync killed, link cut."""
        self.fencing_on(node)
        for condition, fault in (("power cut, fenced", self.testbed.power_off), ("corosync, fenced", self.kill_corosync)):
            self.measure(condition, node, other(node), lambda: fault(node))
            row = self.rows[-1]
            told = self.witness.fencing_told(*row["window"])
            self.say("the proxy tells of the fencing" if told else "the proxy did not tell of the fencing")
            if not told and self.testbed.has_agents:
                self.fail(f"{condition}: the phase fencing was not told")
            wait_for(f"the end of {node}", lambda: not self.testbed.process(node), 30)
            self.testbed.start_node(node)
            self.rest()
            node = other(node)
        begun = time.monotonic()
        standby = other(node)
        self.testbed.cut_link(node)
        wait_for(f"{standby} to be fenced", lambda: not self.testbed.process(standby), 60)
        self.testbed.heal_link(node)
        self.wait_for_writes(time.monotonic())
        time.sleep(1)
        self.note_row("link cut, fenced", node, node, begun)
        self.testbed.start_node(standby)
        self.rest()
        self.fencing_off(node)

    # The end

    def check_writes(self):
        """Every acknowledged write is there exactly once; none of a transaction that was rolled back for certain is;
        and every statement was answered by a node that had the role."""
        for log in self.logs.values():
            log.take()
        address = ADDRESSES[wait_for("a primary", self.testbed.primary, 60)]

        def ask(sql):
            return run("ip", "netns", "exec", "hdb-apps", "mariadb", "-h", address, "-uapp", "-papp", "app", "-N", "-B",
                       "-e", sql)
        found = rows_of(ask(ROWS))
        totals = {}
        for name in ("floating", "proxied"):
            totals[name], missing = account(self.logs[name], name, found)
            for row in self.rows:
                since, until = row["window"]
                row[f"{name} missing"] = sum(since <= moment <= until for moment in missing)
        for what in ("missing", "twice", "rolled back and there"):
            if totals["proxied"][what]:
                self.broken.append(f"through the proxy {totals['proxied'][what]} writes are {what}")
        writes = ask("SELECT node, UNIX_TIMESTAMP(at) FROM w WHERE client LIKE 'proxied%'").split()
        self.witness.load_roles()
        stray = [(node, at) for node, at in zip(writes[::2], writes[1::2])
                 if not self.witness.had_role(node, float(at), float(at))]
        reads = [line for line in self.logs["proxied"].reads
                 if not self.witness.had_role(line[3], line[0] + self.witness.epoch, line[1] + self.witness.epoch)]
        totals["proxied"]["written by a node without the role"] = len(stray)
        totals["proxied"]["read from one"] = len(reads)
        if stray or reads:
            self.broken.append(f"answered by a node without the role: {len(stray)} writes {stray[:3]}, "
                               f"{len(reads)} reads {reads[:3]}")
        return totals

    def check_outages(self):
        """The proxy's own log has each failover, and its phases add up to the time without a primary."""
        outages = self.witness.outages()
        for row in self.rows:
            if row["from"] == row["to"]:
                continue
            since, until = (moment + self.witness.epoch for moment in row["window"])
            mine = [outage for outage in outages
                    if since <= outage["began_unix_ns"] / 1e9 <= until and outage["to"] == row["to"]]
            if not mine:
                self.broken.append(f"{row['condition']}, {row['direction']}: no outage to {row['to']} in the log")
                continue
            outage = max(mine, key=lambda outage: outage["seconds"])
            row["outage"] = {key: outage[key] for key in
                             ("seconds", "detection_seconds", "without_primary_seconds", "phases", "planned", "kind")}
            spans = {True: 0, False: 0}
            for phase in outage["phases"]:
                spans[phase["phase"] == "ready"] += phase["seconds"] or 0
            without = outage["without_primary_seconds"] or 0
            whole = spans[False] + spans[True]
            # From the first harm to the loss: a phase of its own where the primary was still there, as in a pause.
            if outage["phases"][0]["phase"] != "ready":
                whole += outage["detection_seconds"] or 0
            # Where nobody asked for anything before the loss (the clients pause between statements) the outage begins
            # with the first who does, and its phases with it.
            late = without - spans[False]
            late_max = 0.5 if outage["phases"][0]["phase"] != "ready" and not outage["detection_seconds"] else 0.01
            if not -0.01 <= late <= late_max or abs(whole - outage["seconds"]) > 0.15:
                self.broken.append(f"{row['condition']}, {row['direction']}: the phases do not add up: {row['outage']}")


def line_of(row):
    def milliseconds(name):
        return "-" if row.get(name) is None else f"{row[name] * 1000:.0f}"

    def seconds(name):
        return "-" if row.get(name) is None else f"{row[name]:.1f}"
    return (f"{row['condition']:<18} {row['direction']:<9} {row['study'] or '-':>6} {row['floating']:>9.1f} "
            f"{row['proxied']:>7.1f} {row['worst wait']:>7.1f} {seconds('move'):>6} {milliseconds('over'):>7} "
            f"{milliseconds('lag'):>6} {seconds('lead'):>5} {sum(row['floating errors'].values()):>7}   "
            f"{described(row['proxied errors'])}")


HEADING = f"""\
seconds without an acknowledged write: the study's figure, through the floating address, through the proxy; the longest
wait of one statement through the proxy; the cluster's own time for a planned move, from its first stop to the first
login at the new primary's own address, and what the longest wait is above that (ms); from that login to the first
answer through the proxy (ms); how long before that login the proxy told of the promotion (s); errors that the clients
of the floating address saw; errors that the clients of the proxy saw

{'condition':<18} {'direction':<9} {'study':>6} {'floating':>9} {'proxy':>7} {'wait':>7} {'move':>6} {'over ms':>7} \
{'lag ms':>6} {'lead':>5} {'errors':>7}   errors, proxy"""
