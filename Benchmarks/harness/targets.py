"""What is measured: the database server itself, HAProxy before it, and the candidate before it."""

import os
import shlex
import socket
import threading
import urllib.request

from . import processes
from .processes import BenchmarkError, Child

APPLICATION_USER = "bench"
APPLICATION_PASSWORD = "bench-password"
SERVICE_USER = "proxy"
SERVICE_PASSWORD = "proxy-password"
CHECK_USER = "haproxy_check"
DATABASE = "bench"
SESSIONS_MAX = 6000
BULK_ROWS = 100_000
BULK_ROW_BYTES = 1000
BULK_QUERY = f"SELECT body FROM {DATABASE}.bulk"

HAPROXY_CONFIG = """\
global
    nbthread {workers}
    maxconn {connections}
defaults
    mode tcp
    timeout connect 5s
    timeout client 8h
    timeout server 8h
{options}
listen mariadb
    bind 127.0.0.1:{port}
    option mysql-check user {check_user} post-41
    server cluster1 127.0.0.1:{server} check inter 1s
    server cluster2 127.0.0.1:{dead} check inter 1s backup
"""

CANDIDATE_CONFIG = """\
[proxy]
listen = ["127.0.0.1:{port}"]
workers = {workers}
connections_max = {connections}

[[node]]
name = "cluster1"
address = "127.0.0.1:{server}"

[[node]]
name = "cluster2"
address = "127.0.0.1:{dead}"

[health]
user = "{user}"
password = "{password}"

[failover]
hold_timeout = "90s"

[admin]
socket = "{socket}"
{extra}"""

# What --init-file does, once. The service account reads the account hashes; HAProxy's check logs in without a password.
SETUP = f"""
CREATE DATABASE {DATABASE};
CREATE USER {APPLICATION_USER}@'127.0.0.1' IDENTIFIED VIA mysql_native_password
    USING PASSWORD('{APPLICATION_PASSWORD}');
GRANT ALL ON {DATABASE}.* TO {APPLICATION_USER}@'127.0.0.1';
CREATE USER {SERVICE_USER}@'127.0.0.1' IDENTIFIED VIA mysql_native_password USING PASSWORD('{SERVICE_PASSWORD}');
GRANT SELECT ON mysql.global_priv TO {SERVICE_USER}@'127.0.0.1';
GRANT SELECT ON mysql.user TO {SERVICE_USER}@'127.0.0.1';
GRANT REFERENCES ON *.* TO {SERVICE_USER}@'127.0.0.1';
CREATE USER {CHECK_USER}@'127.0.0.1';
CREATE TABLE {DATABASE}.bulk (id INT PRIMARY KEY, body VARBINARY({BULK_ROW_BYTES}) NOT NULL) ENGINE=InnoDB;
INSERT INTO {DATABASE}.bulk SELECT seq, REPEAT('x', {BULK_ROW_BYTES}) FROM {DATABASE}.seq_1_to_{BULK_ROWS};
"""


class Database:
    """A MariaDB server of the benchmark's own, in a directory of its own."""

    def __init__(self, directory, port):
        self.directory = directory
        self.port = port
        self.child = None

    def start(self):
        data = os.path.join(self.directory, "data")
        me = ["--user=root"] if os.geteuid() == 0 else []
        processes.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db",
             "--auth-root-authentication-method=normal", *me], 120)
        init = os.path.join(self.directory, "setup.sql")
        with open(init, "w") as file:
            # --init-file reads one statement per line.
            file.write("\n".join(" ".join(part.split()) + ";" for part in SETUP.split(";") if part.strip()) + "\n")
        self.child = Child("mariadbd", [
            "mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={self.directory}/mariadbd.sock",
            f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-name-resolve", "--skip-log-bin",
            f"--pid-file={self.directory}/mariadbd.pid", f"--init-file={init}", f"--max-connections={SESSIONS_MAX}",
            "--max-connect-errors=4294967295", "--back-log=1024", "--thread-cache-size=256",
            "--innodb-buffer-pool-size=256M", "--innodb-flush-log-at-trx-commit=0", *me,
        ], os.path.join(self.directory, "mariadbd.log"))
        self.child.wait_for_port(self.port, 60)


