"""Two Debian virtual machines with the kernel's own DRBD, a Pacemaker cluster of them, and the proxy before it.

Everything lies in one directory (HAPROXYDB_DRBD_LAB_DIR, .build/drbd-lab): what make-image made, snapshots of the
running pair, and `run/`, which `Lab.down` removes together with the network namespace. The emulators, the switch, the
proxy and the clients all run in that namespace: no port of this machine is taken. What was started is ended by its pid.
"""

import base64
import fcntl
import json
import os
import re
import select
import shlex
import shutil
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "Cluster"))

from testbed import NODES, ROOT, Testbed, TestbedError, other, run, wait_for  # noqa: E402

NAMESPACE = "hdb-drbd-lab"
FLOATING = "192.168.77.50"
APPS = "192.168.77.1"
ADDRESSES = {"cluster1": "192.168.77.101", "cluster2": "192.168.77.102"}
CLIENTS = os.path.join(os.path.dirname(HERE), "Cluster", "clients.py")
# Ports of the namespace's own loopback.
SWITCH_PORT = 12399
CONTROL_PORTS = {"cluster1": 12321, "cluster2": 12322}
# The switch's ports: 0 is the applications' side; then each guest's interface on the cluster's network, and each
# guest's end of the replication's cable.
CLUSTER_LINK = (1, 2)
REPLICATION_LINK = (3, 4)


def in_namespace(*command):
    return ("ip", "netns", "exec", NAMESPACE, *command)


