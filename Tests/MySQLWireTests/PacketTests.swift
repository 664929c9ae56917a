import MySQLWire
import Testing

@Suite struct PacketTests {
    @Test func headers() {
        var bytes = [UInt8](repeating: 0, count: 4)
        bytes.withUnsafeMutableBytes { PacketHeader.write(length: 0x123456, sequence: 7, to: $0) }
        #expect(bytes == [0x56, 0x34, 0x12, 7])
        #expect(bytes.withUnsafeBytes { PacketHeader($0).length } == 0x123456)
        #expect(bytes.withUnsafeBytes { PacketHeader($0).sequence } == 7)
    }

    @Test func framing() {
        #expect(PacketWriter.packet(sequence: 3, payload: [1, 2]) == [2, 0, 0, 3, 1, 2])
        #expect(PacketWriter.packet(sequence: 0, payload: []) == [0, 0, 0, 0])
        let exact = PacketWriter.packet(sequence: 255, payload: [UInt8](repeating: 9, count: PacketHeader.payloadMax))
        #expect(exact.prefix(4) == [0xFF, 0xFF, 0xFF, 255])
        #expect(exact.suffix(4) == [0, 0, 0, 0])
        #expect(exact.count == PacketHeader.payloadMax + 8)
        let more = PacketWriter.packet(sequence: 1, payload: [UInt8](repeating: 9, count: PacketHeader.payloadMax + 3))
        #expect(more.suffix(7) == [3, 0, 0, 2, 9, 9, 9])
    }