class Target:
    """One way to the database: a port, and the proxy process behind it (none for the direct way)."""

    def __init__(self, name, port, child=None):
        self.name = name
        self.port = port
        self.child = child
        self.watchers = None

    def cpu_seconds(self):
        return self.child.cpu_seconds() if self.child else 0.0

    def end(self):
        if self.watchers:
            self.watchers.end()
        if self.child:
            self.child.end()


class Watchers:
    """Once a second a scrape of /metrics, `show stat` and `show info`, as a monitoring system and hatop ask."""

    def __init__(self, http, admin):
        self.http = http
        self.admin = admin
        self.asked = 0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopped.wait(1):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/metrics", timeout=10) as answer:
                scraped = answer.read()
            if b"haproxy_" not in scraped:
                raise BenchmarkError("/metrics does not answer with metrics")
            for command in (b"show stat\n", b"show info\n"):
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.connect(self.admin)
                    connection.sendall(command)
                    while connection.recv(65536):
                        pass
            self.asked += 1

    def end(self):
        self.stopped.set()
        self.thread.join(15)


class Targets:
    """Starts proxies before one database, each time with a fresh port and a fresh configuration file."""

    def __init__(self, directory, database, client, workers, candidate_command, ports):
        self.directory = directory
        self.database = database
        self.client = client
        self.workers = workers
        self.candidate_command = candidate_command
        self.ports = ports
        self.dead = processes.free_port(ports)  # reserved and never bound: the node that is down
        self.started = 0

    def direct(self):
        return Target("direct", self.database.port)

    def haproxy(self, name="haproxy", options=""):
        port = processes.free_port(self.ports)
        return self._start(name, port, ["haproxy", "-db", "-f", self._haproxy_config(port, options)])

    def watched(self):
        """The candidate with everything that watches it: the availability log, HTTP, and who asks every second."""
        http = processes.free_port(self.ports)
        target = self.candidate(
            "haproxydb watched", f'http = "127.0.0.1:{http}"\n\n[availability]\nfile = "{self._path("db")}"\n')
        target.watchers = Watchers(http, target.socket)
        return target

    def candidate(self, name="haproxydb", extra=""):
        port = processes.free_port(self.ports)
        socket_path = self._path("sock")
        path = self._path("toml")
        with open(path, "w") as file:
            file.write(CANDIDATE_CONFIG.format(
                port=port, workers=self.workers, connections=SESSIONS_MAX, server=self.database.port, dead=self.dead,
                user=SERVICE_USER, password=SERVICE_PASSWORD, socket=socket_path, extra=extra))
        os.chmod(path, 0o600)
        replace = {"{config}": path, "{haproxy_config}": self._haproxy_config(port, "")}
        command = [replace.get(word, word) for word in shlex.split(self.candidate_command)]
        target = self._start(name, port, command)
        target.socket = socket_path
        return target

    def _haproxy_config(self, port, options):
        path = self._path("cfg")
        with open(path, "w") as file:
            file.write(HAPROXY_CONFIG.format(
                workers=self.workers, connections=SESSIONS_MAX, port=port, server=self.database.port, dead=self.dead,
                check_user=CHECK_USER, options=options))
        return path

    def _path(self, ending):
        self.started += 1
        return os.path.join(self.directory, f"{self.started}.{ending}")

    def _start(self, name, port, command):
        target = Target(name, port, Child(name, command, self._path("log")))
        try:
            target.child.wait_for_port(port, 20)
            # Listening is not yet serving: the first statement through it says so.
            try:
                self.client.ping(target, 20)
            except BenchmarkError as error:
                raise BenchmarkError(f"{name}: {error}\n{processes.tail(target.child.log)}") from None
        except BaseException:
            target.end()
            raise
        return target