class Lab(Testbed):
    question_timeout = 60

    def __init__(self):
        super().__init__(has_gate=True)
        self.home = os.path.abspath(os.environ.get("HAPROXYDB_DRBD_LAB_DIR", os.path.join(ROOT, ".build/drbd-lab")))
        self.directory = os.path.join(self.home, "run")
        # Emulated unless one says that this machine's KVM is to be trusted: some that open are slower than emulation.
        self.accelerator = os.environ.get("HAPROXYDB_DRBD_LAB_ACCEL", "tcg")
        self.lock = None

    # Made once

    def make(self):
        """The guests' disks, and a snapshot for either node as primary: what is there of the same parts stays."""
        if os.geteuid() != 0:
            raise TestbedError("virtual machines' disks and network namespaces need root")
        if not os.access(self.binary, os.X_OK):
            raise TestbedError(f"{self.binary} is not there: swift build -c release --product haproxydb")
        os.makedirs(self.home, exist_ok=True)
        # One lab at a time in a directory, for as long as this process lives.
        self.lock = open(os.path.join(self.home, "lock"), "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TestbedError(f"{self.home} is in use by another run") from error
        status = subprocess.call([os.path.join(HERE, "make-image"), self.home, self.binary], stdin=subprocess.DEVNULL)
        if status != 0:
            raise TestbedError(f"make-image: exit status {status}")
        if not all(os.path.exists(self.snapshot(node, "made")) for node in NODES):
            self.make_snapshots()

    def snapshot(self, primary, *names):
        return os.path.join(self.home, "snapshots", f"{self.accelerator}-{primary}", *names)

    def make_snapshots(self):
        print(f"a cold boot of both guests ({self.accelerator}), and snapshots", flush=True)
        begun = time.monotonic()
        self.down()
        self.make_run()
        for node in NODES:
            self.make_disks(node)
            self.start_node(node)
        primary = self.wait_for_rest()
        print(f"the cluster is at rest after {time.monotonic() - begun:.0f} s", flush=True)
        self.save(primary)
        self.set_standby(primary, True)
        wait_for(f"{other(primary)} as primary", lambda: self.primary() == other(primary), 300, pause=2)
        self.set_standby(primary, False)
        self.wait_for_rest()
        self.save(other(primary))
        self.down()

    def save(self, primary):
        """Memory and disks of both guests as they are now; they go on."""
        directory = self.snapshot(primary)
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        monitors = {node: Monitor(self.path(node + ".qmp")) for node in NODES}
        for monitor in monitors.values():
            monitor.ask("stop")
        for node, monitor in monitors.items():
            monitor.ask("migrate-set-parameters", **{"max-bandwidth": 2 << 30})
            monitor.ask("migrate", uri=f"exec:gzip -1 > {shlex.quote(os.path.join(directory, node))}.memory")
        for node, monitor in monitors.items():
            state = wait_for(f"{node}'s memory to be saved", lambda: monitor.migration(), 300)
            if state != "completed":
                raise TestbedError(f"{node}'s memory was not saved: {state}")
        for node in NODES:
            for disk in self.disks(node):
                run("cp", "--sparse=always", self.path(disk), directory)
        for monitor in monitors.values():
            monitor.ask("cont")
        open(os.path.join(directory, "made"), "w").close()

    # Up and down

    def up(self, primary=NODES[0]):
        """The pair as it was when the snapshot was taken, at rest, with `primary` as primary; then the proxy."""
        self.down()
        self.is_ours = True
        self.make_run()
        for node in NODES:
            for disk in self.disks(node):
                run("cp", "--sparse=always", self.snapshot(primary, disk), self.directory)
        for node in NODES:
            memory = shlex.quote(self.snapshot(primary, node + ".memory"))
            self.start_node(node, "-S", "-incoming", f"exec:zcat {memory}")
        monitors = [Monitor(self.path(node + ".qmp")) for node in NODES]
        for monitor in monitors:
            wait_for("a guest's memory", lambda: monitor.is_loaded(), 120)
        for monitor in monitors:
            monitor.ask("cont")
        self.start_proxy()
        wait_for("a write through the proxy", lambda: self.can_write(APPS), 120)
        wait_for("a write through the floating address", lambda: self.can_write(FLOATING), 60)

    def down(self):
        """Removes whatever is there of a run, also of one that was cut off. Disks and snapshots stay."""
        for name in ("floating", "proxied", "views", "proxy"):
            self.stop_process(name)
        for node in NODES:
            self.kill_node(node)
        self.stop_process("switch")
        if os.path.exists(f"/run/netns/{NAMESPACE}"):
            run("ip", "netns", "del", NAMESPACE)
        shutil.rmtree(self.directory, ignore_errors=True)

    def make_run(self):
        os.makedirs(self.directory)
        run("ip", "netns", "add", NAMESPACE)
        run("ip", "-n", NAMESPACE, "link", "set", "lo", "up")
        links = [f"{network}:{12310 + port}:{12300 + port}"
                 for network, link in enumerate((CLUSTER_LINK, REPLICATION_LINK)) for port in link]
        self.spawn("switch", *in_namespace(os.path.join(self.home, "switch"), str(SWITCH_PORT), "apps", *links))
        # (Asked for by its name, it is named in the refusal, too.)
        wait_for("the switch", lambda: " apps:" in run("ip", "-n", NAMESPACE, "link", "show"), 20)
        run("ip", "-n", NAMESPACE, "addr", "add", f"{APPS}/24", "dev", "apps")
        run("ip", "-n", NAMESPACE, "link", "set", "apps", "up")

    def disks(self, node):
        return (node + ".qcow2", node + ".data")

    def make_disks(self, node):
        root, data = self.disks(node)
        run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", os.path.join(self.home, "root.qcow2"),
            self.path(root))
        run("cp", "--sparse=always", os.path.join(self.home, "data.img"), self.path(data))

    # The switch

    def switch(self, *words):
        """A command of the switch's (switch.c)."""
        answer = run(*in_namespace("sh", "-c", f"printf %s {shlex.quote(' '.join(words))} | "
                                   f"socat -t2 - UDP:127.0.0.1:{SWITCH_PORT}"))
        if not answer.startswith("ok"):
            raise TestbedError(f"switch {' '.join(words)}: {answer}")
        return answer

    def cut(self, link):
        self.switch("cut", *map(str, link))

    def heal(self, link):
        self.switch("heal", *map(str, link))

    # Nodes

    def start_node(self, node, *extra):
        """Powers a guest on."""
        if self.process(node):
            raise TestbedError(f"{node} runs already")
        number = NODES.index(node) + 1
        root, data = self.disks(node)
        if os.path.exists(self.path(node + ".qmp")):
            os.remove(self.path(node + ".qmp"))
        # An emulated processor can't calibrate its time stamp counter on a busy machine: its clock would run at any
        # speed, so it goes by another one.
        processor = ("-accel", "kvm", "-cpu", "host,arch-capabilities=off") if self.accelerator == "kvm" else (
            "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "Nehalem")
        command = [
            "qemu-system-x86_64", "-name", node, "-nodefaults", "-no-user-config", "-display", "none",
            "-machine", "pc,usb=off,vmport=off,hpet=off", *processor, "-smp", "1", "-m", "768",
            "-kernel", os.path.join(self.home, "vmlinuz"), "-initrd", os.path.join(self.home, "initrd.gz"),
            "-append", "console=ttyS0,115200 quiet loglevel=5 mitigations=off nokaslr audit=0 "
            f"net.ifnames=0 clocksource=acpi_pm tsc=unstable lab.node={number}",
            "-device", "virtio-rng-pci", "-serial", f"file:{self.path(node + '.console')}",
            "-qmp", f"unix:{self.path(node + '.qmp')},server=on,wait=off",
            "-netdev", f"user,id=control,restrict=on,hostfwd=tcp:127.0.0.1:{CONTROL_PORTS[node]}-:2323",
            "-device", f"virtio-net-pci,netdev=control,mac=52:54:00:00:01:0{number},romfile=",
        ]
        for index, (file, form) in enumerate(((root, "qcow2"), (data, "raw"))):
            command += [
                "-drive", f"if=none,id=disk{index},file={self.path(file)},format={form},cache=unsafe,discard=unmap",
                "-device", f"virtio-blk-pci,drive=disk{index}"]
        for index, link in enumerate((CLUSTER_LINK, REPLICATION_LINK)):
            port = link[number - 1]
            command += [
                "-netdev", f"dgram,id=link{index},local.type=inet,local.host=127.0.0.1,local.port={12300 + port},"
                f"remote.type=inet,remote.host=127.0.0.1,remote.port={12310 + port}",
                "-device", f"virtio-net-pci,netdev=link{index},mac=52:54:00:00:0{2 + index}:0{number},romfile="]
        self.spawn(node, *in_namespace(*command, *extra))

    def kill_node(self, node):
        """The power goes: no process of the guest learns of it, and nobody gets a FIN or RST."""
        self.stop_process(node, how=9)

    def on(self, node, *command, check=True, timeout=240):
        """A command in a guest. Its control goes through the emulator: whatever is cut, it is there."""
        line = base64.b64encode(shlex.join(command).encode()) + b"\n"
        link = subprocess.Popen(
            in_namespace("socat", f"-t{timeout}", "-", f"TCP:127.0.0.1:{CONTROL_PORTS[node]}"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        output = b""
        deadline = time.monotonic() + timeout
        try:
            link.stdin.write(line)
            link.stdin.close()
            # The command's end is its last line: what it left running may hold the connection open.
            while not re.search(rb"\nlab-exit \d+\n$", output):
                if not select.select([link.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                    break
                chunk = os.read(link.stdout.fileno(), 65536)
                if not chunk:
                    break
                output += chunk
        except BrokenPipeError:
            pass
        finally:
            link.kill()
            link.wait()
            link.stdout.close()
        text, mark, status = output.decode(errors="replace").rpartition("\nlab-exit ")
        if check and (not mark or status.strip() != "0"):
            raise TestbedError(
                f"{node}: {shlex.join(command)}: exit status {status.strip() or 'unknown'}\n{text.strip()}")
        return text if mark else ""

    def start_pacemaker(self, node):
        self.on(node, "/etc/lab/cluster-start")

    def set_standby(self, node, is_standby):
        """`crm node standby` or `online`, by the tool below crmsh: that needs a minute on an emulated processor."""
        self.on(node, "crm_attribute", "--type", "nodes", "--node", node, "--name", "standby",
                "--update", "on" if is_standby else "off")

    def wait_for_rest(self):
        """Until the cluster has nothing left to do and the standby could take over; the primary's name."""
        def is_at_rest():
            primary = self.primary()
            return primary if primary and self.has_standby(other(primary)) and self.is_up_to_date(primary) else None
        return wait_for("a primary and a standby at rest", is_at_rest, 600, pause=2)

    def is_up_to_date(self, node):
        return "ds:UpToDate/UpToDate" in self.on(node, "cat", "/proc/drbd", check=False, timeout=self.question_timeout)

    # The proxy and its clients

    def start_proxy(self):
        self.fill(os.path.join(HERE, "haproxydb.toml"), self.path("haproxydb.toml"), DIR=self.directory)
        self.spawn("proxy", *in_namespace(self.binary, "run", "-c", self.path("haproxydb.toml")))

    def view(self):
        """What the proxy knows: `show cluster json`; None where it does not answer."""
        try:
            return json.loads(self.ctl("show", "cluster", "json", timeout=10))
        except (TestbedError, ValueError):
            return None

    def ask(self, host, sql, timeout=60, check=True):
        """A statement of the application's at `host`, in the namespace: rows as text."""
        client = ("mariadb", "-h", host, "-uapp", "-papp", "app", "--connect-timeout=10", "-N", "-B", "-e", sql)
        return run(*in_namespace(*client), timeout=timeout, check=check)

    def can_write(self, address):
        return self.ask(address, "INSERT INTO w (client, seq) VALUES ('up', 0)", check=False) == ""


class Monitor:
    """One connection to an emulator's QMP socket."""

    def __init__(self, path):
        def connected():
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.settimeout(60)
                self.socket.connect(path)
                return True
            except OSError:
                return False
        wait_for(f"{path}", connected, 30)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:  # Events come between question and answer.
            line = self.file.readline()
            if not line:
                raise TestbedError(f"the emulator ended at '{command}'")
            answer = json.loads(line)
            if "error" in answer:
                raise TestbedError(f"{command}: {answer['error'].get('desc')}")
            if "return" in answer:
                return answer["return"]

    def migration(self):
        """How the saving of memory ended; None while it goes on."""
        state = self.ask("query-migrate").get("status")
        return state if state in ("completed", "failed", "cancelled") else None

    def is_loaded(self):
        return self.ask("query-status").get("status") in ("paused", "prelaunch", "postmigrate")
