import Cluster

/// Small commands of every kind, good and bad, for a session that sends far ahead. Their answers depend on nothing but
/// the commands before them, so that a session through a proxy can be held against a direct one, packet by packet.
public struct CommandMix: Sendable {
    /// All of them in one stretch of bytes, a COM_QUIT at their end.
    public private(set) var bytes: [UInt8] = []
    public private(set) var commands = 0
    private var random: SplitMix64
    private var statements: [UInt32]
    private var prepared = 0

    /// - Parameters:
    ///   - count: bytes at least.
    ///   - statements: prepared statements of the session, of one parameter each.
    public init(bytes count: Int, statements: [UInt32] = [], seed: UInt64 = 1) {
        random = SplitMix64(seed)
        self.statements = statements
        bytes.reserveCapacity(count + 1024)
        while bytes.count < count { add(Int(random.next() % 32)) }
        add(Wire.command(0x1f))
        add(Wire.query("SELECT 'the end'"))
        add(Wire.command(0x01))
    }

    /// A packet without what differs from server to server and from day to day: the texts that are made anew each
    /// time, ids of statements.
    public static func comparable(_ packet: WirePacket) -> WirePacket {
        var payload = packet.payload
        // The answer to COM_STATISTICS.
        if payload.starts(with: "Uptime: ".utf8) { payload = [] }
        // The answer to COM_STMT_PREPARE: an id behind the zero, and so long is no plain OK.
        if payload.count == 12, payload[0] == 0 { payload.replaceSubrange(1..<5, with: [0, 0, 0, 0]) }
        // An error that names a statement: "… (17) …".
        if payload.first == 0xff, let open = payload.firstIndex(of: 0x28),
            let close = payload[open...].firstIndex(of: 0x29)
        {
            payload.removeSubrange(open...close)
        }
        return WirePacket(sequence: packet.sequence, payload: payload)
    }

    private mutating func add(_ command: [UInt8]) {
        bytes += command
        commands += 1
    }

    private mutating func add(_ kind: Int) {
        let number = Int(random.next() % 100_000)
        let text = String(repeating: "a", count: 150 + Int(random.next() % 200))
        let known = statements.isEmpty ? 99_999 : statements[Int(random.next() % UInt64(statements.count))]
        switch kind {
        case 0: add(Wire.command(0x0e))
        case 1: add(Wire.command(0x02, Array("app".utf8)))
        case 2: add(Wire.command(0x02, Array("nowhere\(number)".utf8)))
        case 3: add(Wire.command(0x04, Array("numbers\0".utf8)))
        case 4: add(Wire.command(0x09))
        case 5 where prepared < 100:
            add(Wire.prepare("SELECT ?, \(number), '\(text)'"))
            prepared += 1
        case 6: add(Wire.prepare("SELEC \(number)"))
        case 7, 8: add(Wire.execute(known, ["\(number)"]))
        case 9 where statements.count > 10:
            add(Wire.closeStatement(statements.removeFirst()))
        case 10: add(Wire.resetStatement(known))
        case 11: add(Wire.fetch(known, rows: 2))
        case 12:
            add(Wire.sendLongData(known, parameter: 0, Array(text.utf8)))
            add(Wire.resetStatement(known))
        case 13: add(Wire.execute(100_000 + UInt32(number), ["unknown"]))
        case 14: add(Wire.fetch(100_000 + UInt32(number), rows: 1))
        case 15: add(Wire.closeStatement(100_000 + UInt32(number)))
        case 16: add(Wire.sendLongData(100_000 + UInt32(number), parameter: 0, Array(text.utf8)))
        case 17: add(Wire.command(0x1b, Wire.number(UInt32(number & 1), 2)))
        case 18: add(Wire.command(0x1b, [9, 0]))
        case 19: add(Wire.command([0x00, 0x0b, 0x0f, 0x10, 0x14, 0x7f, 0xf0][number % 7]))
        case 20: add(Wire.query("SELECT * FROM nowhere\(number)"))
        case 21: add(Wire.query("SELECT \(number), '\(text)'; DO \(number)"))
        case _: add(Wire.query(number % 2 == 0 ? "DO '\(text)'" : "SELECT \(number), '\(text)'"))
        }
    }
}
