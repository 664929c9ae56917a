import Cluster

/// What one hostile client does, out of a seed: it speaks the protocol well, and then badly. Values only: the same seed
/// makes the same script.
public struct HostileScript: Sendable {
    public enum Step: Sendable, Hashable {
        case send([UInt8])
        /// Byte by byte, or in pieces of that size.
        case sendInPieces([UInt8], size: Int)
        /// The same bytes again and again, so many in all; what is not taken is given up.
        case flood([UInt8], total: Int)
        /// Answers the question that came last (a greeting, or a request for another proof) with the next number.
        case reply([UInt8])
        /// Takes what comes, for at most so many milliseconds.
        case read(milliseconds: Int)
        /// Does nothing, and reads nothing.
        case wait(milliseconds: Int)
        case finishSending
        case reset
        case close
    }

    /// Whom it pretends to be.
    public enum Kind: String, Sendable, CaseIterable {
        /// Everything there is.
        case any
        /// In the middle of a login, and never through.
        case halfLogin
        /// Asks for much and reads nothing.
        case nonReader
        /// Sends far ahead.
        case pipeliner
        /// Goes in the middle of something.
        case leaver
        /// Tries passwords, by logins and by COM_CHANGE_USER.
        case guesser
        /// Speaks as it should, for a node that does not.
        case victim
    }

    public let seed: UInt64
    public let kind: Kind
    public private(set) var steps: [Step] = []
    private var random: SplitMix64

    /// The accounts that scripts log in as; none of them has a right on the schema of others.
    static let hostile = "fuzz"
    static let victim = "victim"
    static let relayed = "fuzz_ed"
    static let several = "fuzz_several"
    static let schema = "fuzz"

    /// What a server needs for them.
    static let accounts: [String] = [
        "CREATE DATABASE \(schema)", "CREATE TABLE \(schema).loaded (n TEXT)",
        "INSTALL PLUGIN IF NOT EXISTS ed25519 SONAME 'auth_ed25519'",
        "CREATE USER \(hostile)@'%'", "CREATE USER \(victim)@'%'",
        "CREATE USER \(relayed)@'%' IDENTIFIED VIA ed25519 USING PASSWORD('secret')",
        "CREATE USER \(several)@'%' IDENTIFIED VIA ed25519 USING PASSWORD('one')"
            + " OR mysql_native_password USING PASSWORD('two')",
        "GRANT ALL ON \(schema).* TO \(hostile)@'%', \(victim)@'%'",
    ]

    public init(seed: UInt64, kind: Kind) {
        self.seed = seed
        self.kind = kind
        random = SplitMix64(seed)
        switch kind {
        case .any:
            if login() { for _ in 0..<(1 + below(12)) { turn() } }
            end()
        case .halfLogin:
            halfLogin()
            steps.append(.wait(milliseconds: 100 + below(900)))
            end()
        case .nonReader:
            greet(Self.hostile)
            for _ in 0..<(1 + below(3)) { steps.append(.send(Wire.query(largeResult()))) }
            steps.append(.wait(milliseconds: 500 + below(1500)))
            end()
        case .pipeliner:
            greet(Self.hostile)
            if below(2) == 0 { steps.append(.send(Wire.query("SELECT SLEEP(0.\(below(5)))"))) }
            steps.append(.flood(flooded(), total: 1 << (16 + below(8))))
            if below(2) == 0 { steps.append(.read(milliseconds: below(2000))) }
            end()
        case .leaver:
            greet(Self.hostile)
            statement()
            if below(2) == 0 { steps.append(.wait(milliseconds: below(300))) }
            end()
        case .guesser:
            guess()
            end()
        case .victim:
            greet(Self.victim)
            for _ in 0..<(1 + below(10)) {
                statement()
                steps.append(.read(milliseconds: 20 + below(300)))
            }
            end()
        }
    }

    private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    private mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    private mutating func pick<Element>(_ choices: [Element]) -> Element { choices[below(choices.count)] }

    // MARK: logins

    /// A right one.
    private mutating func greet(_ user: String) {
        steps += [.read(milliseconds: 2000), .reply(Wire.handshakeResponse(user: user, schema: Self.schema))]
        steps += [.read(milliseconds: 2000)]
    }

