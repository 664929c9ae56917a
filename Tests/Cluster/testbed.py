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

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FLOATING = "10.77.0.50"
APPS = "10.77.0.100"
ADDRESSES = {"cluster1": "10.77.0.11", "cluster2": "10.77.0.12"}
NODES = ("cluster1", "cluster2")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

SCHEMA = """
FLUSH PRIVILEGES;
CREATE DATABASE app;
CREATE TABLE app.w (id BIGINT AUTO_INCREMENT PRIMARY KEY, client VARCHAR(32) NOT NULL, seq BIGINT NOT NULL,
    KEY (client, seq)) ENGINE=InnoDB;
CREATE USER app@'%' IDENTIFIED BY 'app';
GRANT ALL ON app.* TO app@'%';
"""


class TestbedError(Exception):
    """Something of the testbed itself went wrong: nothing was learned about the proxy."""


def other(node):
    return NODES[1 - NODES.index(node)]


def run(*command, check=True, timeout=120, **options):
    """Runs a command to its end; its output (both streams) as text. TestbedError unless it succeeds in time; without
    `check`, what it said so far."""
    try:
        done = subprocess.run(
            command, stdin=options.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=timeout, **options)
    except subprocess.TimeoutExpired as error:
        if check:
            raise TestbedError(f"{' '.join(command)}: no end after {timeout} s") from error
        return ""
    if check and done.returncode != 0:
        raise TestbedError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout.strip()}")
    return done.stdout