    @Test(arguments: [
        0, 1, 250, 251, 252, 0xFF, 0xFFFF, 0x1_0000, 0xFF_FFFF, 0x100_0000, UInt64(UInt32.max), UInt64.max,
    ])
    func lengthEncodedIntegers(_ value: UInt64) throws {
        var writer = PacketWriter()
        writer.lengthEncoded(value)
        let expected = value < 251 ? 1 : value < 0x1_0000 ? 3 : value < 0x100_0000 ? 4 : 9
        #expect(writer.bytes.count == expected)
        let read = try writer.bytes.read { bytes throws(WireError) in
            var reader = PacketReader(bytes)
            let value = try reader.lengthEncoded("value")
            return (value, reader.isAtEnd)
        }
        #expect(read == (value, true))
        for count in 0..<writer.bytes.count {
            #expect(throws: WireError.truncated("value")) {
                try Array(writer.bytes.prefix(count)).read { bytes throws(WireError) in
                    var reader = PacketReader(bytes)
                    _ = try reader.lengthEncoded("value")
                }
            }
        }
    }

    @Test func readerStaysWhereItFailed() {
        ([0xFC, 1, 9] as [UInt8]).withUnsafeBytes { bytes in
            var reader = PacketReader(bytes)
            #expect(throws: WireError.truncated("text")) { _ = try reader.lengthEncodedArray("text") }
            #expect(throws: WireError.truncated("four")) { _ = try reader.uint32("four") }
            #expect(throws: WireError.truncated("end")) { _ = try reader.nulTerminated("end") }
            #expect(throws: WireError.truncated("back")) { try reader.skip(-1, "back") }
            #expect(reader.position == 0)
            #expect(reader.rest() == [0xFC, 1, 9])
            #expect(reader.isAtEnd && reader.peek == nil && reader.nulTerminatedOrRest().isEmpty)
        }
        ([0xFB] as [UInt8]).withUnsafeBytes { bytes in
            var reader = PacketReader(bytes)
            #expect(throws: WireError.malformed("null")) { _ = try reader.lengthEncoded("null") }
        }
    }

    private let scramble: [UInt8] = Array(1...20)

    @Test func greetings() throws {
        for (flags, extended) in [
            (Capabilities.supported, true), (Capabilities.supported.union(.longPassword), false),
        ] {
            let greeting = Greeting(
                serverVersion: "5.5.5-10.11.6-MariaDB", connectionID: 0xDEAD_BEEF, scramble: scramble,
                capabilities: flags, collation: 45, status: [.autocommit])
            let read = try greeting.payload().read(Greeting.init(payload:))
            if extended {
                #expect(read == greeting)
            } else {
                #expect(read.capabilities.rawValue == flags.rawValue & 0xFFFF_FFFF)
            }
        }
        var bare = Greeting(
            serverVersion: "x", connectionID: 1, scramble: scramble, capabilities: [.protocol41, .secureConnection],
            collation: 8, status: [], authPlugin: "")
        #expect(try bare.payload().read(Greeting.init(payload:)) == bare)
        bare.capabilities = [.protocol41]
        bare.scramble = Array(1...8)
        #expect(try bare.payload().read(Greeting.init(payload:)) == bare)
    }

    @Test func greetingThatRefuses() {
        let refused = ErrorPacket(code: 1040, sqlState: "08004", message: "Too many connections").payload()
        #expect(throws: WireError.malformed("greeting: an error packet")) {
            try refused.read(Greeting.init(payload:))
        }
        #expect(throws: WireError.unsupported("greeting: protocol version 9")) {
            try ([9, 0] as [UInt8]).read(Greeting.init(payload:))
        }
    }

    @Test func handshakeResponses() throws {
        let base: Capabilities = [.protocol41, .secureConnection]
        let all = base.union([.pluginAuth, .connectAttributes, .connectWithDB, .pluginAuthLenencData, .cacheMetadata])
        let full = HandshakeResponse(
            capabilities: all, maxPacketSize: 77, collation: 33, user: Array("me".utf8),
            authResponse: [UInt8](repeating: 3, count: 300), database: Array("db".utf8), plugin: "client_ed25519",
            attributes: [1, 97, 1, 98])
        #expect(try full.payload().read(HandshakeResponse.init(payload:)) == full)
        let least = HandshakeResponse(capabilities: base, collation: 8, user: [], authResponse: [0, 1, 0])
        #expect(try least.payload().read(HandshakeResponse.init(payload:)) == least)
        let plain = HandshakeResponse(capabilities: [.protocol41], collation: 8, user: [1], authResponse: [65])
        #expect(try plain.payload().read(HandshakeResponse.init(payload:)) == plain)
        let mysql = HandshakeResponse(
            capabilities: base.union([.longPassword, .cacheMetadata]), collation: 8, user: [1], authResponse: [])
        let read = try mysql.payload().read(HandshakeResponse.init(payload:))
        #expect(read.capabilities == base.union(.longPassword))
    }

    /// What is not sent is not announced, and the other way round.
    @Test func handshakeCapabilitiesFollowTheFields() throws {
        let announced = HandshakeResponse(
            capabilities: [.protocol41, .secureConnection, .connectWithDB, .pluginAuth], collation: 8, user: [1],
            authResponse: [])
        let read = try announced.payload().read(HandshakeResponse.init(payload:))
        #expect(read.capabilities == [.protocol41, .secureConnection])
        let silent = HandshakeResponse(
            capabilities: [.protocol41, .secureConnection], collation: 8, user: [1], authResponse: [],
            database: [100])
        #expect(try silent.payload().read(HandshakeResponse.init(payload:)).database == [100])
    }

    @Test func handshakeVariants() throws {
        var request = HandshakeResponse(
            capabilities: [.protocol41, .ssl], collation: 8, user: [], authResponse: [])
        request.isSSLRequest = true
        #expect(request.payload().count == 32)
        #expect(try request.payload().read(HandshakeResponse.init(payload:)) == request)

        let old: [UInt8] = [0x05, 0x00, 0, 0, 1] + Array("me".utf8) + [0, 0]
        #expect(throws: WireError.unsupported("handshake response of a client older than 4.1")) {
            try old.read(HandshakeResponse.init(payload:))
        }

        // Clients that leave out the last NUL, the plugin or the attributes that they announce.
        let loose = HandshakeResponse(
            capabilities: [.protocol41, .secureConnection, .connectWithDB], collation: 8, user: [1], authResponse: [],
            database: [100, 98])
        let cut = Array(loose.payload().dropLast())
        #expect(try cut.read(HandshakeResponse.init(payload:)).database == [100, 98])
        var short = loose.payload()
        short[2] |= 0x18  // pluginAuth, connectAttributes
        let read = try short.read(HandshakeResponse.init(payload:))
        #expect(read.plugin == nil && read.attributes == nil && read.database == [100, 98])
    }

    /// No prefix of a payload is taken for the whole, but where the end may be missing.
    @Test func truncatedHandshakes() throws {
        let response = HandshakeResponse(
            capabilities: [.protocol41, .secureConnection], collation: 8, user: [1, 2], authResponse: [3, 4])
        let whole = response.payload()
        for count in 0..<whole.count {
            #expect(throws: WireError.self) {
                try Array(whole.prefix(count)).read(HandshakeResponse.init(payload:))
            }
        }
        let greeting = Greeting(
            serverVersion: "v", connectionID: 1, scramble: scramble, capabilities: [.protocol41, .secureConnection],
            collation: 8, status: []
        ).payload()
        for count in 0..<greeting.count - 1 {
            #expect(throws: WireError.self) { try Array(greeting.prefix(count)).read(Greeting.init(payload:)) }
        }
    }

    @Test func changeUsers() throws {
        let base: Capabilities = [.protocol41, .secureConnection]
        let all = base.union([.pluginAuth, .connectAttributes])
        for (change, capabilities) in [
            (
                ChangeUser(
                    user: [1], authResponse: [2, 0, 3], database: [4], collation: 45, plugin: "p", attributes: [0, 0]),
                all
            ),
            (ChangeUser(user: [], authResponse: [], collation: 45), base),
            (ChangeUser(user: [1], authResponse: []), base),
            (ChangeUser(user: [1], authResponse: [9]), Capabilities.protocol41),
        ] {
            let payload = change.payload(capabilities: capabilities)
            let read = try payload.read { bytes throws(WireError) in
                try ChangeUser(payload: bytes, capabilities: capabilities)
            }
            #expect(read == change)
        }
        let attributesOnly = ChangeUser(user: [1], authResponse: [], attributes: [1, 97, 0])
        let read = try attributesOnly.payload(capabilities: all).read { bytes throws(WireError) in
            try ChangeUser(payload: bytes, capabilities: all)
        }
        #expect(read.attributes == [1, 97, 0] && read.plugin == "" && read.collation == 0)
    }

    @Test func connectionAttributes() {
        func response(_ attributes: [UInt8]?) -> HandshakeResponse {
            HandshakeResponse(
                capabilities: [.protocol41], collation: 8, user: [], authResponse: [], attributes: attributes)
        }
        let two = response([1, 97, 2, 98, 99, 2, 100, 101, 0])
        #expect(two.attribute("a") == [98, 99] && two.attribute("de") == [])
        #expect(two.attribute("bc") == nil, "a value is no name")
        #expect(response(nil).attribute("a") == nil && response([]).attribute("a") == nil)
        // Whatever a client sends instead.
        for cut in [
            [1], [1, 97], [1, 97, 9, 98], [0xFB], [0xFF, 97], [0xFE, 255, 255, 255, 255, 255, 255, 255, 255],
        ] {
            #expect(response(cut.map { UInt8($0) }).attribute("a") == nil)
        }
    }

    @Test func authSwitches() throws {
        let native = AuthSwitch(plugin: NativePassword.pluginName, data: scramble)
        #expect(native.payload().last == 0)
        #expect(try native.payload().read(AuthSwitch.init(payload:)) == native)
        // ed25519's 32 random bytes may end with a zero.
        let other = AuthSwitch(plugin: "client_ed25519", data: [UInt8](repeating: 5, count: 31) + [0])
        #expect(try other.payload().read(AuthSwitch.init(payload:)) == other)
        let old = try ([0xFE] as [UInt8]).read(AuthSwitch.init(payload:))
        #expect(old.isOld && old.payload() == [0xFE])
        #expect(throws: WireError.malformed("auth switch: header")) {
            try ([0] as [UInt8]).read(AuthSwitch.init(payload:))
        }
    }

    private func readOK(_ payload: [UInt8], _ capabilities: Capabilities) throws(WireError) -> OKPacket {
        try payload.read { bytes throws(WireError) in try OKPacket(payload: bytes, capabilities: capabilities) }
    }

    @Test func okPackets() throws {
        let tracked: Capabilities = [.protocol41, .sessionTrack]
        let changes: [SessionChange] = [
            .systemVariable(name: [97], value: []), .schema([98]), .stateChanged(true), .stateChanged(false),
            .gtids([0, 1, 2]), .transactionCharacteristics([99]), .transactionState(Array("T_______".utf8)),
            .userVariable(name: [118], value: nil), .userVariable(name: [118], value: []),
        ]
        let full = OKPacket(
            affectedRows: 300, lastInsertID: 1 << 40, status: [.autocommit, .sessionStateChanged], warnings: 9,
            info: Array("info".utf8), changes: changes)
        #expect(try readOK(full.payload(capabilities: tracked), tracked) == full)
        #expect(full.payload(capabilities: tracked, header: 0xFE)[0] == 0xFE)

        // For a client without session tracking.
        let plain = try readOK(full.payload(capabilities: [.protocol41]), [.protocol41])
        var expected = full
        expected.changes = []
        expected.status = .autocommit
        #expect(plain == expected)
        #expect(OKPacket().payload(capabilities: tracked) == [0, 0, 0, 2, 0, 0, 0])
        #expect(OKPacket(warnings: 1).payload(capabilities: [.transactions]) == [0, 0, 0, 2, 0])

        // The documentation's form of the info text.
        let documented: [UInt8] = [0, 0, 0, 2, 0, 0, 0] + Array("text".utf8)
        #expect(try readOK(documented, [.protocol41]).info == Array("text".utf8))
    }

    @Test func severalVariablesInOneEntry() throws {
        let state: [UInt8] = [0, 8, 1, 97, 1, 49, 1, 98, 1, 50, 99, 1, 7]
        let payload: [UInt8] = [0, 0, 0, 0, 0x40, 0, 0, 0, UInt8(state.count)] + state
        #expect(
            try readOK(payload, [.protocol41, .sessionTrack]).changes == [
                .systemVariable(name: [97], value: [49]), .systemVariable(name: [98], value: [50]), .unknown(type: 99),
            ])
        let short: [UInt8] = [0, 0, 0, 0, 0x40, 0, 0, 0, 3, 1, 9, 1]
        #expect(throws: WireError.truncated("session state: entry")) {
            try readOK(short, [.protocol41, .sessionTrack])
        }
    }

    /// As servers send it in a schema of the character set utf32, utf16 and utf8mb4; more than 250 bytes of it; nothing.
    @Test func stateInWideSchemas() throws {
        let tracked: Capabilities = [.protocol41, .sessionTrack]
        let head: [UInt8] = [0, 0, 0, 2, 0x40, 0, 0, 0]
        for zeros in [3, 1, 0] {
            let place = [UInt8](repeating: 0, count: zeros)
            let short = head + place + [5, 1, 3, 2, 100, 49]
            #expect(try readOK(short, tracked).changes == [.schema([100, 49])])
            let value = [UInt8](repeating: 97, count: 300)
            let entry: [UInt8] = [0, 0xFC, 0x31, 1, 1, 98, 0xFC, 0x2C, 1] + value
            let long = head + place + [0xFC, 0x35, 1] + entry
            #expect(try readOK(long, tracked).changes == [.systemVariable(name: [98], value: value)])
            #expect(try readOK(head + place, tracked).changes == [])
        }
    }

    @Test func errors() throws {
        let error = ErrorPacket(code: 1213, sqlState: "40001", message: "Deadlock “found”")
        #expect(try error.payload().read(ErrorPacket.init(payload:)) == error)
        let early = try error.payload(protocol41: false).read(ErrorPacket.init(payload:))
        #expect(early.sqlState == "HY000" && early.message == error.message)
        #expect(ErrorPacket(code: 1, sqlState: "4", message: "").payload() == [0xFF, 1, 0, 35, 52, 48, 48, 48, 48])
        let broken = try ([0xFF, 1, 4, 0xC3] as [UInt8]).read(ErrorPacket.init(payload:))
        #expect(broken.message == "\u{FFFD}" && !broken.isProgress)
    }

    @Test func commandNames() {
        #expect(Command.statementExecute.name == "COM_STMT_EXECUTE" && Command.query.name == "COM_QUERY")
        #expect(Set(Command.allCases.map(\.name)).count == Command.allCases.count)
        #expect(Command.allCases.filter(\.isUnanswered).count == 3)
        #expect(Command(rawValue: 32) == nil && Command(rawValue: 255) == nil)
    }

    @Test func statementIDs() {
        var execute: [UInt8] = [23, 1, 2, 3, 4, 1]
        execute.withUnsafeMutableBytes { bytes in
            let view = UnsafeRawBufferPointer(bytes)
            #expect(CommandPacket.command(view) == .statementExecute)
            #expect(CommandPacket.statementID(view) == 0x0403_0201)
            #expect(CommandPacket.cursorType(view) == 1)
            #expect(CommandPacket.replaceStatementID(0xAABB_CCDD, in: bytes))
            #expect(CommandPacket.statementID(view) == 0xAABB_CCDD)
        }
        #expect(execute == [23, 0xDD, 0xCC, 0xBB, 0xAA, 1])
        var short: [UInt8] = [23, 1, 2]
        short.withUnsafeMutableBytes { bytes in
            #expect(!CommandPacket.replaceStatementID(1, in: bytes))
            #expect(CommandPacket.statementID(UnsafeRawBufferPointer(bytes)) == nil)
            #expect(CommandPacket.cursorType(UnsafeRawBufferPointer(bytes)) == nil)
        }
        #expect(([] as [UInt8]).withUnsafeBytes { CommandPacket.command($0) } == nil)
    }
}

