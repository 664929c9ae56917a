import Cluster
import MySQLWire
import Testing

/// Recorded dialogues with MariaDB 10.11. The recorder knows where an answer ends because the server then sleeps.
@Suite struct DialogueTests {
    @Test func allAreThere() {
        #expect(Fixture.all.count == 29)
    }

    /// The tracker is idle exactly where the server waited for a command, never before and never later.
    @Test(arguments: Fixture.all)
    func trackerEndsWhereTheServerWaits(_ fixture: Fixture) throws {
        var tracker = ResponseTracker()
        var note = "login"
        var login = true
        var sendsFile = false
        var answers = 0
        for line in fixture.lines {
            switch line {
            case .note(let text): note = text
            case .client(let packet) where login || packet.sequence != 0:
                if sendsFile, packet.payload.isEmpty {
                    tracker.fileSent()
                    sendsFile = false
                }
            case .client(let packet):
                #expect(tracker.isIdle, "\(note): the answer before has no end")
                let command = packet.payload.first.flatMap(Command.init(rawValue:))
                // A number that is no command is answered like one.
                tracker.begin(
                    command ?? .sleep, capabilities: fixture.capabilities, asksForCursor: packet.asksForCursor)
                #expect(tracker.isIdle == (command?.isUnanswered ?? false))
            case .server where login: break
            case .server(let packet):
                #expect(!tracker.isIdle, "\(note): ended too early")
                let step = tracker.packet(packet.payload)
                #expect(step != .malformed, "\(note)")
                #expect(tracker.begun)
                if step == .localInfile { sendsFile = true }
            case .over:
                login = false
                answers += 1
                #expect(tracker.isIdle, "\(note): not ended")
            }
        }
        #expect(answers > 0)
    }

    /// However the bytes arrive, and with only the beginning of every packet at hand, the steps are the same.
    @Test(arguments: Fixture.all)
    func arrivalDoesNotMatter(_ fixture: Fixture) throws {
        for (command, asksForCursor, stream, file) in commands(of: fixture) {
            // With a file, the client speaks in between, which the server's stream does not show.
            guard !file else { continue }
            func begun() -> ResponseTracker {
                var tracker = ResponseTracker()
                tracker.begin(command, capabilities: fixture.capabilities, asksForCursor: asksForCursor)
                return tracker
            }
            var whole = begun()
            var framer = Framer()
            let expected = framer.feed(stream, to: &whole)
            #expect(whole.isIdle && !expected.contains(.malformed))

            var byByte = begun()
            var byByteFramer = Framer()
            var steps: [Step] = []
            if stream.count < 4096 {
                for byte in stream { steps += byByteFramer.feed(CollectionOfOne(byte), to: &byByte) }
                #expect(steps == expected)
                #expect(byByte.status == whole.status)
            }

            for seed in 1...3 as ClosedRange<UInt64> {
                var random = SplitMix64(seed)
                var tracker = begun()
                var shuffled = Framer()
                var rest = stream[...]
                var pieces: [Step] = []
                while !rest.isEmpty {
                    let count = min(rest.count, Int.random(in: 1...2000, using: &random))
                    pieces += shuffled.feed(rest.prefix(count), to: &tracker)
                    rest = rest.dropFirst(count)
                }
                #expect(pieces == expected)
                #expect(tracker.status == whole.status)
            }
        }
    }

    /// The answered commands of a dialogue, each with the server's bytes, and whether the client sent a file.
    private func commands(of fixture: Fixture) -> [(Command, Bool, [UInt8], Bool)] {
        var all: [(Command, Bool, [UInt8], Bool)] = []
        var command: Command?
        var asksForCursor = false
        var stream: [UInt8] = []
        var file = false
        for line in fixture.lines.drop(while: { $0 != .over }).dropFirst() {
            switch line {
            case .note: break
            case .client(let packet) where packet.sequence == 0:
                command = packet.payload.first.flatMap(Command.init(rawValue:)) ?? .sleep
                asksForCursor = packet.asksForCursor
            case .client: file = command != .changeUser
            case .server(let packet): stream += packet.framed
            case .over:
                if let command, !command.isUnanswered { all.append((command, asksForCursor, stream, file)) }
                stream = []
                file = false
            }
        }
        return all
    }

