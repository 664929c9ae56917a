/// What a node sends on one connection of a check, before libmariadb sees any of it.
///
/// A node may be somebody else's by now, and the library believes what it is told: it hands out the password to whoever
/// names the right plugin, reads without an end, and follows a null pointer where an error packet comes before the
/// greeting. So it gets whole packets of a closed grammar only, within bounds: a greeting, a login by a plugin that does
/// not reveal the password, then per statement an OK, an error, or a result of sound columns and rows. The first packet
/// that is anything else ends the connection with a sentence of ours.
///
/// The greeting is passed on with fewer offers than it makes: no TLS, no compression, no session tracking, no progress
/// reports. What the library does not expect it does not read.
///
/// https://mariadb.com/kb/en/clientserver-protocol/
struct Intake {
    /// What the answer to one statement may come to.
    struct Bounds: Hashable {
        /// Payload bytes of one packet.
        var packetBytesMax: Int
        /// Bytes of the whole answer, headers included.
        var answerBytesMax: Int
        var rowsMax: Int

        /// A login, and what a check asks: a handful of variables.
        static let check = Bounds(packetBytesMax: 16 << 10, answerBytesMax: 64 << 10, rowsMax: 100)
        /// One row per account; some 90 bytes each.
        static let accounts = Bounds(packetBytesMax: 16 << 10, answerBytesMax: 64 << 20, rowsMax: 250_000)
        /// One row per view, numbered column, or 3,000 characters of a program.
        static let schema = Bounds(packetBytesMax: 16 << 10, answerBytesMax: 16 << 20, rowsMax: 50_000)
    }

    /// Those that prove the password without telling it. (`caching_sha2_password` and its like encrypt it with a key
    /// that comes from the node: to whoever asks.)
    static let plugins = ["mysql_native_password", "client_ed25519"]
    static let columnsMax = 64
    /// Of a server's version; it goes into the greeting that clients get.
    static let versionBytesMax = 200
    /// How often a node may ask for another plugin.
    static let switchesMax = 4

    /// Why a connection is ended.
    enum Refusal: Error, Hashable {
        /// Wants the password by a plugin that reveals it.
        case plugin(String)
        /// Wants a file of this host (LOAD DATA LOCAL).
        case file
        case packet(bytes: Int, bytesMax: Int)
        case answer(bytesMax: Int)
        case rows(rowsMax: Int)
        case columns(Int)
        /// No packet of the protocol, at this place.
        case malformed(String)

        /// One sentence without its subject and full stop.
        var sentence: String {
            switch self {
            case .plugin(let name): "asks for the password in a way that reveals it (plugin \(name)): refused"
            case .file: "asks for a file of this host: refused"
            case .packet(let bytes, let bytesMax): "a packet of \(bytes) bytes, \(bytesMax) at most are read"
            case .answer(let bytesMax): "an answer of more than \(bytesMax) bytes"
            case .rows(let rowsMax): "an answer of more than \(rowsMax) rows"
            case .columns(let count): "an answer of \(count) columns, \(Intake.columnsMax) at most are read"
            case .malformed(let what): "no packet of the protocol: \(what)"
            }
        }
    }

    private enum Stage {
        /// Can transition to: login, over.
        case greeting
        /// Other plugins that were asked for. Can transition to: quiet, over.
        case login(switches: Int)
        /// Nothing was asked. Can transition to: answer.
        case quiet
        /// Nothing of the answer has come. Can transition to: columns, quiet.
        case answer
        /// Definitions still to come; then their end. Can transition to: rows.
        case columns(left: Int, of: Int)
        /// Can transition to: quiet.
        case rows(columns: Int, count: Int)
        /// An error has ended the login. Stays.
        case over
    }

    private var stage = Stage.greeting
    private var bounds = Bounds.check
    private var answerBytes = 0
    /// The beginning of a packet that is not whole yet.
    private var partial: [UInt8] = []
    /// Packets that may be read, and how much of them was.
    private var ready: [UInt8] = []
    private var readyRead = 0
    /// The first packet as it came, header included; empty before it has.
    private(set) var greeting: [UInt8] = []

    var hasReady: Bool { readyRead < ready.count }

    /// A statement is about to be sent.
    mutating func asked(_ bounds: Bounds) {
        self.bounds = bounds
        answerBytes = 0
        switch stage {
        case .quiet, .answer, .columns, .rows: stage = .answer
        case .greeting, .login, .over: break
        }
    }

