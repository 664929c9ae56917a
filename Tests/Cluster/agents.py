"""Agents that are dead, stopped, lying, at odds with their kernel, or strangers: the proxy may lose their help, and must
never send a statement where it does not belong."""

import os
import shutil
import time

from machine import ADDRESSES, NODES, other, run, wait_for

# Tools in whose words the two nodes, and the two roles, have changed places.
FORGED = {
    "crm_mon": '#!/bin/bash\n"{real}/crm_mon" "$@" | sed "s/cluster1/@/g; s/cluster2/cluster1/g; s/@/cluster2/g"\n'
               "exit ${{PIPESTATUS[0]}}\n",
    "drbdsetup": '#!/bin/bash\n"{real}/drbdsetup" "$@" '
                 '| sed -u "s/role:Primary/role:@/g; s/role:Secondary/role:Primary/g; s/role:@/role:Secondary/g"\n',
}


class AgentTrouble:
    def __init__(self, conditions):
        self.conditions = conditions
        self.testbed = conditions.testbed
        self.witness = conditions.witness

    # What is done to agents

    def agents(self, node):
        """Process ids in the node."""
        return self.testbed.on(node, "pgrep", "-f", "haproxydb agent", check=False).split()

    def signal(self, node, name):
        for pid in self.agents(node):
            self.testbed.on(node, "kill", f"-{name}", pid, check=False)

    def off(self, node):
        open(self.testbed.path(node, "agent.off"), "w").close()
        self.signal(node, "KILL")

    def on(self, node):
        os.remove(self.testbed.path(node, "agent.off"))

    def restart(self, node):
        """Ended, and started again by the node's init, one second later."""
        since = time.monotonic()
        self.signal(node, "KILL")
        self.wait_told(since, f"The agent of {node} is silent")

    def forge(self, node, tools):
        """The node's agent asks these tools instead of the real ones from its next start on."""
        directory = self.testbed.path(node, "forged")
        real = self.testbed.path(node, "real")
        os.makedirs(directory)
        os.makedirs(real, exist_ok=True)
        for tool in tools:
            source = self.testbed.path("bin/drbdsetup") if tool == "drbdsetup" else shutil.which(tool)
            shutil.copy(source, real)
            with open(os.path.join(directory, tool), "w") as file:
                file.write(FORGED[tool].format(real=real))
            os.chmod(os.path.join(directory, tool), 0o755)
        self.restart(node)

    def confess(self, node):
        shutil.rmtree(self.testbed.path(node, "forged"))
        self.restart(node)

    def start_rogue(self, node, primary):
        """A second database, started by hand on the standby, on a copy of the data: writable, and not the cluster's."""
        self.mount_rogue(node, primary)
        begun = time.monotonic()
        self.launch_rogue(node)
        wait_for("the rogue database", lambda: self.conditions.has_login(node, begun), 60)

    def mount_rogue(self, node, primary):
        device = self.testbed.storage.copy(primary, "rogue.img")
        self.testbed.on(node, "sh", "-c", f"mkdir -p /run/testbed/rogue && mount {device} /run/testbed/rogue")

    def launch_rogue(self, node):
        self.testbed.on(
            node, "setsid", "-f", "sh", "-c",
            "exec mariadbd --no-defaults --user=mysql --datadir=/run/testbed/rogue --innodb-log-file-size=32M "
            "--socket=/run/mysqld/rogue.sock --pid-file=/run/mysqld/rogue.pid --skip-name-resolve "
            "--log-error=/var/log/mysql/rogue.err --general-log --general-log-file=/var/log/mysql/rogue.log "
            "> /dev/null 2>&1 < /dev/null")

    def stop_rogue(self, node):
        pid = self.testbed.on(node, "cat", "/run/mysqld/rogue.pid").strip()
        self.testbed.on(node, "kill", "-9", pid)
        def is_unmounted():
            return "rogue" not in self.testbed.on(
                node, "sh", "-c", "umount /run/testbed/rogue 2> /dev/null; cat /proc/self/mounts")
        wait_for("the end of the rogue database", is_unmounted, 20)
        self.testbed.storage.discard(self.testbed.storage.first)

    # What the proxy says

    def told(self, since, *words):
        """Whether one line of the proxy's log since then has all these words."""
        return any(all(word in text for word in words) for _, text in self.witness.notes(since, time.monotonic()))

    def wait_told(self, since, *words):
        wait_for(f"the proxy to say: {', '.join(words)}", lambda: self.told(since, *words), 30)

    def agent_says(self, node, words):
        """The latest line of that agent's log with these words, once there is one."""
        def lines():
            with open(self.testbed.path(node, "log/haproxydb-agent.log")) as file:
                return [line for line in file if words in line]
        return wait_for(f"{node}'s agent to say: {words}", lines, 20)[-1].split(" notice ")[-1].strip()

    def wait_heard(self):
        """Until both agents are heard again."""
        def is_heard():
            lines = self.witness.notes(0, time.monotonic())
            last = {node: [text for _, text in lines if text.startswith(f"notice The agent of {node}")][-1:]
                    for node in NODES}
            return all(text and "silent" not in text[0] for text in last.values())
        wait_for("both agents' words", is_heard, 30)

    # Conditions

    def run(self, node):
        """All of it; `node` is primary before and after."""
        self.dead(node)
        self.stopped(other(node))
        self.lying(node, ("crm_mon", "drbdsetup"), "agent lies")
        self.lying(node, ("crm_mon",), "agent at odds")
        self.strangers(node)

    def dead(self, node):
        """Both agents are killed, and stay dead: SQL alone decides, and says so."""
        since = time.monotonic()
        for each in NODES:
            self.off(each)
        for each in NODES:
            self.wait_told(since, f"The agent of {each} is silent")
        self.wait_told(since, "SQL alone decides")
        self.conditions.say(f"both agents killed; the proxy says {self.conditions.cluster_word()}")
        self.conditions.server_down(node, "down, agents dead")
        for each in NODES:
            self.on(each)
        self.wait_heard()

    def stopped(self, node):
        """Both agents stand still with their connections open: what they said grows old."""
        since = time.monotonic()
        for each in NODES:
            self.signal(each, "STOP")
        for each in NODES:
            self.wait_told(since, f"The agent of {each} is silent")
        self.conditions.server_down(node, "down, agents still")
        for each in NODES:
            self.signal(each, "CONT")
        self.wait_heard()

    def lying(self, node, tools, condition):
        """The standby's agent claims the primary's role, as its tools tell it, and a writable database runs beside it."""
        standby = other(node)
        begun = time.monotonic()
        self.forge(standby, tools)
        self.wait_told(begun, f"The agent of {standby}", f"promoted: {standby}")
        self.conditions.wait_for_writes(time.monotonic(), ("proxied",))
        self.start_rogue(standby, node)
        sizes = self.witness.sizes()
        time.sleep(4)
        word = self.conditions.cluster_word()
        counts = self.witness.statements_since(sizes)
        stray = self.witness.statements_since({standby: 0}, "rogue.log")[standby]
        self.conditions.say(f"{standby}'s agent lies ({', '.join(tools)}), a second database runs there; the proxy says "
                            f"{word}; its clients' statements: {counts[node]} at {node}, {stray} at {standby}")
        if stray:
            self.conditions.fail(f"{condition}: {stray} statements at {standby}")
        if not counts[node] and "twoPrimaries" not in word:
            self.conditions.fail(f"{condition}: no statements, and the diagnosis is {word}")
        self.stop_rogue(standby)
        self.confess(standby)
        self.wait_heard()
        self.conditions.wait_for_writes(time.monotonic())
        stray = self.witness.statements_since({standby: 0}, "rogue.log")[standby]
        if stray:
            self.conditions.fail(f"{condition}: {stray} statements at {standby}")
        os.remove(self.testbed.path(standby, "log/mysql/rogue.log"))
        self.conditions.note_row(condition, node, node, begun)

    def strangers(self, node):
        """An agent with another key, and something that talks to an agent without one."""
        standby = other(node)
        begun = time.monotonic()
        config = self.testbed.path(standby, "agent.toml")
        with open(config) as file:
            text = file.read()
        with open(config, "w") as file:
            file.write(text.replace("the testbed's own", "some other one's"))
        self.restart(standby)
        said = self.agent_says(standby, "is no proxy of ours: it does not know the key")
        self.conditions.say(f"{standby}'s agent, with another key: {said}")
        self.wait_told(begun, f"The agent of {standby} stays silent", "is its key the same?")
        notes = [text for _, text in self.witness.notes(begun, time.monotonic()) if f"agent of {standby}" in text]
        if "silent" not in notes[-1]:
            self.conditions.fail(f"strangers: the proxy hears an agent with another key: {notes[-1]}")
        self.conditions.say(f"and the proxy: {notes[-1].removeprefix('notice ')}")
        with open(config, "w") as file:
            file.write(text)
        # The proxy calls it silent already, and has nothing new to tell of its end.
        self.signal(standby, "KILL")
        self.wait_heard()
        answer = run("ip", "netns", "exec", "hdb-apps", "python3", "-c", STRANGER, ADDRESSES[node])
        if "True" not in answer:
            self.conditions.fail(f"the agent went on talking to a stranger: {answer.strip()}")
        self.conditions.say(f"{node}'s agent: {self.agent_says(node, 'is no proxy of ours')}")
        self.conditions.note_row("strangers", node, node, begun)
        if self.conditions.rows[-1]["proxied errors"] or self.conditions.rows[-1]["proxied"] > 1.5:
            self.conditions.fail("strangers: the proxy's clients felt it")


# Says something that is no proof, and waits to be hung up on: prints whether that happened before anything was told.
STRANGER = r"""
import socket, sys
s = socket.create_connection((sys.argv[1], 8405), 5)
greeting = s.recv(512)
s.sendall(b"haproxydb-evidence 1 proxy stranger 00112233445566778899aabbccddeeff " + b"0" * 64 + b"\n")
s.settimeout(8)
rest = b""
while True:
    chunk = s.recv(4096)
    if not chunk:
        break
    rest += chunk
print(b"promoted" not in rest and b"welcome" not in rest, rest[:200])
"""