    /// What the server and the client sent is written back byte for byte.
    @Test(arguments: Fixture.all)
    func packetsRoundTrip(_ fixture: Fixture) throws {
        var tracker = ResponseTracker()
        var login = true
        var greeted = false
        for line in fixture.lines {
            switch line {
            case .note: break
            case .client(let packet):
                if login {
                    guard packet.sequence == 1 else { continue }
                    let response = try packet.payload.read(HandshakeResponse.init(payload:))
                    #expect(response.capabilities == fixture.capabilities)
                    #expect(response.user == Array("wire".utf8))
                    #expect(response.payload() == packet.payload)
                } else if packet.sequence == 0 {
                    tracker.begin(
                        packet.payload.first.flatMap(Command.init(rawValue:)) ?? .sleep,
                        capabilities: fixture.capabilities, asksForCursor: packet.asksForCursor)
                    if packet.payload.first == Command.changeUser.rawValue {
                        let change = try packet.payload.read { bytes throws(WireError) in
                            try ChangeUser(payload: bytes, capabilities: fixture.capabilities)
                        }
                        #expect(change.database == Array("mysql".utf8) && change.collation == 45)
                        #expect(change.payload(capabilities: fixture.capabilities) == packet.payload)
                    }
                } else if packet.payload.isEmpty {
                    tracker.fileSent()
                }
            case .server(let packet) where !greeted:
                greeted = true
                let greeting = try packet.payload.read(Greeting.init(payload:))
                #expect(greeting.serverVersion.hasPrefix("5.5.5-10.11."))
                #expect(greeting.scramble.count == Greeting.scrambleSize)
                #expect(!greeting.capabilities.contains(.longPassword))
                #expect(greeting.capabilities.isSuperset(of: [.cacheMetadata, .bulkOperations, .deprecateEOF]))
                #expect(greeting.authPlugin == NativePassword.pluginName)
                #expect(greeting.payload() == packet.payload)
            case .server(let packet):
                let isSwitch = packet.payload.first == 0xFE && (login || packet.payload.count > 40)
                if isSwitch, let request = try? packet.payload.read(AuthSwitch.init(payload:)),
                    request.plugin == NativePassword.pluginName
                {
                    #expect(request.data.count == Greeting.scrambleSize && request.isTerminated)
                    #expect(request.payload() == packet.payload)
                }
                let step: Step
                if login {
                    step = packet.payload[0] == 0 ? .ok(more: false) : packet.payload[0] == 0xFF ? .error : .flows
                } else {
                    step = tracker.packet(packet.payload)
                }
                try roundTrip(packet.payload, step: step, fixture: fixture, status: login ? nil : tracker.status)
            case .over: login = false
            }
        }
    }

