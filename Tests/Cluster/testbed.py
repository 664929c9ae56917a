"""A two-node Pacemaker cluster of network, mount, PID, UTS and IPC namespaces on this machine, and the proxy before it.

Everything it makes lies in one directory (HAPROXYDB_CLUSTER_DIR, /tmp/haproxydb-cluster), in namespaces whose names
begin with `hdb-`, and in one loop device; `Testbed.down` removes all of it. What was started is ended by its pid.
"""

import json
import os
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import readme
from machine import (ADDRESSES, APPS, DEVICE, FLOATING, HERE, NODES, PATH, PROXIES, ROOT, TestbedError, other, run,
                     start_time, wait_for)
from storage import Storage


class Testbed:
    # How long one question to Pacemaker's tools may take, in seconds.
    question_timeout = 5
    # Of the database's monitor, in seconds.
    monitor_interval = 1

    def __init__(self, has_agents=False, has_gate=False, logs_statements=False, has_proxies=False):
        """With `has_agents` every node runs `haproxydb agent`, and the proxy listens to them; with `has_gate` the OCF
        gate is the group's last resource; with `logs_statements` each server keeps a log of all statements; with
        `has_proxies` the cluster runs a proxy on each node, by README's lines, and there is none before it. None is needed
        for what is there already."""
        self.logs_statements = logs_statements
        self.has_proxies = has_proxies
        self.has_agents = has_agents or has_gate or has_proxies
        self.has_gate = has_gate
        self.directory = os.environ.get("HAPROXYDB_CLUSTER_DIR", "/tmp/haproxydb-cluster")
        self.token = int(os.environ.get("HAPROXYDB_CLUSTER_TOKEN", "2000"))
        # Whether this process made what is there.
        self.is_ours = False
        self.binary = os.environ.get("HAPROXYDB", os.path.join(ROOT, ".build/release/haproxydb"))
        # The proxy's availability log.
        self.ledger = self.path("availability.db")
        self.storage = Storage(self)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    # Up and down

    def up(self):
        """From nothing to a cluster that takes writes through the floating address, and a proxy before it."""
        if os.path.exists(self.directory):
            raise TestbedError(f"{self.directory} is there already: `Tests/Cluster/cluster down` first")
        if os.geteuid() != 0:
            raise TestbedError("namespaces and mounts need root")
        if not os.access(self.binary, os.X_OK):
            raise TestbedError(f"{self.binary} is not there: swift build -c release --product haproxydb")
        if self.has_agents:
            run(self.binary, "agent", "--help")  # A build that has none says so here, and not as a silent node.
        if self.has_gate and not os.path.exists(os.path.join(ROOT, "conf/ocf/haproxydb-gate")):
            raise TestbedError("conf/ocf/haproxydb-gate is not there")
        for name in ("drbd", "fence", "alerts"):
            os.makedirs(self.path(name))
        os.chmod(self.path("alerts"), 0o777)
        self.is_ours = True
        self.install()
        self.storage.make_image()
        self.make_network()
        self.make_seed()
        self.spawn("fencer", f"{HERE}/cluster", "fencer")
        for node in NODES:
            self.make_node(node)
            self.start_node(node)
        if not self.has_proxies:
            self.start_proxy()
        wait_for("the first primary", self.primary, 90)
        wait_for("a write through the floating address", lambda: self.can_write(FLOATING), 60)
        if self.has_proxies:
            self.type_readme()
        wait_for("a write through the proxy", lambda: self.can_write(PROXIES if self.has_proxies else APPS), 30)

    def type_readme(self):
        """README's lines for crmsh, as an administrator types them on a node, into the cluster that runs."""
        self.on(NODES[0], "bash", "-ec", readme.cluster_lines(), timeout=300)
        self.has_gate = True
        wait_for("the gate in the group", self.primary, 90)
        wait_for("the proxies' address", self.proxies_node, 90)

    def down(self):
        """Removes whatever is there of it, also of a run that was cut off."""
        for name in ("proxy", "fencer"):
            self.stop_process(name)
        for node in NODES:
            self.kill_node(node)
        for name in ("switch", "apps") + NODES:
            run("ip", "netns", "del", f"hdb-{name}", check=False)
        self.storage.release()
        shutil.rmtree(self.directory, ignore_errors=True)

    def note(self, name, value):
        with open(self.path(name + ".note"), "w") as file:
            file.write(str(value))

    def noted(self, name):
        try:
            with open(self.path(name + ".note")) as file:
                return file.read()
        except FileNotFoundError:
            return None

    def fill(self, template, target, **values):
        with open(os.path.join(HERE, template)) as file:
            text = file.read()
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        with open(target, "w") as file:
            file.write(text)

    def install(self):
        """What nodes run, where every user may run it: a checkout may lie where only root can look."""
        os.makedirs(self.path("bin"))
        shutil.copy(self.binary, self.path("bin/haproxydb"))
        for directory in (f"{HERE}/bin", f"{ROOT}/conf/pacemaker", f"{ROOT}/conf/ocf"):
            for name in os.listdir(directory):
                # The proxy's resource agent is called as the program is.
                target = self.path("bin", "haproxydb-resource" if name == "haproxydb" else name)
                shutil.copy(os.path.join(directory, name), target)
                os.chmod(target, 0o755)

    def make_network(self):
        """A switch in a namespace of its own; the nodes and the applications' host are on it."""
        def ip(name, *arguments):
            run("ip", "-n", f"hdb-{name}", *arguments)
        for name in ("switch", "apps") + NODES:
            run("ip", "netns", "add", f"hdb-{name}")
            ip(name, "link", "set", "lo", "up")
        ip("switch", "link", "add", "br0", "type", "bridge", "forward_delay", "0", "stp_state", "0")
        ip("switch", "link", "set", "br0", "up")
        for name, address in {"apps": APPS, **ADDRESSES}.items():
            ip("switch", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", f"hdb-{name}")
            ip("switch", "link", "set", name, "master", "br0", "up")
            ip(name, "addr", "add", f"{address}/24", "dev", "eth0")
            ip(name, "link", "set", "eth0", "up")

    def make_seed(self):
        """The CIB that the nodes start with, from the crmsh lines of seed.crm, with no cluster running."""
        self.fill("seed.crm", self.path("seed.crm"), DIR=self.directory, FLOATING=FLOATING, APPS=APPS,
                  MONITOR=self.monitor_interval)
        if self.has_gate:
            self.add_gate(self.path("seed.crm"))
        with open(self.path("seed.xml"), "w") as file:
            file.write(run("cibadmin", "--empty"))
        log = self.path("crmsh")
        os.makedirs(log + "/crmsh")
        # crmsh writes below /var/log and its home: both are this directory's for as long as it runs.
        run("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /var/log && exec crm -F configure load update "$1"',
            log, self.path("seed.crm"), env={**os.environ, "CIB_file": self.path("seed.xml"), "HOME": log})

    def add_gate(self, path):
        """The gate as the group's last resource: it is stopped first and started last."""
        with open(path) as file:
            lines = file.read()
        group = "group g_mysql p_fs_mysql p_float_ip p_mysql"
        if group not in lines:
            raise TestbedError(f"seed.crm has no line '{group}'")
        with open(path, "w") as file:
            file.write("primitive p_gate ocf:haproxydb:haproxydb-gate "
                       f"params binary={self.path('bin/haproxydb')} op start timeout=30s interval=0 "
                       "op stop timeout=30s interval=0 op monitor interval=10s timeout=20s\n")
            file.write(lines.replace(group, group + " p_gate"))
            # As docs/pacemaker.md has it, but for the program's place.
            file.write(f"alert a_haproxydb {self.path('bin/haproxydb-alert')} "
                       f"attributes HAPROXYDB={self.path('bin/haproxydb')} to /run/haproxydb/agent.sock\n")

    def make_node(self, node):
        directory = self.path(node)
        for name in ("corosync", "pacemaker/cib", "pacemaker/pengine", "pacemaker/cores", "pacemaker/blackbox",
                     "corolib", "log/pacemaker", "log/corosync", "log/mysql", "log/crmsh"):
            os.makedirs(os.path.join(directory, name))
        self.fill("corosync.conf", os.path.join(directory, "corosync/corosync.conf"), TOKEN=self.token)
        bind = f"{ADDRESSES[node]},{FLOATING}" if self.has_proxies else "0.0.0.0"
        self.fill("my.cnf", os.path.join(directory, "my.cnf"), GENERAL_LOG=int(self.logs_statements), BIND=bind)
        if self.has_agents:
            self.fill("agent.toml", os.path.join(directory, "agent.toml"), NODE=node, ADDRESS=ADDRESSES[node])
        if self.has_proxies:
            self.make_package(node, directory)
        shutil.copy(self.path("seed.xml"), os.path.join(directory, "pacemaker/cib/cib.xml"))
        with open(os.path.join(directory, "hosts"), "w") as file:
            file.write("127.0.0.1 localhost\n" + "".join(f"{ADDRESSES[name]} {name}\n" for name in NODES))
        peer = other(node)
        # As the units of conf/ have it where a proxy runs beside the agent.
        agent_user = "haproxydb" if self.has_proxies else "hacluster"
        with open(os.path.join(directory, "env"), "w") as file:
            file.write(f"AGENT_USER={agent_user}\nBIN={self.path('bin')}\nDRBD={self.path('drbd')}\nFENCE={self.path('fence')}\n"
                       f"DEVICE={DEVICE}\nBACKING={self.path(node, 'device.note')}\nNODE={node}\nNODE_ID={NODES.index(node)}\nADDRESS={ADDRESSES[node]}\n"
                       f"PEER={peer}\nPEER_ID={NODES.index(peer)}\nPEER_ADDRESS={ADDRESSES[peer]}\n"
                       f"AGENT={self.path(node, 'agent.toml') if self.has_agents else ''}\n")
        self.storage.give(node, self.storage.first)
        run("chown", "-R", "hacluster:haclient", directory + "/pacemaker", directory + "/log/pacemaker")
        run("chmod", "750", directory + "/pacemaker")
        run("chmod", "600", directory + "/pacemaker/cib/cib.xml")
        run("chown", "mysql:adm", directory + "/log/mysql")

    def make_package(self, node, directory):
        """What installing the proxy by README leaves on a node, for node-init to put there."""
        if readme.bind_address() != ADDRESSES["cluster1"]:
            raise TestbedError("README's bind-address for cluster1 is not the testbed's address of it")
        os.makedirs(os.path.join(directory, "package"))
        configuration = readme.configuration()
        for name, address in ADDRESSES.items():
            own = f'address = "{address}:3306"\n'
            if own not in configuration:
                raise TestbedError(f"README's configuration has no node with {own}")
            configuration = configuration.replace(own, f'{own}agent = "{address}:8405"\n')
        with open(os.path.join(directory, "package/haproxydb.toml"), "w") as file:
            file.write(configuration + '\n[cluster]\nkey = "the testbed\'s own shared secret"\n')
        # What MariaDB's own tools tell of the server is what it is started with.
        shutil.copy(os.path.join(directory, "my.cnf"), os.path.join(directory, "package/my.cnf"))
        with open(os.path.join(directory, "package/useradd"), "w") as file:
            file.write(readme.user() + "\n")

    # Processes

    def spawn(self, name, *command, log=None):
        """Starts a process in a session of its own and notes its pid under `name`."""
        with open(log or self.path(name + ".log"), "ab") as file:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
        self.note(name, f"{process.pid} {start_time(process.pid)}")
        return process

    def process(self, name):
        """The pid noted under `name`, if that very process still lives."""
        noted = self.noted(name)
        if not noted:
            return None
        pid, started = noted.split()
        return int(pid) if start_time(int(pid)) == started else None

    def stop_process(self, name, how=signal.SIGTERM):
        pid = self.process(name)
        if pid:
            os.kill(pid, how)
            try:
                wait_for(f"the end of {name}", lambda: not self.process(name), 40)
            except TestbedError:
                os.kill(pid, signal.SIGKILL)
        if self.noted(name):
            os.remove(self.path(name + ".note"))

    def start_proxy(self):
        self.fill("haproxydb.toml", self.path("haproxydb.toml"), APPS=APPS, DIR=self.directory, LEDGER=self.ledger,
                  **{f"AGENT{number + 1}": f'agent = "{ADDRESSES[node]}:8405"' if self.has_agents else ""
                     for number, node in enumerate(NODES)},
                  CLUSTER='[cluster]\nkey = "the testbed\'s own shared secret"' if self.has_agents else "")
        self.spawn("proxy", "ip", "netns", "exec", "hdb-apps", self.binary, "run", "-c", self.path("haproxydb.toml"))

    def ctl(self, *words, timeout=60, check=True):
        installed = self.path("bin/haproxydb")
        return run(installed if os.path.exists(installed) else self.binary, "ctl", "--socket", self.path("admin.sock"),
                   *words, timeout=timeout, check=check)

    def proxy_primary(self):
        """The node that the proxy sends statements to, by its own word; None if it has none."""
        for node in json.loads(self.ctl("show", "nodes", "json")):
            if node["role"] == "primary":
                return node["name"]
        return None

    def tell_role(self, node, role):
        """Into the time line of DRBD's roles, where the stand-in writes, too."""
        if not os.path.isdir(self.path("drbd")):
            return
        with open(self.path("drbd/roles.log"), "a") as file:
            file.write(f"{time.time():.6f} {node} {role}\n")

    # Nodes

    def start_node(self, node):
        if self.process(node):
            raise TestbedError(f"{node} runs already")
        run("ip", "-n", "hdb-switch", "link", "set", node, "up")
        self.drop_floating(node)
        process = self.spawn(
            node, "ip", "netns", "exec", f"hdb-{node}", "unshare", "--mount", "--uts", "--ipc", "--pid", "--fork",
            "--kill-child", "--mount-proc", "--propagation", "private", os.path.join(HERE, "node-init"),
            self.path(node), log=self.path(node, "console.log"))
        children = f"/proc/{process.pid}/task/{process.pid}/children"

        def first_process():
            with open(children) as file:
                for child in file.read().split():
                    with open(f"/proc/{child}/cmdline") as line:
                        if "node-init" in line.read().replace("unshare", ""):
                            return child
            return None
        self.note(node + "-init", wait_for(f"{node}'s first process", first_process, 10))

    def kill_node(self, node):
        """Every process of the node ends at once; its kernel (ours) closes their connections."""
        pid = self.process(node)
        if pid:
            # The first process of its PID namespace is killed with its parent, and takes all others along.
            os.kill(pid, signal.SIGKILL)
            wait_for(f"the end of {node}", lambda: not self.process(node), 20)
        for name in (node, node + "-init"):
            if self.noted(name):
                os.remove(self.path(name + ".note"))
        self.tell_role(node, "Unknown")
        self.drop_floating(node)

    def proxies_node(self):
        """The node that has the proxies' address, and runs a proxy; None while that is not so."""
        tree = self.monitor()
        if tree is None:
            return None
        active = {name: [node.get("name") for resource in tree.iter("resource") for node in resource.findall("node")
                         if resource.get("id") == name and resource.get("active") == "true" and not resource.get("pending")]
                  for name in ("p_proxy_ip", "p_proxy")}
        nodes = active["p_proxy_ip"]
        return nodes[0] if len(nodes) == 1 and nodes[0] in active["p_proxy"] else None

    def power_off(self, node):
        """The cable goes first: nobody gets a FIN or RST, as in a power cut."""
        run("ip", "-n", "hdb-switch", "link", "set", node, "down")
        self.kill_node(node)

    def fence(self):
        """What a power switch does, until it is ended: a file fence/request.NODE.NUMBER has that node's power cut."""
        while True:
            for request in sorted(os.listdir(self.path("fence"))):
                if request.startswith("request."):
                    node = request.split(".")[1]
                    time.sleep(self.fence_seconds())
                    if self.process(node):
                        self.power_off(node)
                    print(f"{time.time():.3f} power off {node}", flush=True)
                    os.remove(self.path("fence", request))
            time.sleep(0.02)

    def fence_seconds(self):
        """No switch cuts in no time."""
        try:
            with open(self.path("fence/seconds")) as file:
                return float(file.read())
        except FileNotFoundError:
            return 1

    def cut_link(self, primary):
        """Nothing goes between the nodes any more; both still see the applications. Each goes on with data of its own:
        `primary`, which has them mounted, with what there is, the other with a copy of this moment."""
        standby = other(primary)
        self.storage.give(standby, self.storage.copy(primary, "cut.img" if self.storage.image_of(primary) != "cut.img"
                                                     else "disk.img"))
        open(self.path("drbd/cut"), "w").close()
        self.isolate("on")

    def heal_link(self, winner):
        """As an operator ends a split brain: one node is off, its data are thrown away, and the link is there again."""
        if self.process(other(winner)):
            raise TestbedError(f"{other(winner)} still runs")
        self.storage.keep(winner)
        self.isolate("off")
        os.remove(self.path("drbd/cut"))

    def isolate(self, state):
        for node in NODES:
            run("ip", "netns", "exec", "hdb-switch", "bridge", "link", "set", "dev", node, "isolated", state)

    def start_stack(self, node):
        """Corosync and Pacemaker again, after corosync was killed, as a service manager would."""
        self.on(node, "setsid", "-f", self.path("bin/start-cluster"))
        wait_for(f"pacemaker on {node}", lambda: self.is_online(node), 60)

    def start_pacemaker(self, node):
        """Again, after it was stopped; corosync has gone on."""
        self.on(node, "setsid", "-f", self.path("bin/start-cluster"))

    def drop_floating(self, node):
        """An address outlives the processes, as it would not a reboot."""
        for address in (FLOATING, PROXIES):
            run("ip", "-n", f"hdb-{node}", "addr", "del", f"{address}/24", "dev", "eth0", check=False)

    def inside(self, node, *command):
        """The command line that runs `command` in a node."""
        if not self.noted(node + "-init"):
            raise TestbedError(f"{node} does not run")
        return ("nsenter", "-t", self.noted(node + "-init"), "-m", "-u", "-i", "-n", "-p",
                "env", f"PATH={PATH}:{self.path('bin')}", "HOME=/run/testbed", "LANG=C.UTF-8", *command)

    def on(self, node, *command, check=True, timeout=120):
        """Runs a command in a node. Without `check` one that does not run just says nothing."""
        if not check and not self.noted(node + "-init"):
            return ""
        return run(*self.inside(node, *command), check=check, timeout=timeout)

    # The cluster's word

    def monitor(self, nodes=NODES):
        """crm_mon's XML as a node that answers tells it; None if none does. Tools asked while a controller dies may wait
        for an answer that was lost with it: none is waited for longer than `question_timeout`."""
        for node in nodes:
            if not self.process(node):
                continue
            output = self.on(node, "crm_mon", "-1", "--output-as=xml", check=False, timeout=self.question_timeout)
            try:
                tree = ElementTree.fromstring(output)
            except ElementTree.ParseError:
                continue
            if tree.find("nodes") is not None:
                return tree
        return None

    def primary(self):
        """The node on which the whole group runs and everything is at rest; None while anything is under way."""
        tree = self.monitor()
        if tree is None:
            return None
        online = [node.get("name") for node in tree.find("nodes")
                  if node.get("online") == "true" and node.get("pending") == "false"]
        running = {node: set() for node in NODES}
        promoted = []
        for resource in tree.iter("resource"):
            if resource.get("pending") or resource.get("failed") == "true":
                return None
            if resource.get("active") != "true":
                continue
            for node in resource.findall("node"):
                running.setdefault(node.get("name"), set()).add(resource.get("id"))
                if resource.get("role") in ("Promoted", "Master") and node.get("name") in online:
                    promoted.append(node.get("name"))
        if len(promoted) != 1:
            return None
        node = promoted[0]
        group = {"p_fs_mysql", "p_float_ip", "p_mysql"} | ({"p_gate"} if self.has_gate else set())
        return node if group <= running[node] and self.is_idle() else None

    def is_online(self, node):
        tree = self.monitor()
        return tree is not None and any(
            item.get("name") == node and item.get("online") == "true" and item.get("standby") == "false"
            for item in tree.find("nodes"))

    def has_standby(self, node):
        """Whether `node` is online with its DRBD Secondary and connected: ready to take over."""
        return (self.is_online(node) and self.process(node) is not None
                and "Connected" in self.on(node, "drbdadm", "cstate", "mysql", check=False)
                and "Secondary" in self.on(node, "drbdadm", "role", "mysql", check=False))

    def is_idle(self):
        """Whether Pacemaker's controller has nothing left to do."""
        for node in NODES:
            if self.process(node):
                output = self.on(node, "crmadmin", "-D", check=False, timeout=self.question_timeout)
                if ": cluster" not in output:
                    continue
                controller = output.split(":")[-1].split()[0]
                return "S_IDLE" in self.on(
                    node, "crmadmin", "-S", controller, check=False, timeout=self.question_timeout)
        return False

    def can_write(self, address):
        return run("ip", "netns", "exec", "hdb-apps", "mariadb", "-h", address, "-uapp", "-papp", "app",
                   "--connect-timeout=2", "-e", "INSERT INTO w (client, seq) VALUES ('up', 0)",
                   check=False, timeout=20) == ""
