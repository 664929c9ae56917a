"""The database dies, and the cluster's monitor comes every 20 s: how long it takes until somebody has an answer, with an
agent that tells the cluster of the death, and without."""

import statistics
import time

from machine import NODES, other, wait_for

INTERVAL = 20


class Reports:
    def __init__(self, conditions, trouble, runs):
        self.conditions = conditions
        self.testbed = conditions.testbed
        self.trouble = trouble
        self.runs = runs

    def run(self, node):
        medians = {}
        for reports in (False, True):
            self.configure(reports)
            spans = []
            for index in range(self.runs):
                # The deaths are spread over the monitor's interval.
                time.sleep(index * INTERVAL / self.runs)
                spans.append(self.death(node, reports))
                node = other(node)
            medians[reports] = statistics.median(spans)
            self.conditions.say(f"{'with' if reports else 'without'} report_failures, from the death to the first answer, s: "
                                f"{', '.join(f'{span:.1f}' for span in spans)}; median {medians[reports]:.1f}")
        self.maintenance(node)

    def configure(self, reports):
        """The agents of both nodes with that word in their configuration."""
        for node in NODES:
            config = self.testbed.path(node, "agent.toml")
            with open(config) as file:
                lines = [line for line in file.read().splitlines() if not line.startswith("report_failures")]
            with open(config, "w") as file:
                file.write("\n".join(lines) + f"\nreport_failures = {str(reports).lower()}\n")
            self.trouble.restart(node)
        self.trouble.wait_heard()

    def kill(self, node):
        pid = self.testbed.on(node, "cat", "/run/mysqld/mysqld.pid").strip()
        self.testbed.on(node, "kill", "-9", pid)

    def agent_lines(self, node, words):
        with open(self.testbed.path(node, "log/haproxydb-agent.log")) as file:
            return [line for line in file if words in line]

    def death(self, node, reports):
        wait_for(f"{node} to be primary and at rest", lambda: self.testbed.primary() == node, 60)
        self.conditions.wait_for_writes(time.monotonic())
        before = len(self.agent_lines(node, "The cluster was told"))
        begun = time.monotonic()
        self.kill(node)
        wait_for(f"{other(node)} as primary", lambda: self.testbed.primary() == other(node), 150)
        self.conditions.wait_for_writes(time.monotonic())
        log = self.conditions.logs["proxied"]
        # What was answered in the moment of the death was answered by the server that died.
        span = min(ack[1] for ack in log.acks if ack[1] > begun + 0.2) - begun
        condition = "died, reported" if reports else "died, monitored"
        self.conditions.note_row(condition, node, other(node), begun)
        told = len(self.agent_lines(node, "The cluster was told")) - before
        if told != int(reports):
            self.conditions.fail(f"{condition}: {node}'s agent told the cluster {told} times")
        count = self.testbed.on(node, "crm_failcount", "--query", "-r", "p_mysql", "-N", node)
        # Pacemaker 2.1.5 counts one `crm_resource --fail` once or twice, by chance: it sees the record of it twice.
        if count.strip().split("value=")[-1] not in (("1", "2") if reports else ("1",)):
            self.conditions.fail(f"{condition}: the failure does not count as one: {count.strip()}")
        self.testbed.on(node, "crm_resource", "--cleanup")
        self.conditions.rest()
        return span

    def maintenance(self, node):
        """Nothing is reported while nothing is managed; afterwards the monitor finds it."""
        wait_for(f"{node} to be primary and at rest", lambda: self.testbed.primary() == node, 60)
        begun = time.monotonic()
        self.testbed.on(node, "crm_attribute", "-n", "maintenance-mode", "-v", "true")
        before = len(self.agent_lines(node, "The cluster was told"))
        self.kill(node)
        wait_for(f"{node}'s agent to say why it tells nobody",
                 lambda: self.agent_lines(node, "not reported: the cluster is in maintenance"), 20)
        self.testbed.on(node, "crm_attribute", "-n", "maintenance-mode", "-v", "false")
        target = wait_for("a primary", self.testbed.primary, 150)
        self.conditions.wait_for_writes(time.monotonic())
        self.conditions.note_row("died, maintenance", node, target, begun, has_lag=False)
        if len(self.agent_lines(node, "The cluster was told")) != before:
            self.conditions.fail("died, maintenance: the cluster was told all the same")
        self.testbed.on(node, "crm_resource", "--cleanup")
        self.conditions.rest()