    private func roundTrip(_ payload: [UInt8], step: Step, fixture: Fixture, status: StatusFlags?) throws {
        switch step {
        case .ok:
            let ok = try payload.read { bytes throws(WireError) in
                try OKPacket(payload: bytes, capabilities: fixture.capabilities)
            }
            #expect(ok.payload(capabilities: fixture.capabilities, header: payload[0]) == payload)
            if let status { #expect(ok.status == status) }
        case .eof:
            let eof = try payload.read(EOFPacket.init(payload:))
            #expect(eof.payload() == payload)
            if let status { #expect(eof.status == status) }
        case .error:
            let error = try payload.read(ErrorPacket.init(payload:))
            #expect(error.code > 1000 && error.sqlState.utf8.count == 5 && !error.message.isEmpty)
            #expect(error.payload() == payload)
        case .flows, .localInfile, .prepared, .done, .malformed: break
        }
    }

    /// The boundaries of the answer under a heading.
    private func boundaries(_ fixture: String, _ note: String) throws -> [Step] {
        let fixture = try Fixture(fixture)
        let (command, answer) = try fixture.answer(to: note)
        var tracker = ResponseTracker()
        tracker.begin(
            try #require(command.payload.first.flatMap(Command.init(rawValue:))), capabilities: fixture.capabilities,
            asksForCursor: command.asksForCursor)
        return answer.map { packet in
            let step = tracker.packet(packet.payload)
            if step == .localInfile { tracker.fileSent() }
            return step
        }
        .filter { $0 != .flows }
    }

    @Test func severalResults() throws {
        let note = "SELECT 1; SELECT 2, 3; DO 4;"
        #expect(
            try boundaries("text-classic", note) == [
                .eof(more: true), .eof(more: true), .ok(more: true), .ok(more: true), .eof(more: false),
            ])
        #expect(
            try boundaries("text-modern", note) == [
                .ok(more: true), .ok(more: true), .ok(more: true), .ok(more: true), .ok(more: false),
            ])
        #expect(try boundaries("text-cached", "SELECT 1; SELECT broken") == [.ok(more: true), .error])
        #expect(try boundaries("text-classic", "CALL two()") == [.eof(more: true), .eof(more: true), .ok(more: false)])
        #expect(
            try boundaries("prepared-modern", "CALL with an OUT") == [
                .ok(more: true), .ok(more: true), .ok(more: false),
            ])
    }

    @Test func errorAfterRows() throws {
        for name in ["text-classic", "text-modern", "text-cached"] {
            let (_, answer) = try Fixture(name).answer(to: "IF(seq = 90")
            #expect(answer.count > 80)
            #expect(try boundaries(name, "IF(seq = 90") == [.error])
        }
    }

    @Test func prepares() throws {
        for name in ["prepared-classic", "prepared-modern", "prepared-cached", "prepared-cached-classic"] {
            #expect(try boundaries(name, "prepare: SELECT 1 AS a") == prepared(name, "SELECT 1 AS a", 2, 1))
            #expect(try boundaries(name, "prepare: SELECT broken") == [.error])
            #expect(try boundaries(name, "prepare: INSERT INTO t") == prepared(name, "INSERT INTO t", 0, 2))
            #expect(try boundaries(name, "prepare: SELECT seq FROM") == prepared(name, "SELECT seq FROM", 1, 0))
            let (_, answer) = try Fixture(name).answer(to: "prepare: DO 1")
            #expect(answer.count == 1)
            #expect(try boundaries(name, "prepare: DO 1") == prepared(name, "DO 1", 0, 0))
        }
    }

    /// The id is the one that the dialogue's next execution names.
    private func prepared(_ name: String, _ sql: String, _ columns: UInt16, _ parameters: UInt16) throws -> [Step] {
        let fixture = try Fixture(name)
        let (_, answer) = try fixture.answer(to: "prepare: \(sql)")
        let id = UInt32(answer[0].payload[1]) | UInt32(answer[0].payload[2]) << 8
        let named = fixture.lines.contains { line in
            guard case .client(let packet) = line else { return false }
            return packet.payload.withUnsafeBytes { bytes in
                CommandPacket.command(bytes) == .statementExecute && CommandPacket.statementID(bytes) == id
            }
        }
        #expect(named || sql == "DO 1", "\(sql) is executed under its id")
        let more = columns + parameters > 0
        return [.prepared(statement: id, columns: columns, parameters: parameters, more: more)] + (more ? [.done] : [])
    }

    @Test func cursors() throws {
        let expected: [(String, Step)] = [
            ("prepared-classic", .eof(more: false)), ("prepared-modern", .ok(more: false)),
            ("prepared-cached", .ok(more: false)), ("prepared-cached-classic", .eof(more: false)),
        ]
        for (name, end) in expected {
            #expect(try boundaries(name, "execute with a cursor") == [end])
            #expect(try boundaries(name, "fetch 4") == [end])
            #expect(try boundaries(name, "fetch 4, the last rows") == [end])
            #expect(try boundaries(name, "fetch from a closed cursor") == [.error])
            #expect(try boundaries(name, "fetch, no rows") == [end])
        }
    }

    @Test func otherAnswers() throws {
        #expect(try boundaries("commands-modern", "statistics") == [.done])
        #expect(try boundaries("commands-modern", "field list") == [.ok(more: false)])
        #expect(try boundaries("commands-classic", "field list") == [.eof(more: false)])
        #expect(try boundaries("commands-classic", "multi statements off") == [.eof(more: false)])
        #expect(try boundaries("commands-classic", "debug") == [.eof(more: false)])
        #expect(try boundaries("commands-classic", "ping") == [.ok(more: false)])
        #expect(try boundaries("commands-modern", "change user, client's plugin mysql") == [.ok(more: false)])
        #expect(try boundaries("commands-modern", "change user, wrong password") == [.error])
        #expect(try boundaries("infile-classic", "load data local into t") == [.localInfile, .ok(more: false)])
        #expect(try boundaries("infile-classic", "load data local into nowhere") == [.error])
        #expect(
            try boundaries("infile-classic", "then another") == [
                .localInfile, .ok(more: true), .eof(more: false),
            ])
        #expect(try boundaries("replication-classic", "binlog dump") == [.eof(more: false)])
        #expect(try boundaries("replication-modern", "binlog dump") == [.eof(more: false)])
        #expect(try boundaries("prepared-cached", "bulk execute") == [.ok(more: false)])
        #expect(try boundaries("prepared-cached", "bulk execute returning") == [.ok(more: false)])
    }

    @Test(arguments: ["progress-classic", "progress-modern"])
    func progressReportsFlow(_ name: String) throws {
        let (_, answer) = try Fixture(name).answer(to: "ALTER TABLE big")
        let reports = try answer.dropLast().map { try $0.payload.read(ProgressReport.init(payload:)) }
        #expect(!reports.isEmpty)
        #expect(reports.first?.stage == 1 && reports.first?.stagesMax == 2)
        #expect(reports.first.map { String(decoding: $0.info, as: UTF8.self) } == "copy to tmp table")
        #expect(reports.map { $0.payload() } == answer.dropLast().map(\.payload))
        #expect(try answer[0].payload.read(ErrorPacket.init(payload:)).isProgress)
        #expect(try boundaries(name, "ALTER TABLE big") == [.ok(more: false)])
    }

    /// A token that the recorder made from the password is proven, and gives SHA1(password).
    @Test func passwordOfTheRecording() throws {
        let fixture = try Fixture("login-no-database")
        let greeting = try fixture.serverPackets[0].payload.read(Greeting.init(payload:))
        let sent = fixture.lines.compactMap { line in
            if case .client(let packet) = line { packet.payload } else { nil }
        }
        let response = try sent[0].read(HandshakeResponse.init(payload:))
        let stage1 = NativePassword.stage1(password: "secret")
        let stage2 = NativePassword.stage2(stage1: stage1)
        #expect(response.database == nil)
        #expect(
            NativePassword.stage1(token: response.authResponse, scramble: greeting.scramble, stage2: stage2) == stage1)
        #expect(
            NativePassword.token(stage1: stage1, stage2: stage2, scramble: greeting.scramble) == response.authResponse)
        let attributes = try #require(response.attributes)
        #expect(attributes == [12] + Array("_client_name".utf8) + [8] + Array("recorder".utf8))
    }
}

