#!/usr/bin/env python3
"""Records dialogues with a real MariaDB server as fixtures for the wire tests.

    mariadb-install-db --no-defaults --auth-root-authentication-method=normal --datadir=DIR
    mariadbd --no-defaults --datadir=DIR --skip-networking=0 --bind-address=127.0.0.1 --port=PORT \
        --local-infile=1 --log-bin --server-id=1 --max-allowed-packet=64M
    python3 record.py PORT

Speaks the protocol by hand on a bare socket. The end of an answer is found without understanding it: the
answer is over when the server is waiting for the next command (its thread sleeps, seen by a second connection) and
nothing more arrives. So the fixtures are a judge of the tracker and not its mirror.

Format, a line each:
    capabilities HEX     what client and server agreed on (64 bits)
    # TEXT               a heading for people
    C HEX / S HEX        one packet of the client / server, with its 4-byte header
    !                    the answer to the command before is over
"""
import hashlib, os, select, socket, struct, sys, time
import pymysql

PORT = int(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
PASSWORD = b"secret"

LONG_PASSWORD, FOUND_ROWS, LONG_FLAG, CONNECT_WITH_DB, LOCAL_FILES = 1, 2, 4, 8, 1 << 7
PROTOCOL_41, TRANSACTIONS, SECURE = 1 << 9, 1 << 13, 1 << 15
MULTI_STATEMENTS, MULTI_RESULTS, PS_MULTI, PLUGIN_AUTH, ATTRS = 1 << 16, 1 << 17, 1 << 18, 1 << 19, 1 << 20
LENENC, EXPIRED, TRACK, DEPRECATE_EOF = 1 << 21, 1 << 22, 1 << 23, 1 << 24
PROGRESS, BULK, EXT_META, CACHE, UNIT = 1 << 32, 1 << 34, 1 << 35, 1 << 36, 1 << 37
BASE = (LONG_FLAG | LOCAL_FILES | PROTOCOL_41 | TRANSACTIONS | SECURE | MULTI_STATEMENTS | MULTI_RESULTS | PS_MULTI
        | PLUGIN_AUTH | CONNECT_WITH_DB | ATTRS | LENENC)

admin = pymysql.connect(host="127.0.0.1", port=PORT, user="root", autocommit=True)


def sql(text):
    with admin.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall()


def lenenc(data):
    assert len(data) < 251
    return bytes([len(data)]) + data


def token(scramble, password=PASSWORD):
    one = hashlib.sha1(password).digest()
    mask = hashlib.sha1(scramble + hashlib.sha1(one).digest()).digest()
    return bytes(a ^ b for a, b in zip(one, mask))


class Dialogue:
    def __init__(self, name, capabilities, plugin="mysql_native_password", password=PASSWORD, database=b"wire"):
        self.lines, self.name, self.socket = [], name, socket.create_connection(("127.0.0.1", PORT))
        self.buffer, self.asked = b"", capabilities
        greeting = self.packet()
        end = greeting.index(0, 1)
        self.thread, = struct.unpack_from("<I", greeting, end + 1)
        at = end + 5
        self.scramble = greeting[at:at + 8] + greeting[at + 27:at + 39]
        low, = struct.unpack_from("<H", greeting, at + 9)
        high, = struct.unpack_from("<H", greeting, at + 14)
        extended, = struct.unpack_from("<I", greeting, at + 23)
        self.capabilities = capabilities & (low | high << 16 | extended << 32)
        attributes = lenenc(b"_client_name") + lenenc(b"recorder")
        if not capabilities & CONNECT_WITH_DB:
            database = None
        self.send(struct.pack("<IIB19xI", self.capabilities & 0xFFFFFFFF, 1 << 24, 45, self.capabilities >> 32)
                  + b"wire\0" + lenenc(token(self.scramble, password))
                  + (database + b"\0" if database is not None else b"")
                  + plugin.encode() + b"\0" + lenenc(attributes), sequence=1)
        self.login_answer(password)

    def login_answer(self, password=PASSWORD):
        answer = self.packet()
        while answer[0] == 0xFE:
            end = answer.index(0, 1)
            assert answer[1:end] == b"mysql_native_password", answer
            self.send(token(answer[end + 1:end + 21], password), sequence=self.sequence + 1)
            answer = self.packet()
        self.lines.append("!")
        return answer

    def say(self, text):
        self.lines.append("# " + text)

    def send(self, payload, sequence=0):
        packet = struct.pack("<I", len(payload))[:3] + bytes([sequence]) + payload
        self.lines.append("C " + packet.hex())
        self.socket.sendall(packet)

    def packet(self):
        """The next packet's payload, waited for."""
        while True:
            packet = self.whole()
            if packet is not None:
                return packet
            more = self.socket.recv(1 << 16)
            if not more:
                raise EOFError(self.name)
            self.buffer += more

    def whole(self):
        if len(self.buffer) < 4:
            return None
        length = int.from_bytes(self.buffer[:3], "little")
        if len(self.buffer) < 4 + length:
            return None
        packet, self.buffer = self.buffer[:4 + length], self.buffer[4 + length:]
        self.sequence = packet[3]
        self.lines.append("S " + packet.hex())
        return packet[4:]

    def answer(self, silent=False):
        """Everything until the server waits for a command; returns the payloads."""
        packets = [] if silent else [self.packet()]
        while True:
            asleep = sql("select command from information_schema.processlist where id = %d" % self.thread)
            done = not asleep or asleep[0][0] == "Sleep"
            time.sleep(0.01)
            while select.select([self.socket], [], [], 0)[0]:
                more = self.socket.recv(1 << 16)
                if not more:
                    done = True
                    break
                self.buffer += more
            while (packet := self.whole()) is not None:
                packets.append(packet)
            if done:
                break
        assert not self.buffer, self.name
        self.lines.append("!")
        return packets

    def command(self, number, body=b"", note=None, silent=False):
        self.say(note or "command %d %r" % (number, body[:60]))
        self.send(bytes([number]) + body)
        return self.answer(silent)

    def query(self, text, limit=100):
        return self.command(3, text.encode(), text[:limit])

    def prepare(self, text):
        answer = self.command(22, text.encode(), "prepare: " + text)
        return struct.unpack_from("<I", answer[0], 1)[0] if answer[0][0] == 0 else None

    def execute(self, statement, cursor=0, body=b"", note="execute"):
        return self.command(23, struct.pack("<IBI", statement, cursor, 1) + body, note)

    def save(self):
        self.socket.close()
        with open(os.path.join(HERE, self.name + ".txt"), "w") as out:
            out.write("capabilities %016x\n" % self.capabilities)
            out.write("\n".join(self.lines) + "\n")


def prepare_database():
    sql("drop database if exists wire")
    sql("create database wire")
    sql("create or replace user wire@localhost identified by 'secret'")
    sql("grant all on *.* to wire@localhost")
    sql("create table wire.t (id int primary key auto_increment, name varchar(40), body longblob)")
    sql("create procedure wire.two() begin select 1 as a; select 2 as b, 3 as c; set @called = 1; end")
    sql("create procedure wire.out_of(inout x int) begin set x = x + 1; select 'row'; end")
    sql("create procedure wire.plain() begin select 1 as a; end")
    sql("create function wire.sets() returns int no sql begin set @f = 1; return 1; end")
    sql("create procedure wire.fails() begin select 1 as a; signal sqlstate '45000' set message_text = 'no'; end")


def track_all(d):
    d.query("SET session_track_system_variables='*', session_track_state_change=ON, "
            "session_track_transaction_info='CHARACTERISTICS'")


def text(d):
    track_all(d)
    for statement in [
        "DO 1", "SELECT 1", "SELECT 1 AS a, 'two' AS b, NULL AS c UNION ALL SELECT 4, '', 'x'", "SELECT 1 FROM DUAL WHERE 0",
        "SELECT '' AS empty", "SELECT repeat('x', 300), repeat('y', 17000)",
        "INSERT INTO t (name) VALUES ('a'), ('b'), ('c')", "UPDATE t SET name = concat(name, '!')",
        "INSERT INTO t (name) VALUES ('r') RETURNING id, name",
        "SELECT nothing FROM nowhere", "SELECT", "CALL fails()",
        "SELECT seq, IF(seq = 90, (SELECT 1 UNION SELECT 2), 0) FROM seq_1_to_100",
        "SELECT 1; SELECT 2, 3; DO 4; UPDATE t SET name = name; SELECT 5", "SELECT 1; SELECT broken; SELECT 3",
        "CALL two()", "CALL out_of(@x)", "BEGIN", "INSERT INTO t (name) VALUES ('open')", "COMMIT",
        "START TRANSACTION READ ONLY", "SELECT count(*) FROM t", "ROLLBACK", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT", "ROLLBACK",
        "USE mysql", "USE wire", "SET NAMES latin1", "SET NAMES utf8mb4", "SET autocommit = 0", "SET autocommit = 1",
        "SET time_zone = '+01:00', sql_mode = 'ANSI_QUOTES'", "SET sql_mode = default", "EXPLAIN SELECT 1", "SHOW TABLES",
        "CHECKSUM TABLE t", "ANALYZE TABLE t",
        "SELECT " + ", ".join("%d AS c%d" % (i, i) for i in range(300)),
        "DROP DATABASE IF EXISTS gone", "KILL QUERY 999999",
    ]:
        d.query(statement)


def prepared(d):
    track_all(d)
    one = d.prepare("SELECT 1 AS a, ? AS b")
    integer = b"\0" + b"\1" + b"\x03\0" + struct.pack("<i", 7)
    d.execute(one, body=integer)
    d.execute(one, body=b"\0" + b"\0" + struct.pack("<i", 8), note="execute again, types known")
    rows = d.prepare("SELECT seq FROM seq_1_to_10")
    d.execute(rows)
    d.execute(rows, cursor=1, note="execute with a cursor")
    d.command(28, struct.pack("<II", rows, 4), "fetch 4")
    d.command(28, struct.pack("<II", rows, 4), "fetch 4")
    d.command(28, struct.pack("<II", rows, 4), "fetch 4, the last rows")
    d.command(28, struct.pack("<II", rows, 4), "fetch from a closed cursor")
    d.execute(rows, cursor=1, note="execute with a cursor")
    d.command(26, struct.pack("<I", rows), "reset closes the cursor")
    none = d.prepare("SELECT seq FROM seq_1_to_10 WHERE seq > 99")
    d.execute(none, cursor=1, note="execute with a cursor, no rows")
    d.command(28, struct.pack("<II", none, 4), "fetch, no rows")
    insert = d.prepare("INSERT INTO t (name, body) VALUES (?, ?)")
    d.command(24, struct.pack("<IH", insert, 1) + b"long " * 10, "long data", silent=True)
    d.command(24, struct.pack("<IH", insert, 1) + b"data " * 10, "long data", silent=True)
    d.execute(insert, body=b"\0\1" + b"\xfd\0" + b"\xfc\0" + lenenc(b"name"), note="execute with long data")
    d.execute(insert, cursor=1, body=b"\0\1" + b"\xfd\0\xfd\0" + lenenc(b"n") + lenenc(b"b"), note="insert with a cursor asked for")
    d.command(26, struct.pack("<I", insert), "reset")
    d.command(26, struct.pack("<I", 4711), "reset of an unknown statement")
    d.execute(4711, note="execute of an unknown statement")
    if d.capabilities & BULK:
        bulk = d.prepare("INSERT INTO t (name) VALUES (?)")
        d.command(250, struct.pack("<IH", bulk, 128) + b"\xfd\0" + b"".join(b"\0" + lenenc(b"row%d" % i) for i in range(5)),
                  "bulk execute")
        back = d.prepare("INSERT INTO t (name) VALUES (?) RETURNING id")
        d.command(250, struct.pack("<IH", back, 128) + b"\xfd\0" + b"".join(b"\0" + lenenc(b"row%d" % i) for i in range(3)),
                  "bulk execute returning")
        d.command(250, struct.pack("<IH", 4711, 128) + b"\xfd\0" + b"\0" + lenenc(b"x"), "bulk execute, unknown statement")
    call = d.prepare("CALL two()")
    d.execute(call, note="execute CALL, several results")
    out = d.prepare("CALL out_of(?)")
    d.execute(out, body=integer, note="execute CALL with an OUT parameter")
    d.prepare("SELECT broken syntax here")
    d.prepare("DO 1")
    d.execute(0xFFFFFFFF, note="execute the statement prepared last")
    d.prepare("UPDATE t SET name = ? WHERE id = ?")
    d.query("PREPARE p FROM 'SELECT 1, ?'")
    d.query("EXECUTE p USING 3")
    d.query("DEALLOCATE PREPARE p")
    d.command(25, struct.pack("<I", one), "close", silent=True)
    d.query("ALTER TABLE t ADD COLUMN extra INT")
    many = d.prepare("SELECT id, name FROM t LIMIT 2")
    d.execute(many)
    d.query("ALTER TABLE t MODIFY name VARCHAR(60)")
    d.execute(many, note="execute after the columns changed")
    d.execute(many, note="execute again")


def commands(d):
    track_all(d)
    d.command(14, b"", "ping")
    d.command(2, b"mysql", "init db")
    d.command(2, b"wire", "init db")
    d.command(2, b"nowhere", "init db, unknown")
    d.command(27, b"\1\0", "multi statements off")
    d.command(27, b"\0\0", "multi statements on")
    d.command(27, b"\7\0", "an unknown option")
    d.command(9, b"", "statistics")
    d.command(4, b"t\0%", "field list")
    d.command(4, b"nowhere\0%", "field list, unknown table")
    d.command(10, b"", "process info")
    d.command(12, struct.pack("<I", 999999), "process kill, unknown")
    d.command(13, b"", "debug")
    d.command(7, b"\2", "refresh: log")
    d.command(0, b"", "sleep is no command for clients")
    d.command(200, b"", "an unknown number")
    d.query("SET @a = 1, autocommit = 0")
    d.command(31, b"", "reset connection")
    for plugin in (b"mysql_native_password", b"client_ed25519"):
        d.say("change user, client's plugin " + plugin.decode())
        d.send(b"\x11wire\0" + lenenc(token(d.scramble)) + b"mysql\0" + b"\x2d\0" + plugin + b"\0" + lenenc(b""))
        d.login_answer()
    d.query("SELECT DATABASE(), @a")
    d.say("change user, wrong password")
    d.send(b"\x11wire\0" + lenenc(b"x" * 20) + b"mysql\0" + b"\x2d\0" + b"mysql_native_password\0" + lenenc(b""))
    d.login_answer(b"wrong")


def infile(d):
    for table in ("t", "nowhere"):
        d.say("load data local into " + table)
        d.send(b"\3LOAD DATA LOCAL INFILE 'rows.txt' INTO TABLE %s (name)" % table.encode())
        first = d.packet()
        if first[0] == 0xFB:
            d.send(b"one\ntwo\nthr", sequence=2)
            d.send(b"ee\n", sequence=3)
            d.send(b"", sequence=4)
            d.packet()
        d.lines.append("!")
    d.say("load data local, then another result")
    d.send(b"\3LOAD DATA LOCAL INFILE 'rows.txt' INTO TABLE t (name); SELECT 1")
    assert d.packet()[0] == 0xFB
    d.send(b"one\n", sequence=2)
    d.send(b"", sequence=3)
    d.answer()


def progress(d):
    sql("create or replace table wire.big engine=aria as select seq, repeat('x', 200) as filler from wire.seq_1_to_800000")
    d.query("SET progress_report_time = 1")
    answer = d.query("ALTER TABLE big ENGINE=InnoDB")
    assert any(p[:3] == b"\xff\xff\xff" for p in answer), "no progress report"
    sql("drop table wire.big")


def replication(d):
    name = sql("show master status")[0][0].encode()
    d.command(21, struct.pack("<I", 77) + lenenc(b"host") + lenenc(b"u") + lenenc(b"p") + struct.pack("<HII", 1, 0, 0),
              "register slave")
    d.query("SET @master_binlog_checksum = 'NONE'")
    d.command(18, struct.pack("<IHI", 4, 1, 77) + name, "binlog dump, not blocking")


def state_changes(d):
    """What the server reports as changed, statement by statement."""
    track_all(d)
    for statement in [
        "SET @v = 1", "SELECT 1 INTO @v", "SELECT @w := 2", "SET @v = NULL", "CALL two()",
        "CREATE TEMPORARY TABLE tmp (a INT)", "INSERT INTO tmp VALUES (1)", "DROP TEMPORARY TABLE tmp",
        "PREPARE p FROM 'SELECT 1'", "EXECUTE p", "DEALLOCATE PREPARE p", "EXECUTE IMMEDIATE 'SELECT 1'",
        "LOCK TABLES t READ", "UNLOCK TABLES", "SELECT GET_LOCK('l', 0)", "SELECT RELEASE_LOCK('l')",
        "SET ROLE NONE", "SET SESSION sort_buffer_size = 262144", "SET STATEMENT sort_buffer_size = 1048576 FOR SELECT 1",
        "SELECT 1", "DO 1", "SET @v = 4", "CALL plain()", "SELECT sets()", "EXECUTE IMMEDIATE 'SET @z = 1'",
        "CREATE TEMPORARY TABLE made SELECT 1", "CREATE TABLE IF NOT EXISTS other (a INT)", "FLUSH TABLES WITH READ LOCK",
        "UNLOCK TABLES", "SET character_set_client = latin1", "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET insert_id = 5000",
        "SET timestamp = 1000000", "SET last_insert_id = 9", "SET rand_seed1 = 3", "SET PASSWORD = PASSWORD('secret')",
        "SET GLOBAL sort_buffer_size = 2097152", "SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION READ WRITE",
        "SET tx_isolation = 'READ-COMMITTED'", "HANDLER t OPEN", "HANDLER t CLOSE", "XA START 'x'", "XA END 'x'",
        "XA ROLLBACK 'x'", "INSERT INTO t (name) VALUES ('last id')", "SELECT SQL_CALC_FOUND_ROWS 1",
        "SELECT SLEEP(0)", "BEGIN", "SAVEPOINT s", "ROLLBACK", "SET default_storage_engine = Aria", "USE mysql",
        "SET max_statement_time = 5", "SET session_track_system_variables = ''", "SET sort_buffer_size = 524288",
        "SET @v = 2", "SET session_track_state_change = OFF", "SET @v = 3",
    ]:
        d.query(statement)
    d.query("SET session_track_state_change = ON")
    d.prepare("SELECT 1")
    d.execute(d.prepare("SET @v = 5"))
    d.execute(d.prepare("SELECT 6 INTO @v"))


def main():
    modern = BASE | TRACK | EXPIRED | DEPRECATE_EOF
    variants = {
        "classic": BASE | TRACK,
        "untracked": BASE,
        "modern": modern,
        "cached": modern | BULK | EXT_META | CACHE,
        "cached-classic": BASE | TRACK | BULK | CACHE,
    }
    for name, capabilities in variants.items():
        for kind in (text, prepared, commands, infile):
            prepare_database()
            d = Dialogue("%s-%s" % (kind.__name__, name), capabilities)
            kind(d)
            d.save()
    for name, capabilities in {"modern": modern, "classic": BASE | TRACK}.items():
        for kind, more in ((progress, PROGRESS), (replication, 0)):
            prepare_database()
            d = Dialogue("%s-%s" % (kind.__name__, name), capabilities | more)
            kind(d)
            d.save()
    prepare_database()
    d = Dialogue("state-changes", modern)
    state_changes(d)
    d.save()
    Dialogue("login-switch", modern, plugin="client_ed25519").save()
    Dialogue("login-no-database", modern & ~CONNECT_WITH_DB).save()
    Dialogue("login-wrong-password", modern, password=b"wrong").save()
    Dialogue("login-unknown-database", modern, database=b"nowhere").save()


main()
