"""A database that is not the cluster's, on the standby, on a copy of the data: writable, and at the cluster's own port. No
statement of the proxy's clients may come to it, and nothing that was acknowledged may be lost."""

import os
import time

from machine import other, wait_for


class Strays:
    def __init__(self, conditions, trouble):
        self.conditions = conditions
        self.testbed = conditions.testbed
        self.witness = conditions.witness
        # What starts and ends such a server, and reads the proxy's log.
        self.trouble = trouble

    def run(self, node):
        """Both; `node` is primary before."""
        self.before(node)
        self.during(wait_for("a primary", self.testbed.primary, 60))

    def before(self, node):
        """It is there while the primary still serves; then the primary's server is killed. The cluster can't start its own
        on the standby, whose port is taken, until somebody ends the stray one."""
        standby = other(node)
        self.prepare(standby, node)
        since = time.monotonic()
        self.launch(standby)
        wait_for("the stray server", lambda: self.conditions.has_login(standby, since), 60)
        self.trouble.wait_told(since, f"A stray server is writable on {standby}")
        word = self.testbed.ctl("show", "cluster")
        if "strayServer" not in word or f"{standby}" not in word:
            self.conditions.fail(f"stray before: show cluster does not tell of it: {word}")
        if self.testbed.has_agents:
            if f"primary: {node}" not in word:
                self.conditions.fail(f"stray before: {node} is not the primary any more: {word}")
            refusal = self.testbed.ctl("switchover", standby, "--dry-run", check=False)
            if "not the cluster's" not in refusal:
                self.conditions.fail(f"stray before: a switchover to it is not refused: {refusal}")
            self.conditions.say(f"the proxy: {refusal.strip().splitlines()[-1]}")
        begun = time.monotonic()
        self.kill_server(node)
        self.outlast("stray before", node, standby, begun)

    def during(self, node):
        """It comes in the moment in which the primary's server has died: before the cluster has promoted the standby."""
        standby = other(node)
        self.prepare(standby, node)
        self.conditions.wait_for_writes(time.monotonic())
        time.sleep(3)  # What is written now, the stray one lacks.
        begun = time.monotonic()
        self.kill_server(node)
        self.launch(standby)
        self.outlast("stray during", node, standby, begun)

    # Its life

    def prepare(self, standby, primary):
        self.trouble.mount_rogue(standby, primary)

    def launch(self, standby):
        self.trouble.launch_rogue(standby)

    def kill_server(self, node):
        pid = self.testbed.on(node, "cat", "/run/mysqld/mysqld.pid").strip()
        self.testbed.on(node, "kill", "-9", pid)

    def outlast(self, condition, node, standby, begun):
        """The cluster tries what it can, and gives up; then the stray one is ended, and the cluster starts its own."""
        wait_for(f"{standby}'s database to have failed", lambda: self.has_failed(standby), 90)
        time.sleep(3)
        told = self.conditions.cluster_word()
        self.judge(condition, standby)
        self.trouble.stop_rogue(standby)
        self.testbed.on(standby, "crm_resource", "--cleanup")
        target = wait_for(f"a primary ({condition})", self.testbed.primary, 150)
        self.conditions.wait_for_writes(time.monotonic())
        time.sleep(0.5)
        self.conditions.say(f"the cluster's own database could not start on {standby}; the proxy said {told}")
        self.judge(condition, standby)
        os.remove(self.testbed.path(standby, "log/mysql/rogue.log"))
        self.conditions.floating_may_lose = True
        self.conditions.note_row(condition, node, target, begun, has_lag=False)
        if "strayServer" not in told and self.testbed.has_agents:
            self.conditions.fail(f"{condition}: the proxy did not say why there is nobody: {told}")
        self.conditions.rest()

    def judge(self, condition, standby):
        stray = self.witness.statements_since({standby: 0}, "rogue.log")[standby]
        if stray:
            self.conditions.fail(f"{condition}: {stray} statements at the stray server on {standby}")

    def has_failed(self, node):
        """Whether the cluster has failed to start its database there."""
        tree = self.testbed.monitor()
        return tree is not None and any(
            item.get("node") == node and (item.get("op_key") or "").startswith("p_mysql_start")
            for item in tree.iter("failure"))
