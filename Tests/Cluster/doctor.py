"""`haproxydb doctor` on a node of the running cluster and beside the proxy: it finds what is wrong there and nothing
that is not, and what it advises mends it."""

import json

from machine import NODES, other, run

# What is wrong with the testbed's cluster by its making: no power switch, no fencing by DRBD, one network.
CLUSTER = {"fencing", "drbd-fencing", "quorum-policy", "corosync-links"}
# And with its server: fewer connections than the proxy may hold, the kernel's keepalive.
SERVER = {"max-connections", "keepalive"}
# The machine's own affair.
MACHINE = {"clock", "disk-space"}


class Doctor:
    def __init__(self, conditions):
        self.conditions = conditions
        self.testbed = conditions.testbed

    def run(self, node):
        standby = other(node)
        self.expect("on the primary's node", self.look(node), CLUSTER | SERVER)
        self.expect("on the standby", self.look(standby), CLUSTER | SERVER)
        beside = self.look("apps")
        self.expect("beside the proxy", beside, SERVER)
        if any(missed["fault"] for missed in beside["not_read"]):
            self.conditions.fail(f"doctor beside the proxy could not read what is not there: {beside['not_read']}")
        self.damage(node, standby)
        self.expect("on the damaged primary", self.look(node),
                    CLUSTER | SERVER | {"monitor-interval", "flush-at-commit", "plain-tables"})
        self.expect("on the standby with a unit", self.look(standby),
                    CLUSTER | SERVER | {"monitor-interval", "flush-at-commit", "plain-tables", "stray-unit"})
        self.follow(node, self.look(node))
        self.expect("after its advice", self.look(node), CLUSTER | SERVER)
        self.sql(node, "DROP TABLE app.plain")
        self.testbed.on(standby, "rm", "-r", "/etc/systemd/system/multi-user.target.wants")
        # As it was before, for what comes next.
        self.testbed.on(node, "crm", "-F", "configure", "set", "p_mysql.monitor.interval", "1s")
        self.conditions.rest()

    def look(self, where):
        """What it says, as its JSON has it. With the exit status that belongs to it."""
        command = ("haproxydb", "doctor", "-c", self.testbed.path("haproxydb.toml"), "--json")
        inside = (self.testbed.inside(where, *command) if where in NODES
                  else ("ip", "netns", "exec", "hdb-apps", self.testbed.path("bin/haproxydb"), *command[1:]))
        output = run("sh", "-c", '"$@"; echo "status $?"', "sh", *inside)
        text, status = output.rsplit("status ", 1)
        found = json.loads(text)
        severities = {finding["severity"] for finding in found["findings"]}
        wanted = 2 if "critical" in severities else 1 if "warning" in severities else found["status"]
        if int(status) != wanted or found["status"] != wanted:
            self.conditions.fail(f"doctor ends with {status.strip()}, and should with {wanted}")
        return found

    def expect(self, where, found, ids):
        mine = {finding["id"] for finding in found["findings"]} - MACHINE
        self.conditions.say(f"doctor {where}: {found['summary']}")
        if mine != ids:
            self.conditions.fail(f"doctor {where}: missing {sorted(ids - mine)}, too much {sorted(mine - ids)}")

    def damage(self, node, standby):
        self.testbed.on(node, "crm", "-F", "configure", "set", "p_mysql.monitor.interval", "20s")
        self.sql(node, "SET GLOBAL innodb_flush_log_at_trx_commit = 2; CREATE TABLE app.plain (a INT) ENGINE = Aria")
        wants = "/etc/systemd/system/multi-user.target.wants"
        self.testbed.on(standby, "mkdir", wants)
        self.testbed.on(standby, "ln", "-s", "/lib/systemd/system/mariadb.service", wants + "/mariadb.service")

    def follow(self, node, found):
        """Does what it advises for the damage, word for word: lines for the shell, and for SQL."""
        for finding in found["findings"]:
            if finding["id"] not in ("monitor-interval", "flush-at-commit", "plain-tables"):
                continue
            line = finding["remedy"][0]
            if line.startswith("crm "):
                self.testbed.on(node, "sh", "-c", line.replace("crm ", "crm -F ", 1))
            else:
                self.sql(node, line)

    def sql(self, node, text):
        self.testbed.on(node, "mariadb", "--socket=/run/mysqld/mysqld.sock", "-e", text)
