import MySQLWire

/// Every packet that is read: no trap, and what was read is written and read again to the same.
enum Packets {
    static func read(_ bytes: UnsafeRawBufferPointer) {
        var input = Input(bytes)
        let kind = input.byte()
        let capabilities = Capabilities(rawValue: input.number(bytes: 8)).union(.protocol41)
        func ok(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> OKPacket {
            try OKPacket(payload: bytes, capabilities: capabilities)
        }
        func changeUser(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> ChangeUser {
            try ChangeUser(payload: bytes, capabilities: capabilities)
        }
        let payload = input.all()
        switch kind % 8 {
        case 0: settle(payload, ok) { $0.payload(capabilities: capabilities) }
        case 1: settle(payload, changeUser) { $0.payload(capabilities: capabilities) }
        case 2: settle(payload, HandshakeResponse.init(payload:)) { $0.payload() }
        case 3: settle(payload, Greeting.init(payload:)) { $0.payload() }
        case 4: settle(payload, AuthSwitch.init(payload:)) { $0.payload() }
        case 5: settle(payload, ErrorPacket.init(payload:)) { $0.payload() }
        case 6: settle(payload, ProgressReport.init(payload:)) { $0.payload() }
        default: settle(payload, EOFPacket.init(payload:)) { $0.payload() }
        }
    }

    private static func settle<T>(
        _ bytes: [UInt8], _ read: (UnsafeRawBufferPointer) throws(WireError) -> T, _ write: (T) -> [UInt8]
    ) {
        guard let value = attempt(bytes, read) else { return }
        let again = write(value)
        guard let second = attempt(again, read) else { fatalError("what was written can't be read: \(again)") }
        require(write(second) == again, "what was written and read is written otherwise")
    }

    private static func attempt<T>(
        _ bytes: [UInt8], _ read: (UnsafeRawBufferPointer) throws(WireError) -> T
    ) -> T? {
        bytes.withUnsafeBytes { raw in
            do throws(WireError) { return try read(raw) } catch { return nil }
        }
    }
}