    /// True where commands may follow.
    private mutating func login() -> Bool {
        switch below(12) {
        case 0:
            halfLogin()
            return false
        case 1:
            // Commands behind the answer to the greeting, before that is read.
            let response = Wire.packet(Wire.handshakeResponse(user: Self.hostile, schema: Self.schema), sequence: 1)
            steps.append(.send(response + Array((0..<(1 + below(50))).flatMap { _ in command() })))
            return true
        case 2:
            relayedLogin()
            return below(2) == 0
        case 3:
            guess()
            return true
        case 4:
            // A plugin that the account does not have: it is asked again.
            steps += [
                .read(milliseconds: 2000),
                .reply(
                    Wire.handshakeResponse(
                        user: Self.hostile, proof: bytes(below(250)), schema: Self.schema,
                        plugin: pick(["caching_sha2_password", "dialog", "", "mysql_clear_password", "x"]))),
                .read(milliseconds: 1000), .reply(pick([[], bytes(20), bytes(1 + below(3000)), bytes(70_000)])),
                .read(milliseconds: 1000),
            ]
            return true
        case 5:
            var response = Wire.packet(Wire.handshakeResponse(user: Self.hostile, schema: Self.schema), sequence: 1)
            damage(&response)
            steps += [.read(milliseconds: 1000), .send(response), .read(milliseconds: 500)]
            return true
        case _:
            greet(Self.hostile)
            return true
        }
    }