/// What the server reports about its session, which restoring sessions builds on.
@Suite struct SessionReportTests {
    private func changes(_ note: String, _ name: String = "state-changes") throws -> [SessionChange] {
        let fixture = try Fixture(name)
        let (_, answer) = try fixture.answer(to: note)
        let last = try #require(answer.last).payload
        return try last.read { bytes throws(WireError) in
            try OKPacket(payload: bytes, capabilities: fixture.capabilities).changes
        }
    }

    private func variable(_ name: String, _ value: String) -> SessionChange {
        .systemVariable(name: Array(name.utf8), value: Array(value.utf8))
    }

    @Test(arguments: [
        "SET @v = 1", "CALL two()", "CREATE TEMPORARY TABLE tmp", "DROP TEMPORARY TABLE tmp", "PREPARE p",
        "DEALLOCATE PREPARE p", "SELECT sets()", "EXECUTE IMMEDIATE 'SET", "SET ROLE NONE",
        "SET sort_buffer_size = 524288",
    ])
    func reportedAsState(_ note: String) throws {
        #expect(try changes(note).contains(.stateChanged(true)))
    }

    /// The flag does not cover these.
    @Test(arguments: [
        "SELECT 1 INTO @v", "SELECT @w := 2", "INSERT INTO tmp", "CREATE TEMPORARY TABLE made", "EXECUTE p",
        "LOCK TABLES t READ", "SELECT GET_LOCK", "HANDLER t OPEN", "FLUSH TABLES WITH READ LOCK", "CALL plain()",
        "SET @v = 3",
    ])
    func notReportedAsState(_ note: String) throws {
        #expect(!(try changes(note).contains(.stateChanged(true))))
    }

