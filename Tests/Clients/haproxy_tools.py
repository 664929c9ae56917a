"""HAProxy's own tools, unchanged, against the proxy's admin socket.

    haproxy_tools.py haproxyadmin|exporter|hatop SOCKET PROXY_PORT

Prints `done` at the end; any other end is a failure. What is asserted is what the tool showed or did.
"""

import fcntl
import os
import pty
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
import urllib.request

import pymysql

tool, path, port = sys.argv[1], sys.argv[2], int(sys.argv[3])


def ask(line):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(path)
        s.sendall((line + "\n").encode())
        return b"".join(iter(lambda: s.recv(65536), b"")).decode()


def state(server):
    rows = [line.split(",") for line in ask("show stat -1 4 -1").splitlines()[1:] if line]
    return {row[1]: row[17] for row in rows}[server]


def until(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.02)


def connect():
    return pymysql.connect(
        host="127.0.0.1", port=port, user="app", password="app", database="app", autocommit=True, read_timeout=60)


def query(session, text):
    with session.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall()


def free_port():
    """Below the ports that the system gives to clients."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class Statement(threading.Thread):
    """One that runs beside; `answer` is None while it waits."""

    def __init__(self, session, text):
        super().__init__(daemon=True)
        self.session, self.text, self.answer = session, text, None
        self.start()

    def run(self):
        try:
            self.answer = query(self.session, self.text)
        except Exception as error:
            self.answer = error


def held():
    return int(ask("show stat -1 2 -1").splitlines()[1].split(",")[2])


def refuses(action, error):
    try:
        action()
    except error:
        return
    raise AssertionError(f"{action} was not refused")


def is_number(part, name):
    try:
        return isinstance(part.metric(name), (int, float))
    except ValueError as error:
        # For some of its own names the library does not know how to add processes up, on HAProxy as here.
        return "Unknown type of calculation" in str(error)


def with_haproxyadmin():
    """Every method that reads, and every one that changes something."""
    from haproxyadmin import backend as backends, frontend as frontends, haproxy, server as servers
    from haproxyadmin.exceptions import CommandFailed

    session = connect()
    query(session, "SELECT 1")
    proxy = haproxy.HAProxy(socket_file=path)

    # The process.
    assert proxy.metric("CurrConns") >= 1 and proxy.metric("CumConns") >= 1
    for name in haproxy.HAPROXY_METRICS:
        if "Zlib" not in name:  # Only where HAProxy was built with zlib.
            assert is_number(proxy, name), name
    assert 0 <= proxy.metric("Idle_pct") <= 100
    assert proxy.version.startswith("3.0") and proxy.releasedate and proxy.nodename and proxy.processids
    assert int(proxy.uptimesec) >= 0 and proxy.uptime.endswith("s") and proxy.totalrequests >= 1 and proxy.requests >= 1
    assert proxy.info()[0]["Name"] == "HAProxy"
    assert "Total events" in proxy.errors()[0][1][0] and proxy.errors(2)
    assert proxy.show_acl() == proxy.show_map() == ["# id (file) description"]
    assert "3306" not in proxy.command("show version")[0]

    # Names.
    assert [f.name for f in proxy.frontends()] == [b.name for b in proxy.backends()] == ["mariadb"]
    assert [s.name for s in proxy.servers(backend="mariadb")] == ["cluster1", "cluster2"]
    frontend, backend = proxy.frontend("mariadb"), proxy.backend("mariadb")
    assert [s.name for s in backend.servers()] == ["cluster1", "cluster2"]
    assert backend.server("cluster2").name == "cluster2" and backend.servers("cluster1")
    one, two = (proxy.server(name, "mariadb")[0] for name in ("cluster1", "cluster2"))
    assert (frontend.iid, backend.iid, one.sid, two.sid) == (2, 2, 1, 2), (frontend.iid, one.sid)
    for part, names in (
            (frontend, frontends.FRONTEND_METRICS), (backend, backends.BACKEND_METRICS), (one, servers.SERVER_METRICS)):
        for name in names:
            assert is_number(part, name), (part, name)
        assert part.requests >= 1 and part.requests_per_process() and part.stats_per_process() and part.process_nb

    # What they say.
    assert (frontend.status, backend.status) == ("OPEN", "UP")
    assert frontend.metric("stot") >= 1 and frontend.metric("bin") > 0 and frontend.metric("bout") > 0
    assert one.status == "UP" and one.check_status == "L7OK" and one.metric("scur") >= 1, one.status
    assert one.address == "127.0.0.1" and one.port.isdigit() and two.status == "DOWN"
    assert "answers" in one.last_status and not one.last_agent_check and one.check_code is not None
    assert one.metric("bout") > 0 and two.metric("bout") == 0 and two.metric("stot") == 0

    # States, each in two ways.
    for state, status in (
            ("disable", "MAINT"), ("enable", "DOWN"), ("maint", "MAINT"), ("ready", "DOWN"), ("drain", "DOWN")):
        assert two.setstate(state) and two.status == status, (state, two.status)
    assert two.setstate("ready")
    assert one.setstate("drain") and one.status == "DRAIN" and backend.status == "DOWN"
    waiting = Statement(session, "SELECT 2")
    until(lambda: backend.metric("qcur") == 1, "the statement is held")
    assert one.setstate("ready") and one.status == "UP"
    until(lambda: waiting.answer is not None, "the statement is let go")
    assert waiting.answer == ((2,),), waiting.answer

    # Weights.
    for weight, now in ((5, "5"), (1, "1"), ("200%", "2"), ("100%", "1")):
        assert one.setweight(weight) and str(one.weight) == now, (weight, one.weight)
    assert one.setweight(0) and one.status == "DRAIN" and one.setweight(1) and one.status == "UP"

    # Addresses are the configuration's.
    one.address = "127.0.0.1"
    one.port = one.port
    refuses(lambda: setattr(one, "address", "127.0.0.9"), CommandFailed)
    refuses(lambda: setattr(one, "port", "1"), CommandFailed)

    # Limits.
    before = frontend.maxconn
    assert frontend.setmaxconn(7) and frontend.maxconn == 7 and frontend.setmaxconn(before)
    all_before = proxy.maxconn
    assert proxy.setmaxconn(1) and proxy.maxconn == 1
    refuses(connect, pymysql.err.OperationalError)
    assert proxy.setmaxconn(all_before) and proxy.maxconn == all_before
    query(connect(), "SELECT 1")
    assert proxy.setratelimitconn(500) and proxy.ratelimitconn == 500 and proxy.setratelimitconn(0)
    assert proxy.setratelimitsess(600) and proxy.ratelimitsess == 600 and proxy.setratelimitsess(0)
    assert proxy.setratelimitsslsess(7) and proxy.ratelimitsslsess == 7 and proxy.setratelimitsslsess(0)

    # The frontend, and sessions.
    assert frontend.disable() and frontend.status == "PAUSED"
    refuses(connect, pymysql.err.OperationalError)
    assert query(session, "SELECT 2") == ((2,),)
    assert frontend.enable() and frontend.status == "OPEN"
    victim = connect()
    query(victim, "SELECT 1")
    assert one.shutdown()
    refuses(lambda: query(victim, "SELECT 3"), pymysql.err.MySQLError)
    assert proxy.clearcounters() and proxy.clearcounters(all=True) and proxy.metric("CumConns") == 0
    last = connect()
    assert frontend.shutdown() and frontend.status == "STOP"
    refuses(connect, pymysql.err.OperationalError)
    assert query(last, "SELECT 4") == ((4,),)


def with_exporter():
    web = f"127.0.0.1:{free_port()}"
    exporter = subprocess.Popen(
        ["prometheus-haproxy-exporter", f"--haproxy.scrape-uri=unix:{path}", f"--web.listen-address={web}"],
        stdout=subprocess.DEVNULL)
    try:
        def scrape():
            try:
                return urllib.request.urlopen(f"http://{web}/metrics", timeout=20).read().decode()
            except OSError:
                assert exporter.poll() is None, "the exporter has ended"
                return ""

        session = connect()
        query(session, "SELECT 1")
        until(scrape, "the exporter answers")
        metrics = dict(line.rsplit(" ", 1) for line in scrape().splitlines() if not line.startswith("#"))
        assert metrics["haproxy_up"] == "1"
        assert metrics["haproxy_exporter_csv_parse_failures_total"] == "0"
        assert metrics['haproxy_server_up{backend="mariadb",server="cluster1"}'] == "1"
        assert metrics['haproxy_server_up{backend="mariadb",server="cluster2"}'] == "0"
        assert metrics['haproxy_backend_up{backend="mariadb"}'] == "1"
        assert float(metrics['haproxy_frontend_current_sessions{frontend="mariadb"}']) >= 1
        assert float(metrics['haproxy_server_bytes_out_total{backend="mariadb",server="cluster1"}']) > 0
    finally:
        exporter.kill()
        exporter.wait()


class Terminal:
    """hatop on a terminal of its own."""

    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", LINES="40", COLUMNS="160")
            os.execvp("hatop", ["hatop", "-s", path, "-i", "1"])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
        self.seen = b""

    def look(self):
        while select.select([self.fd], [], [], 0.05)[0]:
            try:
                more = os.read(self.fd, 65536)
            except OSError:
                raise AssertionError("hatop has ended: " + self.seen[-500:].decode(errors="replace"))
            self.seen += more

    def sees(self, text):
        self.look()
        return text in self.seen

    def press(self, keys):
        self.look()
        os.write(self.fd, keys)

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def with_hatop():
    session = connect()
    assert query(session, "SELECT 1") == ((1,),)
    terminal = Terminal()
    try:
        until(lambda: terminal.sees(b"cluster2"), "hatop shows the servers")
        assert b"HAProxy Version: 3" in terminal.seen and b"L7OK" in terminal.seen
        # Down by way of FRONTEND to cluster1.
        terminal.press(b"\x1bOB")
        until(lambda: terminal.sees(b"[#2/#0]"), "FRONTEND is selected")
        terminal.press(b"\x1bOB")
        until(lambda: terminal.sees(b"[#2/#1]"), "cluster1 is selected")
        # F6: one less of its weight of one. A server without weight is drained.
        terminal.press(b"\x1b[17~")
        until(lambda: state("cluster1") == "DRAIN", "cluster1 drains", 30)
        statement = Statement(session, "SELECT 2")
        until(lambda: held() == 1, "the statement is held")
        assert statement.answer is None
        # F4: all of its weight again.
        terminal.press(b"\x1bOS")
        until(lambda: statement.answer is not None, "the statement is let go", 30)
        assert statement.answer == ((2,),), statement.answer
        assert state("cluster1") == "UP"
        # The same by hatop's command line.
        terminal.press(b"5")
        until(lambda: terminal.sees(b"embedded interactive HAProxy shell"), "hatop's command line")
        for command, expected in (("drain", "DRAIN"), ("maint", "MAINT"), ("ready", "UP")):
            terminal.press(f"set server mariadb/cluster1 state {command}".encode())
            until(lambda: terminal.sees(command.encode()), f"{command} is typed")
            terminal.press(b"\r")
            until(lambda: state("cluster1") == expected, f"cluster1 is {expected}", 30)
        assert query(session, "SELECT 3") == ((3,),)
    finally:
        terminal.end()


{"haproxyadmin": with_haproxyadmin, "exporter": with_exporter, "hatop": with_hatop}[tool]()
print("done")
