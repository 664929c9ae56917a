#!/usr/bin/python3
"""What applications do to the cluster, written down line by line as it happens (JSON, one object a line).

  clients.py load NAME HOST CLIENTS PATIENCE FILE [RATE]    long-lived connections: writes, reads and transactions in
                                                     turn, RATE (200) statements a second by all together
  clients.py logins FILE NODE=HOST…                  one login every 20 ms to each node's own address: when is it back?

Ends at SIGTERM. Lines of `load`, times in seconds (CLOCK_MONOTONIC, the same in all namespaces of one kernel):
  {"ack": [begun, answered, client, [seq…]]}         an acknowledged write, alone or by COMMIT
  {"read": [begun, answered, client, node]}          node: which server answered, by its own word
  {"error": [begun, failed, client, class, text, what, [seq…]]}   class: number and SQLSTATE, or "N connection"
Every write is a row (client, seq); a client reads its own last seq back now and then, and reports what is not there.
"""
import json
import signal
import sys
import threading
import time

import pymysql
from pymysql import err, protocol

OUTPUT_LOCK = threading.Lock()
stop = threading.Event()


class Failure(Exception):
    """A server's error with its SQLSTATE, which pymysql drops."""

    def __init__(self, number, state, text):
        super().__init__(number, text)
        self.number, self.state, self.text = number, state, text


def raise_with_state(data):
    number = int.from_bytes(data[1:3], "little")
    has_state = data[3:4] == b"#"
    raise Failure(number, data[4:9].decode() if has_state else "", data[9 if has_state else 3:].decode(errors="replace"))


err.raise_mysql_exception = raise_with_state
protocol.err.raise_mysql_exception = raise_with_state


class Client:
    def __init__(self, name, host, pause, patience, write_line):
        self.name, self.host, self.pause, self.patience, self.write_line = name, host, pause, patience, write_line
        self.connection = None
        self.seq = 0
        self.last_acked = 0
        # The seqs of the write under way.
        self.attempt = []

    def run(self):
        turn = 0
        while not stop.is_set():
            what = ("write", "read", "write", "transaction")[turn % 4]
            turn += 1
            self.attempt = []
            begun = time.monotonic()
            try:
                if self.connection is None:
                    what = "login"
                    self.connection = pymysql.connect(
                        host=self.host, port=3306, user="app", password="app", database="app", autocommit=True,
                        connect_timeout=self.patience, read_timeout=self.patience, write_timeout=self.patience)
                elif what == "read":
                    self.read(begun)
                else:
                    self.write(begun, rows=1 if what == "write" else 2)
            except Failure as failure:
                self.failed(begun, f"{failure.number} {failure.state}", failure.text, what)
                if what == "login":
                    self.give_up()
            except (err.Error, OSError, AttributeError, IndexError) as error:
                # pymysql's own classes for what is no server's answer: a refused, reset, silent or ended connection.
                number = error.args[0] if error.args else 0
                self.failed(begun, f"{number} connection", str(error), what)
                self.give_up()
            stop.wait(self.pause)
        self.give_up()

    def write(self, begun, rows):
        numbers = [self.seq + 1 + index for index in range(rows)]
        # Never used again, whatever becomes of them: an unknown outcome stays one.
        self.seq += rows
        self.attempt = numbers
        cursor = self.connection.cursor()
        if rows > 1:
            cursor.execute("BEGIN")
        for number in numbers:
            cursor.execute("INSERT INTO w (client, seq) VALUES (%s, %s)", (self.name, number))
        if rows > 1:
            cursor.execute("COMMIT")
        self.last_acked = numbers[-1]
        self.write_line(ack=[begun, time.monotonic(), self.name, numbers])

    def read(self, begun):
        cursor = self.connection.cursor()
        cursor.execute("SELECT COALESCE(MAX(seq), 0), @@hostname FROM w WHERE client = %s", (self.name,))
        found, node = cursor.fetchone()
        now = time.monotonic()
        self.write_line(read=[begun, now, self.name, node])
        if found < self.last_acked:
            self.failed(begun, "lost write", f"reads {found} after {self.last_acked} was acknowledged", "read")

    def failed(self, begun, kind, text, what):
        self.write_line(error=[begun, time.monotonic(), self.name, kind, text[:200], what, self.attempt])

    def give_up(self):
        if self.connection is not None:
            try:
                self.connection.close()
            except Exception:  # Closing what is broken: whatever it says, it is gone.
                pass
        self.connection = None


def watch_logins(name, host, write_line):
    was_up = None
    while not stop.is_set():
        try:
            connection = pymysql.connect(
                host=host, port=3306, user="app", password="app", database="app", connect_timeout=0.5, read_timeout=1)
            up = True
            moment = time.monotonic()
            connection.close()
        except (Failure, err.Error, OSError):
            up = False
            moment = time.monotonic()
        if up != was_up:
            write_line(node=[moment, name, up])
            was_up = up
        stop.wait(0.02)


def main(words):
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    match words:
        case ["load", name, host, count, patience, path, *rate] if len(rate) < 2:
            pause = int(count) / float(rate[0] if rate else 200)
            jobs = [(Client(f"{name}{index}", host, pause, float(patience), lambda **line: put(line)).run, ())
                    for index in range(int(count))]
        case ["logins", path, *nodes] if nodes:
            jobs = [(watch_logins, (*node.split("="), lambda **line: put(line))) for node in nodes]
        case _:
            print(__doc__, file=sys.stderr)
            return 64
    with open(path, "a", buffering=1) as file:
        def put(line):
            with OUTPUT_LOCK:
                file.write(json.dumps(line) + "\n")
        threads = [threading.Thread(target=job, args=arguments) for job, arguments in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
