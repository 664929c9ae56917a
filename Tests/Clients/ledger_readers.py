"""Readers of an availability log that come and go all the time, each a process of its own, as sqlite3 and reports are.

    ledger_readers.py read LOG HAPROXYDB     until its input ends; exit status 1 where one of them never could
    ledger_readers.py count LOG              prints how many seconds the log has of each run, as JSON
"""

import json
import os
import sqlite3
import subprocess
import sys

log = sys.argv[2]


def count():
    connection = sqlite3.connect(log, timeout=10)
    try:
        return dict(connection.execute("SELECT run, count(*) FROM seconds GROUP BY run"))
    finally:
        connection.close()


def by_sqlite():
    try:
        count()
    except sqlite3.OperationalError as error:
        # Not there yet, or its tables.
        assert "unable to open" in str(error) or "no such table" in str(error), error
        return False
    return True


def by_report():
    done = subprocess.run([sys.argv[3], "report", "--file", log], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def reader(read, orders, end):
    """A process that reads until its orders end; its exit status says whether it ever could."""
    pid = os.fork()
    if pid:
        return pid
    os.close(end)
    os.set_blocking(orders, False)
    could = False
    while True:
        could |= read()
        try:
            if os.read(orders, 1) == b"":
                os._exit(0 if could else 1)
        except BlockingIOError:
            pass


if sys.argv[1] == "count":
    print(json.dumps(count()))
else:
    orders, end = os.pipe()
    readers = []
    for number in range(20):
        readers.append(reader(by_report if number % 5 == 4 else by_sqlite, orders, end))
    sys.stdin.read()
    os.close(end)
    sys.exit(any(os.waitpid(pid, 0)[1] for pid in readers))
