/// Where a proxied answer is not the direct one: what becomes of a step that ran on both sides.
enum AnswerDifference {
    /// The same, byte for byte.
    case none
    /// The proxy said in its own words that something is lost, or that a statement was not run.
    case told(String)
    case different(String)

    /// - Parameter namesStatement: of COM_STMT_PREPARE, whose statement's id is each server's own.
    static func between(
        direct: WireAnswer, proxied: WireAnswer, namesStatement: Bool = false
    ) -> AnswerDifference {
        var (left, right) = namesStatement ? (direct.withoutID, proxied.withoutID) : (direct, proxied)
        (left.packets, right.packets) = (left.packets.map(\.plain), right.packets.map(\.plain))
        if left == right { return .none }
        // A session that has ended directly has ended; the proxy may say why.
        if direct.isCut, proxied.isCut || proxied.error?.code == 1927 { return .none }
        if let error = proxied.error, isTold(error) { return .told("\(error.code) (\(error.state)): \(error.message)") }
        var lines: [String] = []
        let common = zip(left.packets, right.packets).prefix { $0 == $1 }.count
        func show(_ name: String, _ answer: WireAnswer) {
            let shown = answer.packets.dropFirst(common).prefix(3).map(\.spelled)
            lines.append(
                "\(name): "
                    + (shown + (answer.isCut ? ["the end of the connection"] : [])).joined(separator: "\n         "))
        }
        if common > 0 { lines.append("after \(common) packets that are the same") }
        show("direct ", left)
        show("proxied", right)
        return .different(lines.joined(separator: "\n"))
    }

    /// An error that only a proxy says, with the texts of its promises.
    static func isTold(_ error: (code: Int, state: String, message: String)) -> Bool {
        switch (error.code, error.state) {
        case (1927, "08S02"), (1927, "08007"): true
        case (1213, "40001"): !error.message.hasPrefix("Deadlock found")
        case _: false
        }
    }
}

extension WirePacket {
    /// Without what is each side's own.
    fileprivate var plain: WirePacket {
        let packet = withoutReportFlag.withoutStatementNumber
        return WirePacket(sequence: packet.sequence, payload: SessionReport.comparable(packet.payload))
    }

    /// ER_UNKNOWN_STMT_HANDLER and ER_STMT_HAS_NO_OPEN_CURSOR name the statement's id; SHOW WARNINGS does, too.
    private var withoutStatementNumber: WirePacket {
        if payload.count < 100, String(decoding: payload, as: UTF8.self).contains(") has no open cursor") {
            return WirePacket(sequence: sequence, payload: payload.filter { $0 >= 0x41 })
        }
        guard errorCode == 1243 || errorCode == 1421 else { return self }
        return WirePacket(
            sequence: sequence, payload: payload.prefix(9) + payload.dropFirst(9).filter { !(48..<58).contains($0) })
    }

    /// An end of rows without SERVER_SESSION_STATE_CHANGED (0x4000): the node reports to the proxy more than the client
    /// asked for. A client that did not ask has no use for the flag there.
    private var withoutReportFlag: WirePacket {
        guard payload.first == 0xfe, payload.count == 5 else { return self }
        var plain = payload
        plain[4] &= ~0x40
        return WirePacket(sequence: sequence, payload: plain)
    }

    /// For people.
    var spelled: String {
        if let code = errorCode, payload.count >= 9 {
            return "#\(sequence) error \(code) (\(FidelityStep.shown(payload[4..<9]))): "
                + FidelityStep.shown(payload[9...].prefix(200))
        }
        let bytes = payload.prefix(16).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
        // An OK, and an end, are numbers; everything else is mostly text.
        return isOK || payload.first == 0xfe
            ? "#\(sequence) \(bytes) | \(FidelityStep.shown(payload.dropFirst(7).prefix(200)))"
            : "#\(sequence) \(FidelityStep.shown(payload.prefix(200)))"
    }
}