    /// Copies what may be read; zero where nothing may yet.
    mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, ready.count - readyRead)
        guard count > 0 else { return 0 }
        ready.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[readyRead..<readyRead + count]))
        }
        readyRead += count
        if readyRead == ready.count {
            ready.removeAll(keepingCapacity: true)
            readyRead = 0
        }
        return count
    }

    /// Takes bytes as they come, at most some thousand at a time.
    mutating func take(_ bytes: UnsafeRawBufferPointer) throws(Refusal) {
        partial.append(contentsOf: bytes)
        var next = 0
        while partial.count - next >= 4 {
            let length = Int(partial[next]) | Int(partial[next + 1]) << 8 | Int(partial[next + 2]) << 16
            // Told by the header alone: nobody waits for sixteen megabytes to refuse them.
            guard length <= bounds.packetBytesMax else {
                throw .packet(bytes: length, bytesMax: bounds.packetBytesMax)
            }
            guard length > 0 else { throw .malformed("an empty one") }
            let end = next + 4 + length
            guard partial.count >= end else { break }
            answerBytes += 4 + length
            guard answerBytes <= bounds.answerBytesMax else { throw .answer(bytesMax: bounds.answerBytesMax) }
            try judge(next..<end)
            ready += partial[next..<end]
            next = end
        }
        partial.removeSubrange(..<next)
    }

    // MARK: one packet

    private mutating func judge(_ packet: Range<Int>) throws(Refusal) {
        var payload = Payload(partial[(packet.lowerBound + 4)..<packet.upperBound])
        if payload.first == 0xff { return try judgeError(payload) }
        switch stage {
        case .greeting: try judgeGreeting(packet, payload)
        case .login(let switches): try judgeLogin(payload, switches)
        case .quiet, .over: throw .malformed("one that nobody asked for")
        case .answer: try judgeAnswer(&payload)
        case .columns(let left, let count): try judgeColumn(&payload, left, count)
        case .rows(let columns, let count): try judgeRow(&payload, columns, count)
        }
    }

    /// Errors come at every place. Progress reports look like one (code 65535); nobody asked for them.
    private mutating func judgeError(_ payload: Payload) throws(Refusal) {
        guard payload.count >= 3, payload.number(at: 1) != 0xffff else { throw .malformed("an error without a code") }
        switch stage {
        case .greeting, .login, .over: stage = .over
        case .quiet, .answer, .columns, .rows: stage = .quiet
        }
    }

    private mutating func judgeGreeting(_ packet: Range<Int>, _ payload: Payload) throws(Refusal) {
        guard payload.first == 10, let end = payload.firstZero(from: 1), end <= Intake.versionBytesMax else {
            throw .malformed("no greeting of protocol 10")
        }
        // connection id 4, scramble 8, filler 1; capabilities 2, collation 1, status 2, capabilities 2, scramble's
        // length 1, reserved 6, MariaDB's capabilities 4; scramble 12, filler 1, the plugin's name and a zero.
        let low = end + 14
        let scramble = low + 18
        guard payload.count > scramble + 13, payload.byte(at: low + 7) == 21,
            payload.firstZero(from: scramble + 13) != nil
        else { throw .malformed("a greeting that is cut") }
        let offered = payload.number(at: low) | payload.number(at: low + 5) << 16
        guard offered & Offers.needed == Offers.needed else { throw .malformed("a greeting of before 4.1") }
        greeting = Array(partial[packet])
        let kept = offered & Offers.kept
        let place = packet.lowerBound + 4 + low
        partial[place] = UInt8(kept & 0xff)
        partial[place + 1] = UInt8(kept >> 8 & 0xff)
        partial[place + 5] = UInt8(kept >> 16 & 0xff)
        partial[place + 6] = UInt8(kept >> 24 & 0xff)
        for index in 14..<18 { partial[place + index] = 0 }
        stage = .login(switches: 0)
    }

    private mutating func judgeLogin(_ payload: Payload, _ switches: Int) throws(Refusal) {
        switch payload.first {
        case 0:
            try judgeOK(payload)
            stage = .quiet
        case 0xfe:
            let name = payload.count == 1 ? "mysql_old_password" : payload.text(from: 1, bytesMax: 64)
            guard Intake.plugins.contains(name) else { throw .plugin(name) }
            guard switches < Intake.switchesMax else { throw .malformed("one more plugin") }
            stage = .login(switches: switches + 1)
        case _: throw .malformed("no step of a login")
        }
    }

    private mutating func judgeAnswer(_ payload: inout Payload) throws(Refusal) {
        switch payload.first {
        case 0:
            try judgeOK(payload)
            stage = .quiet
        case 0xfb: throw .file
        case _:
            guard let count = payload.takeLength() else { throw .malformed("no count of columns") }
            guard count > 0, count <= Intake.columnsMax else { throw .columns(count) }
            guard payload.isAtEnd else { throw .malformed("more than a count of columns") }
            stage = .columns(left: count, of: count)
        }
    }

    /// Six texts, and twelve bytes that tell their own length.
    private mutating func judgeColumn(_ payload: inout Payload, _ left: Int, _ count: Int) throws(Refusal) {
        guard left > 0 else {
            try judgeEnd(payload)
            stage = .rows(columns: count, count: 0)
            return
        }
        for _ in 0..<6 {
            guard payload.skipText(orNull: false) else { throw .malformed("a column's definition") }
        }
        guard payload.takeLength() == 12, payload.left == 12 else { throw .malformed("a column's definition") }
        stage = .columns(left: left - 1, of: count)
    }

    private mutating func judgeRow(_ payload: inout Payload, _ columns: Int, _ count: Int) throws(Refusal) {
        if payload.first == 0xfe, payload.count <= 8 {
            try judgeEnd(payload)
            stage = .quiet
            return
        }
        guard count < bounds.rowsMax else { throw .rows(rowsMax: bounds.rowsMax) }
        for _ in 0..<columns {
            guard payload.skipText(orNull: true) else { throw .malformed("a row") }
        }
        guard payload.isAtEnd else { throw .malformed("a row") }
        stage = .rows(columns: columns, count: count + 1)
    }

    private func judgeEnd(_ payload: Payload) throws(Refusal) {
        guard payload.first == 0xfe, payload.count == 5 else { throw .malformed("no end where one must be") }
        guard payload.number(at: 3) & Offers.moreResults == 0 else { throw .malformed("a second result") }
    }

    private func judgeOK(_ payload: Payload) throws(Refusal) {
        var payload = payload
        payload.skip(1)
        guard payload.takeLength() != nil, payload.takeLength() != nil, payload.left >= 4 else {
            throw .malformed("an OK that is cut")
        }
        guard payload.number(at: payload.count - payload.left) & Offers.moreResults == 0 else {
            throw .malformed("a second result")
        }
        payload.skip(4)
        guard payload.isAtEnd || payload.skipText(orNull: false) else { throw .malformed("an OK that is cut") }
    }

    /// Capability flags of the low 32 bits, and a status flag.
    private enum Offers {
        /// PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH.
        static let needed = 0x0008_8200
        /// Those, "not MariaDB", CONNECT_WITH_DB, TRANSACTIONS, CONNECT_ATTRS and PLUGIN_AUTH_LENENC_CLIENT_DATA.
        static let kept = needed | 0x0030_2009
        /// SERVER_MORE_RESULTS_EXIST.
        static let moreResults = 8
    }
}