    private mutating func halfLogin() {
        if below(4) > 0 { steps.append(.read(milliseconds: 1000)) }
        let whole = Wire.packet(
            Wire.handshakeResponse(user: pick([Self.hostile, Self.relayed, "nobody"]), schema: Self.schema), sequence: 1
        )
        switch below(10) {
        case 0: break
        case 1: steps.append(.send(Array(whole.prefix(below(whole.count)))))
        case 2: steps.append(.sendInPieces(Array(whole.prefix(below(whole.count))), size: 1))
        case 3: steps.append(.send(bytes(1 + below(400))))
        case 4: steps.append(.send(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8)))
        case 5:
            // SSLRequest, and something like a ClientHello.
            steps.append(
                .send(
                    Wire.packet([0x05, 0xae, 0x0f, 0, 0, 0, 0, 1, 45] + [UInt8](repeating: 0, count: 23), sequence: 1)))
            steps.append(.send([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3] + bytes(200)))
        case 6: steps.append(.send(Wire.packet([5, 0, 0, 0, 1] + Array("user\0pass\0".utf8), sequence: 1)))
        case 7: steps.append(.flood(Wire.packet(bytes(1000), sequence: 1, length: Wire.payloadMax), total: 1 << 20))
        case 8: attributes()
        case _: relayedLogin()
        }
    }

    /// Connection attributes whose lengths lie.
    private mutating func attributes() {
        var payload = Wire.handshakeResponse(user: Self.hostile, schema: Self.schema)
        payload[2] |= 0x10
        payload += pick([
            Wire.lengthEncoded(below(70_000)) + bytes(below(300)), [0xfe] + bytes(8), [0xfd, 0xff, 0xff, 0xff],
            Wire.lengthEncoded(6) + [2, 0x61, 0x62, 2, 0x63, 0x64],
        ])
        steps.append(.reply(payload))
        steps.append(.read(milliseconds: 500))
    }

    /// The node decides: its question comes through, and is answered in any way.
    private mutating func relayedLogin() {
        steps += [
            .read(milliseconds: 2000),
            .reply(
                Wire.handshakeResponse(
                    user: pick([Self.relayed, Self.several, "nobody"]), proof: bytes(pick([0, 20])), schema: Self.schema
                )),
            .read(milliseconds: 2000),
        ]
        switch below(7) {
        case 0: break
        case 1: steps.append(.reply(bytes(64)))
        case 2: steps.append(.reply(bytes(below(16_000))))
        case 3: steps.append(.reply(bytes(400_000)))
        case 4: steps.append(.flood(Wire.packet(bytes(200), sequence: 3), total: 400_000))
        case 5:
            steps.append(
                .flood(
                    Wire.packet(bytes(Wire.payloadMax & 0xffff), sequence: 3, length: Wire.payloadMax), total: 1 << 20))
        case _: for _ in 0..<4 { steps += [.reply(bytes(20)), .read(milliseconds: 300)] }
        }
        steps.append(.read(milliseconds: 300))
    }

    private mutating func guess() {
        if below(2) == 0 {
            greet(Self.hostile)
            for _ in 0..<(1 + below(4)) {
                let user = pick([Self.hostile, Self.relayed, "app", "nobody"])
                steps += [
                    .send(Wire.changeUser(user, proof: bytes(20), schema: Self.schema)), .read(milliseconds: 400),
                ]
                if below(2) == 0 { steps += [.reply(bytes(20)), .read(milliseconds: 200)] }
            }
        } else {
            steps += [
                .read(milliseconds: 2000),
                .reply(
                    Wire.handshakeResponse(user: pick(["app", "nobody", "proxy"]), proof: bytes(20), schema: "app")),
                .read(milliseconds: 1000), .reply(bytes(20)), .read(milliseconds: 500),
            ]
        }
    }

    // MARK: commands

    private mutating func turn() {
        switch below(10) {
        case 0: steps.append(.read(milliseconds: below(400)))
        case 1: steps.append(.wait(milliseconds: below(200)))
        case 2:
            var packet = command()
            damage(&packet)
            steps.append(.send(packet))
        case 3: steps.append(.flood(flooded(), total: 1 << (12 + below(11))))
        case 4: infile()
        case 5: steps.append(.sendInPieces(command(), size: 1 + below(7)))
        case 6:
            steps.append(
                .send(Wire.changeUser(pick([Self.hostile, Self.relayed, "nobody"]), proof: bytes(pick([0, 20, 200])))))
            steps.append(.read(milliseconds: 300))
            if below(2) == 0 { steps.append(.reply(bytes(pick([0, 20, 64, 5000])))) }
        case 7: large()
        case 8: statement()
        case _: steps.append(.send(Array((0..<(1 + below(20))).flatMap { _ in command() })))
        }
        if below(2) == 0 { steps.append(.read(milliseconds: below(150))) }
    }

    /// One small command of any kind.
    private mutating func command() -> [UInt8] {
        let id = pick([0, 1, 2, 3, 77, 0x7fff_ffff, 0xffff_fffe, 0xffff_ffff]) as UInt32
        switch below(16) {
        case 0: return Wire.command(UInt8(truncatingIfNeeded: random.next()), bytes(below(40)))
        case 1: return Wire.packet([])
        case 2:
            return Wire.prepare(pick(["SELECT ?", "DO ?", "SELECT 1, ?, ?", "SELEC", "INSERT INTO loaded VALUES (?)"]))
        case 3: return Wire.execute(id, ["x"])
        case 4: return Wire.command(0x17, Wire.number(id, 4) + bytes(below(30)))
        case 5: return Wire.sendLongData(id, parameter: UInt16(below(3)), bytes(below(2000)))
        case 6: return Wire.closeStatement(id)
        case 7: return Wire.fetch(id, rows: UInt32(below(3)))
        case 8: return Wire.resetStatement(id)
        case 9:
            return Wire.command(
                pick([0x02, 0x04, 0x09, 0x0e, 0x1b, 0x1f, 0x0d, 0x0c, 0xfa, 0x12, 0x15]), bytes(below(12)))
        case 10: return Wire.command(0xfa, Wire.number(id, 4) + bytes(below(30)))
        case _: return Wire.query(smallStatement())
        }
    }

    private mutating func smallStatement() -> String {
        let number = below(1000)
        return pick([
            "SELECT \(number)", "DO '\(String(repeating: "d", count: number))'", "SELECT * FROM nowhere", "SELEC", "",
            "SET @v\(number) = REPEAT('v', \(number))", "USE fuzz", "BEGIN", "COMMIT", "ROLLBACK",
            "SET autocommit=\(number % 2)",
            "INSERT INTO loaded VALUES (\(number))", "CREATE TEMPORARY TABLE IF NOT EXISTS t\(number % 5) (i INT)",
            "SELECT 1; SELECT 2; DO 3", "SET NAMES latin1", "SET sql_mode='ANSI_QUOTES'", "SET SESSION sql_mode=''",
            "SET session_track_system_variables=''", "SET session_track_state_change=0", "PREPARE p FROM 'SELECT 1'",
            "SELECT GET_LOCK('fuzz\(number % 3)', 0.1)", "LOCK TABLES loaded WRITE", "UNLOCK TABLES",
            "KILL CONNECTION_ID()",
            "KILL QUERY CONNECTION_ID()", "SET STATEMENT max_statement_time=1 FOR SELECT \(number)", "SHOW WARNINGS",
            "SELECT '/*relay:never*/' /* unclosed", "SELECT \"a'b`c", "HANDLER loaded OPEN", "SET ROLE NONE",
            "BEGIN NOT ATOMIC SELECT 1; SIGNAL SQLSTATE '45000'; END", "SET PASSWORD FOR nobody = ''",
            "SHUTDOWN", "SET GLOBAL read_only=1", "SELECT SLEEP(0.\(number % 3))", "XA START 'x\(number)'",
            "XA ROLLBACK 'x\(number)'",
        ])
    }

    private mutating func largeResult() -> String {
        pick([
            "SELECT REPEAT('x', 1000) FROM seq_1_to_100000", "SELECT REPEAT('x', 20000000)",
            "SELECT * FROM seq_1_to_3000000",
            "SELECT 1" + String(repeating: ",1", count: 70_000), "SELECT REPEAT('y', 16777\(200 + below(30)))",
        ])
    }

    /// Something that takes time, room, or a place.
    private mutating func statement() {
        switch below(8) {
        case 0: steps.append(.send(Wire.query("SELECT SLEEP(\(below(3)))")))
        case 1: steps.append(.send(Wire.query(largeResult())))
        case 2: infile()
        case 3: large()
        case 4: steps.append(.send(Wire.query("INSERT INTO loaded SELECT seq FROM seq_1_to_\(1 + below(20_000))")))
        case 5:
            steps.append(.send(Wire.prepare("SELECT REPEAT(?, 100) FROM seq_1_to_5")))
            steps.append(.read(milliseconds: 100))
            steps.append(.send(Wire.execute(1, ["p"]) + Wire.execute(0xffff_ffff, ["q"])))
        case _: steps.append(.send(Wire.query(smallStatement())))
        }
    }

    private mutating func infile() {
        steps.append(.send(Wire.query("LOAD DATA LOCAL INFILE 'any' INTO TABLE loaded")))
        if below(3) > 0 { steps.append(.read(milliseconds: 300)) }
        let part = Wire.packet(Array("1\n2\n3\n".utf8), sequence: 2)
        switch below(7) {
        case 0: break
        case 1: steps.append(.send(part + Wire.packet([], sequence: 3)))
        case 2: steps.append(.flood(part, total: 1 << (10 + below(9))))
        case 3: steps.append(.send(Array(part.dropLast(below(6)))))
        case 4: steps.append(.send(Wire.packet([], sequence: 2) + command()))
        case 5: steps.append(.send(part + command() + command()))
        case _: steps += [.wait(milliseconds: 300), .send(Wire.packet([], sequence: 2))]
        }
    }

    /// Beyond a packet, a buffer, or what is kept.
    private mutating func large() {
        let size = pick([
            4090, 65_526, 65_531, 65_532, 65_536, 70_000, 131_072, 1 << 20, (1 << 20) + 5, Wire.payloadMax - 1,
        ])
        let more = size + below(3)
        let head = pick([
            "SELECT LENGTH('", "INSERT INTO loaded VALUES ('", "DO '", "SET @large = '", "SET STATEMENT x='",
        ])
        let text = [3] + Array(head.utf8) + [UInt8](repeating: 0x78, count: more) + Array("')".utf8)
        switch below(6) {
        case 0: steps.append(.send(Array(Wire.packets(text).prefix(below(more)))))
        case 1:
            steps.append(.send(Wire.packets([pick([0x16, 0x17, 0x18, 0x11, 0x02, 0x04, 0x0e, 0x7f, 0xfa])] + text)))
        case 2: steps.append(.send(Wire.packet(text, length: more + 300)))
        case 3:
            let depth = 1 + below(8000)
            let nested = pick(["SET STATEMENT lock_wait_timeout=1 FOR ", "(", "/*!", "SET @a=(", "BEGIN NOT ATOMIC "])
            steps.append(.send(Wire.query(String(repeating: nested, count: depth) + "SELECT 1")))
        case _: steps.append(.send(Wire.packets(text)))
        }
    }

    /// What a flood consists of.
    private mutating func flooded() -> [UInt8] {
        let count = 1 + below(100)
        switch below(6) {
        case 0: return Array((0..<count).flatMap { _ in Wire.query("DO '\(String(repeating: "a", count: 200))'") })
        case 1: return Array((0..<count).flatMap { Wire.execute(77_000 + UInt32($0)) })
        case 2: return Array((0..<count).flatMap { _ in Wire.command(0x0e) })
        case 3:
            return Array(
                (0..<count).flatMap { _ in Wire.sendLongData(1, parameter: 0, [UInt8](repeating: 1, count: 500)) })
        case 4: return Array((0..<count).flatMap { _ in Wire.command(0x7f) })
        case _: return Array((0..<count).flatMap { _ in command() })
        }
    }

    /// One fault in bytes that were right.
    private mutating func damage(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let place = below(bytes.count)
        switch below(8) {
        case 0: bytes[place] ^= UInt8(1 << below(8))
        case 1: bytes.removeSubrange(place...)
        case 2: bytes.insert(contentsOf: self.bytes(1 + below(20)), at: place)
        case 3: bytes += bytes
        // The length, and the number.
        case 4: bytes[below(min(3, bytes.count))] = UInt8(truncatingIfNeeded: random.next())
        case 5: if bytes.count > 3 { bytes[3] = UInt8(truncatingIfNeeded: random.next()) }
        case 6: bytes.reverse()
        case _: for _ in 0..<(1 + below(10)) { bytes[below(bytes.count)] = UInt8(truncatingIfNeeded: random.next()) }
        }
    }

    private mutating func end() {
        switch below(5) {
        case 0: steps.append(.reset)
        case 1: steps += [.finishSending, .read(milliseconds: below(1500)), .close]
        case 2: steps += [.send(Wire.command(1)), .read(milliseconds: 300), .close]
        case _: steps.append(.close)
        }
    }
}
