import MySQLWire

/// The answers of a node to commands, packet by packet: no trap, what is behind a packet does not count, and of a long
/// one the first 64 bytes say all.
enum Tracker {
    static func read(_ bytes: UnsafeRawBufferPointer) {
        var input = Input(bytes)
        var tracker = ResponseTracker()
        var packets = 0
        while !input.isEmpty, packets < 4_096 {
            if tracker.isIdle || input.byte() == 0x7F {
                let commands = Array(Command.allCases)
                let command = commands[Int(input.byte()) % commands.count]
                tracker.begin(command, capabilities: Capabilities(rawValue: input.number(bytes: 5)))
                require(tracker.isIdle == command.isUnanswered, "an unanswered command leaves the tracker idle")
                if tracker.isIdle { continue }
            }
            packets += 1
            let size = Int(input.byte())
            let length = size == 0xFF ? 0xFF_FFFF : size == 0xFE ? 20_000 : size
            var payload = input.take(min(length, 128))
            // What is at hand of it is the whole, or its beginning.
            if length < 128 { payload += [UInt8](repeating: 0, count: length - payload.count) }
            if length >= 128 { payload += [UInt8](repeating: 0, count: 128 - payload.count) }
            var other = tracker
            let step = payload.withUnsafeBytes { tracker.packet(length: length, payload: $0) }
            let seen = length > 128 ? Array(payload.prefix(64)) : payload + [0xFE, 0, 0, 2, 0]
            let same = seen.withUnsafeBytes { other.packet(length: length, payload: $0) }
            require(step == same && tracker.isIdle == other.isIdle, "the same packet is read as \(step) and \(same)")
            switch step {
            case .flows, .localInfile, .malformed: require(!tracker.isIdle, "\(step) ends nothing")
            case .ok(let more), .eof(let more), .prepared(_, _, _, let more):
                require(tracker.isIdle == !more, "\(step) ends the answer, or does not")
            case .error, .done: require(tracker.isIdle, "\(step) ends the answer")
            }
            if input.byte() == 1 { tracker.fileSent() }
        }
    }
}