def wait_for(what, condition, timeout, pause=0.1):
    """Asks until `condition` returns something true, and returns it. TestbedError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TestbedError(f"after {timeout} s still waiting for {what}")
        time.sleep(pause)


class Testbed:
    # How long one question to Pacemaker's tools may take, in seconds.
    question_timeout = 5

    def __init__(self, has_agents=False, has_gate=False):
        """With `has_agents` every node runs `haproxydb agent`, and the proxy listens to them; with `has_gate` the OCF
        gate is the group's last resource. Neither is needed for what is there already."""
        self.has_agents = has_agents or has_gate
        self.has_gate = has_gate
        self.directory = os.environ.get("HAPROXYDB_CLUSTER_DIR", "/tmp/haproxydb-cluster")
        self.token = int(os.environ.get("HAPROXYDB_CLUSTER_TOKEN", "2000"))
        # Whether this process made what is there.
        self.is_ours = False
        self.binary = os.environ.get("HAPROXYDB", os.path.join(ROOT, ".build/release/haproxydb"))

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
        os.makedirs(self.path("drbd"))
        self.is_ours = True
        self.make_image()
        self.make_network()
        device = run("losetup", "--find", "--show", self.path("disk.img")).strip()
        self.note("device", device)
        self.make_seed(device)
        for node in NODES:
            self.make_node(node, device)
            self.start_node(node)
        self.start_proxy()
        wait_for("the first primary", self.primary, 90)
        wait_for("a write through the floating address", lambda: self.can_write(FLOATING), 60)
        wait_for("a write through the proxy", lambda: self.can_write(APPS), 30)

    def down(self):
        """Removes whatever is there of it, also of a run that was cut off."""
        self.stop_process("proxy")
        for node in NODES:
            self.kill_node(node)
        for name in ("switch", "apps") + NODES:
            run("ip", "netns", "del", f"hdb-{name}", check=False)
        device = self.noted("device")
        if device:
            # The nodes' mounts end with their namespaces, a moment after their last process.
            def is_released():
                run("losetup", "-d", device, check=False)
                return self.path("disk.img") not in run("losetup", "-l", "-n", "-O", "BACK-FILE")
            wait_for("the end of the loop device", is_released, 20)
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

    def make_image(self):
        """An ext4 image with an initialised data directory, its accounts and the table of the load."""
        data = self.path("data")
        os.makedirs(data)
        shutil.chown(data, "mysql", "mysql")
        log = ["--no-defaults", "--user=mysql", f"--datadir={data}", "--innodb-log-file-size=32M"]
        run("mariadb-install-db", *log, "--skip-test-db", "--auth-root-authentication-method=socket")
        with open(os.path.join(ROOT, "conf/grants.sql")) as file:
            # One statement a line for the bootstrap, which knows no comments at the end of one.
            grants = [line for line in file.read().splitlines() if not line.lstrip().startswith("--")]
        sql = SCHEMA + "\n".join(grants).replace("'change me'", "'proxy'") + "\n"
        with open(self.path("schema.sql"), "w") as file:
            file.write(sql)
        with open(self.path("schema.sql")) as file:
            output = run("mariadbd", *log, "--bootstrap", stdin=file)
        if "ERROR" in output:
            raise TestbedError(f"the schema: {output}")
        owner = os.stat(data)
        image = self.path("disk.img")
        with open(image, "wb") as file:
            file.truncate(600 << 20)
        run("mkfs.ext4", "-q", "-F", "-J", "size=16", "-d", data, "-E",
            f"lazy_itable_init=0,lazy_journal_init=0,root_owner={owner.st_uid}:{owner.st_gid}", image)
        shutil.rmtree(data)

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

    def make_seed(self, device):
        """The CIB that the nodes start with, from the crmsh lines of seed.crm, with no cluster running."""
        self.fill("seed.crm", self.path("seed.crm"), DEVICE=device, FLOATING=FLOATING, APPS=APPS)
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
                       f"params socket=/run/testbed/agent.sock binary={self.binary} op start timeout=30s interval=0 "
                       "op stop timeout=30s interval=0 op monitor interval=10s timeout=20s\n")
            file.write(lines.replace(group, group + " p_gate"))

    def make_node(self, node, device):
        directory = self.path(node)
        for name in ("corosync", "pacemaker/cib", "pacemaker/pengine", "pacemaker/cores", "pacemaker/blackbox",
                     "corolib", "log/pacemaker", "log/corosync", "log/mysql", "log/crmsh"):
            os.makedirs(os.path.join(directory, name))
        self.fill("corosync.conf", os.path.join(directory, "corosync/corosync.conf"), TOKEN=self.token)
        self.fill("my.cnf", os.path.join(directory, "my.cnf"))
        if self.has_agents:
            self.fill("agent.toml", os.path.join(directory, "agent.toml"), NODE=node, ADDRESS=ADDRESSES[node])
        shutil.copy(self.path("seed.xml"), os.path.join(directory, "pacemaker/cib/cib.xml"))
        with open(os.path.join(directory, "hosts"), "w") as file:
            file.write("127.0.0.1 localhost\n" + "".join(f"{ADDRESSES[name]} {name}\n" for name in NODES))
        peer = other(node)
        with open(os.path.join(directory, "env"), "w") as file:
            file.write(f"TESTBED={HERE}\nDRBD={self.path('drbd')}\nDEVICE={device}\n"
                       f"NODE={node}\nNODE_ID={NODES.index(node)}\nADDRESS={ADDRESSES[node]}\n"
                       f"PEER={peer}\nPEER_ID={NODES.index(peer)}\nPEER_ADDRESS={ADDRESSES[peer]}\n"
                       f"AGENT={self.binary if self.has_agents else ''}\n")
        run("chown", "-R", "hacluster:haclient", directory + "/pacemaker", directory + "/log/pacemaker")
        run("chmod", "750", directory + "/pacemaker")
        run("chmod", "600", directory + "/pacemaker/cib/cib.xml")
        run("chown", "mysql:adm", directory + "/log/mysql")

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
        self.fill("haproxydb.toml", self.path("haproxydb.toml"), APPS=APPS, DIR=self.directory,
                  **{f"AGENT{number + 1}": f'agent = "{ADDRESSES[node]}:8405"' if self.has_agents else ""
                     for number, node in enumerate(NODES)},
                  CLUSTER='[cluster]\nkey = "the testbed\'s own shared secret"' if self.has_agents else "")
        self.spawn("proxy", "ip", "netns", "exec", "hdb-apps", self.binary, "run", "-c", self.path("haproxydb.toml"))

    def ctl(self, *words, timeout=60):
        return run(self.binary, "ctl", "--socket", self.path("admin.sock"), *words, timeout=timeout)

    def proxy_primary(self):
        """The node that the proxy sends statements to, by its own word; None if it has none."""
        for node in json.loads(self.ctl("show", "nodes", "json")):
            if node["role"] == "primary":
                return node["name"]
        return None

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
        self.drop_floating(node)

    def power_off(self, node):
        """The cable goes first: nobody gets a FIN or RST, as in a power cut."""
        run("ip", "-n", "hdb-switch", "link", "set", node, "down")
        self.kill_node(node)

    def start_pacemaker(self, node):
        """Again, after it was stopped; corosync has gone on."""
        self.on(node, "sh", "-c", "PCMK_logfile=/var/log/pacemaker/pacemaker.log PCMK_stderr=no "
                "setsid pacemakerd -f > /var/log/pacemaker/pacemakerd.out 2>&1 < /dev/null &")

    def drop_floating(self, node):
        """An address outlives the processes, as it would not a reboot."""
        run("ip", "-n", f"hdb-{node}", "addr", "del", f"{FLOATING}/24", "dev", "eth0", check=False)

    def inside(self, node, *command):
        """The command line that runs `command` in a node."""
        return ("nsenter", "-t", self.noted(node + "-init"), "-m", "-u", "-i", "-n", "-p",
                "env", f"PATH={PATH}:{HERE}/bin", "HOME=/run/testbed", "LANG=C.UTF-8", *command)

    def on(self, node, *command, check=True, timeout=120):
        return run(*self.inside(node, *command), check=check, timeout=timeout)

    # The cluster's word

    def monitor(self):
        """crm_mon's XML as a node that answers tells it; None if none does. Tools asked while a controller dies may wait
        for an answer that was lost with it: none is waited for longer than `question_timeout`."""
        for node in NODES:
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


def start_time(pid):
    """What tells a process from a later one with the same number: its start in clock ticks; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