    @Test func systemVariables() throws {
        #expect(
            try changes("SET SESSION sort_buffer_size = 262144") == [
                variable("sort_buffer_size", "262144"), .stateChanged(true),
            ])
        #expect(
            try changes("SET NAMES utf8mb4 COLLATE") == [
                variable("character_set_connection", "utf8mb4"), variable("character_set_results", "utf8mb4"),
                variable("character_set_client", "utf8mb4"), .stateChanged(true),
            ])
    }

    /// SET STATEMENT reports its passing value; that it went back is told with the next report of anything.
    @Test func setStatementIsTakenBackLate() throws {
        #expect(try changes("SET STATEMENT").contains(variable("sort_buffer_size", "1048576")))
        #expect(try changes("DO 1").isEmpty)
        #expect(try changes("SET @v = 4").contains(variable("sort_buffer_size", "262144")))
    }

    /// A reset takes the tracking variables back to their global values, and says nothing about it: what was set to be
    /// tracked has to be set again. COM_CHANGE_USER still reports the schema, which is tracked by default.
    @Test func resetEndsTracking() throws {
        #expect(try changes("reset connection", "commands-modern").isEmpty)
        #expect(try changes("change user, client's", "commands-modern") == [.schema(Array("mysql".utf8))])
    }

    /// COM_CHANGE_USER is answered by a plugin switch even where the plugin is right, with the greeting's scramble.
    @Test func changeUserSwitches() throws {
        let fixture = try Fixture("commands-modern")
        let greeting = try fixture.serverPackets[0].payload.read(Greeting.init(payload:))
        let (_, answer) = try fixture.answer(to: "change user, client's plugin mysql_native_password")
        let request = try answer[0].payload.read(AuthSwitch.init(payload:))
        #expect(request.plugin == NativePassword.pluginName)
        #expect(request.data == greeting.scramble)
    }

    @Test func schemas() throws {
        #expect(try changes("USE mysql") == [.schema(Array("mysql".utf8)), .stateChanged(true)])
    }

    @Test func transactions() throws {
        #expect(
            try changes("SET TRANSACTION ISOLATION", "text-modern") == [
                .transactionCharacteristics(Array("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;".utf8))
            ])
        #expect(
            try changes("BEGIN") == [
                .transactionState(Array("T_______".utf8)),
                .transactionCharacteristics(Array("START TRANSACTION;".utf8)),
            ])
        #expect(try changes("LOCK TABLES t READ") == [.transactionState(Array("_______L".utf8))])
    }
}