/// One packet's payload, at least a byte, and a place in it.
private struct Payload {
    private let bytes: ArraySlice<UInt8>
    private var at: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        at = bytes.startIndex
    }

    var count: Int { bytes.count }
    var first: UInt8? { bytes.first }
    var left: Int { bytes.endIndex - at }
    var isAtEnd: Bool { at == bytes.endIndex }

    func byte(at offset: Int) -> UInt8 { bytes[bytes.startIndex + offset] }

    /// Two bytes; the caller has seen to it that they are there.
    func number(at offset: Int) -> Int { Int(byte(at: offset)) | Int(byte(at: offset + 1)) << 8 }

    /// Offset of the first zero from there on.
    func firstZero(from offset: Int) -> Int? {
        guard offset <= bytes.count else { return nil }
        return bytes[(bytes.startIndex + offset)...].firstIndex(of: 0).map { $0 - bytes.startIndex }
    }

    /// Up to a zero, or the end; what is no printable ASCII shows as `?`.
    func text(from offset: Int, bytesMax: Int) -> String {
        let text = bytes[(bytes.startIndex + offset)...].prefix { $0 != 0 }.prefix(bytesMax)
        return String(decoding: text.map { (0x20..<0x7f).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }

    mutating func skip(_ count: Int) { at = min(bytes.endIndex, at + count) }

    /// A length-encoded number; nil for NULL, for what none begins with, where it is cut, and where it is more than
    /// a packet could hold.
    mutating func takeLength() -> Int? {
        guard at < bytes.endIndex else { return nil }
        let size =
            switch bytes[at] {
            case 0..<251: 0
            case 252: 2
            case 253: 3
            case 254: 8
            case _: -1
            }
        if size == 0 {
            defer { at += 1 }
            return Int(bytes[at])
        }
        guard size > 0, left > size else { return nil }
        var value: UInt64 = 0
        for index in 0..<size { value |= UInt64(bytes[at + 1 + index]) << (8 * UInt64(index)) }
        at += 1 + size
        return Int(exactly: value)
    }

    /// False where there is no whole one.
    mutating func skipText(orNull: Bool) -> Bool {
        if orNull, at < bytes.endIndex, bytes[at] == 0xfb {
            at += 1
            return true
        }
        guard let length = takeLength(), length <= left else { return false }
        at += length
        return true
    }
}
