"""A second kind of client: pure Python, no libmariadb. Arguments: port, and the path of a file to wait for.

Prints `ready` when its sessions stand and then waits until that file is there (a failover happens meanwhile). Every
fault is an AssertionError or another exception: exit status 1.
"""

import os
import sys
import tempfile
import time

import pymysql
import pymysql.cursors


def connect(port, **more):
    return pymysql.connect(
        host="127.0.0.1", port=port, user="app", password="app", database="app", charset="utf8mb4", read_timeout=60,
        **more)


def basics(connection):
    with connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE TABLE py (id INT PRIMARY KEY, v VARCHAR(100), b BLOB)")
        rows = [(number, "wert ä %d" % number, bytes(range(256))) for number in range(500)]
        assert cursor.executemany("INSERT INTO py VALUES (%s, %s, %s)", rows) == 500
        connection.commit()
        cursor.execute("SELECT id, v, b FROM py ORDER BY id")
        assert list(cursor.fetchall()) == rows
        try:
            cursor.execute("SELECT * FROM nowhere")
        except pymysql.err.ProgrammingError as error:
            assert error.args[0] == 1146, error
        else:
            raise AssertionError("no error")
        try:
            cursor.execute("INSERT INTO py VALUES (1, '', '')")
        except pymysql.err.IntegrityError as error:
            assert error.args[0] == 1062, error
        else:
            raise AssertionError("no error")
        connection.rollback()
        cursor.execute("SELECT 1; SELECT 2")
        assert cursor.fetchall() == ((1,),) and cursor.nextset() and cursor.fetchall() == ((2,),)
        assert not cursor.nextset()
    connection.ping(reconnect=False)
    connection.select_db("app")


def streaming(port):
    with connect(port, cursorclass=pymysql.cursors.SSCursor) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT seq, REPEAT('s', 500) FROM seq_1_to_20000")
        assert sum(row[0] for row in cursor) == 20000 * 20001 // 2


def infile(port):
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("".join("%d\tx\t\n" % number for number in range(1000, 3000)))
        file.flush()
        with connect(port, local_infile=True) as connection, connection.cursor() as cursor:
            assert cursor.execute("LOAD DATA LOCAL INFILE %s INTO TABLE py", (file.name,)) == 2000
            connection.commit()


def large(connection):
    with connection.cursor() as cursor:
        text = "l" * (20 << 20)
        cursor.execute("SELECT LENGTH(%s), %s", (text, text))
        assert cursor.fetchone() == (len(text), text)


def main():
    port, go_on = int(sys.argv[1]), sys.argv[2]
    multi = connect(port, client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS)
    basics(multi)
    streaming(port)
    infile(port)
    large(multi)
    idle = connect(port, autocommit=True)
    with idle.cursor() as cursor:
        cursor.execute("SET time_zone = '+05:00'")
        cursor.execute("SET @kept = 'kept'")
    transaction = connect(port, autocommit=False)
    with transaction.cursor() as cursor:
        cursor.execute("INSERT INTO py VALUES (-1, '', '')")
    print("ready", flush=True)
    deadline = time.monotonic() + 60
    while not os.path.exists(go_on):
        assert time.monotonic() < deadline, "nobody went on"
        time.sleep(0.01)
    with idle.cursor() as cursor:
        cursor.execute("SELECT @kept, @@time_zone, DATABASE(), @@autocommit, @@character_set_client")
        assert cursor.fetchone() == ("kept", "+05:00", "app", 1, "utf8mb4")
    try:
        transaction.commit()
    except pymysql.err.OperationalError as error:
        assert error.args[0] == 1213, error
    else:
        raise AssertionError("a transaction survived its server")
    with transaction.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM py WHERE id = -1")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT COUNT(*) FROM py")
        assert cursor.fetchone() == (2500,)
    print("done", flush=True)


main()