@Suite struct NativePasswordTests {
    /// SELECT PASSWORD('secret') of a server.
    private let stored = "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7"

    @Test func storedText() throws {
        let hash = try #require(NativePassword.hash(storedText: stored))
        #expect(hash == NativePassword.stage2(stage1: NativePassword.stage1(password: "secret")))
        #expect(NativePassword.hash(storedText: stored.lowercased()) == hash)
        let noHex = "*" + String(repeating: "g", count: 40)
        for wrong in ["", "*", String(stored.dropLast()), stored + "0", "x" + stored.dropFirst(), noHex] {
            #expect(NativePassword.hash(storedText: wrong) == nil)
        }
    }

    @Test func tokens() {
        let scramble: [UInt8] = Array(1...20)
        let stage1 = NativePassword.stage1(password: "secret")
        let stage2 = NativePassword.stage2(stage1: stage1)
        var token = NativePassword.token(stage1: stage1, stage2: stage2, scramble: scramble)
        #expect(NativePassword.stage1(token: token, scramble: scramble, stage2: stage2) == stage1)
        #expect(NativePassword.stage1(token: token, scramble: Array(2...21), stage2: stage2) == nil)
        #expect(NativePassword.stage1(token: Array(token.dropLast()), scramble: scramble, stage2: stage2) == nil)
        #expect(NativePassword.stage1(token: token, scramble: scramble, stage2: []) == nil)
        token[19] ^= 1
        #expect(NativePassword.stage1(token: token, scramble: scramble, stage2: stage2) == nil)
        #expect(NativePassword.stage1(token: [], scramble: scramble, stage2: stage2) == nil)
    }
}

/// Beyond the end they trap, which no test of this process can look at.
@Suite struct CheckedBytesTests {
    private let bytes: [UInt8] = [1, 2, 3, 4, 5]

    @Test func readsWhatIsThere() {
        bytes.withUnsafeBytes {
            #expect($0.byte(at: 4) == 5)
            #expect($0.uint16(at: 3) == 0x0504)
            #expect($0.uint32(at: 1) == 0x0504_0302)
            #expect(Array($0.part(1..<3)) == [2, 3])
            #expect(Array($0.part(from: 5)) == [])
            #expect(PacketHeader($0, at: 1) == PacketHeader($0, at: 1))
            #expect(PacketHeader($0, at: 1).length == 0x04_0302)
        }
    }
}
