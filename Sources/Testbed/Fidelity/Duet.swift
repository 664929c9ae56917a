import Foundation

/// One session on a server that stays, and the same through the proxy.
final class Duet: @unchecked Sendable {
    /// What stopped a script before its end.
    enum End: Sendable, Hashable {
        /// The proxy said what is lost.
        case told(String)
        case different(step: Int, label: String, answers: String)
        /// The direct session ended: what the script asked for.
        case over
    }

    private let script: FidelityScript
    private let place: Int
    private let direct: Part
    private let proxied: Part
    private let segments: [[FidelityStep]]
    private var next = 0
    private(set) var end: End?
    private(set) var statements = 0

    /// No answer takes longer, and no move does.
    private static let answerMax = Duration.seconds(60)

    /// Logs in on both sides.
    init(_ script: FidelityScript, place: Int, direct: UInt16, proxied: UInt16) throws {
        self.script = script
        self.place = place
        segments = script.segments
        self.direct = try Part(port: direct, script, place: place)
        self.proxied = try Part(port: proxied, script, place: place)
        settle()
    }

    /// FOUND_ROWS() before any query is what the server's memory held; and what a login gives the session is asked before
    /// its first command.
    private func settle() {
        for part in [direct, proxied] { _ = part.perform(.query(Array("SELECT 0".utf8)), Self.answerMax) }
    }

    /// Everything up to the next move, or to the end.
    func playSegment(_ number: Int) {
        guard end == nil, segments.indices.contains(number) else { return }
        for step in segments[number] {
            guard end == nil else { return }
            play(step)
            next += 1
        }
        next += 1
    }

    /// A ping behind a transaction's loss is answered before its client is told: the flags are the new server's.
    private static func comparable(_ answer: WireAnswer, to action: FidelityStep.Action) -> WireAnswer {
        guard action == .ping, answer.packets.count == 1, answer.packets[0].isOK else { return answer }
        return WireAnswer(
            packets: [WirePacket(sequence: answer.packets[0].sequence, payload: [0])], isCut: answer.isCut)
    }

    /// The first use of a sequence opens a transaction in which it is read, if it is only prepared: which is the first
    /// depends on what others have done to that server.
    private static func withoutOpening(_ answer: WireAnswer) -> WireAnswer {
        var answer = answer
        for index in answer.packets.indices {
            let packet = answer.packets[index]
            var plain = packet.payload
            switch (plain.first, plain.count) {
            // An end.
            case (0xfe, 5): plain[3] &= ~1
            // An OK of nothing.
            case (0, 7...) where plain[1] == 0 && plain[2] == 0: plain[3] &= ~1
            case _: continue
            }
            answer.packets[index] = WirePacket(sequence: packet.sequence, payload: plain)
        }
        return answer
    }

    private func play(_ step: FidelityStep) {
        let action = step.action.placed(place)
        // What the direct session has no statement for says nothing on either side.
        guard direct.knows(action) else { return }
        statements += 1
        var left = direct.perform(action, Self.answerMax)
        if left.isCut, !direct.session.connection.waitForEnd(.zero) {
            // Neither an answer nor an end: then the harness has not understood where the answer ends.
            end = .different(
                step: next, label: step.label,
                answers: "direct : no whole answer: \(left.packets.suffix(3).map(\.spelled))")
            return
        }
        var right = proxied.perform(action, Self.answerMax)
        direct.leaveOutRepetitions(&left)
        proxied.leaveOutRepetitions(&right)
        var (isPrepare, begins) = (false, false)
        switch action {
        case .prepare:
            isPrepare = true
            (left, right) = (Self.withoutOpening(left), Self.withoutOpening(right))
        case .resetConnection, .changeUser: begins = true
        case .query(let text) where String(decoding: text.prefix(7), as: UTF8.self).lowercased() == "prepare":
            (left, right) = (Self.withoutOpening(left), Self.withoutOpening(right))
        case .query, .execute, .fetch, .longData, .closeStatement, .resetStatement, .useSchema, .fieldList, .ping,
            .multiStatements, .move:
            break
        }
        switch AnswerDifference.between(
            direct: Self.comparable(left, to: action), proxied: Self.comparable(right, to: action),
            namesStatement: isPrepare)
        {
        case .none: if left.isCut { end = .over }
        case .told(let message): end = .told(message)
        case .different(let answers): end = .different(step: next, label: step.label, answers: answers)
        }
        if begins, end == nil { settle() }
    }

    func close() {
        direct.session.close()
        proxied.session.close()
    }

    /// One side of it.
    private final class Part {
        let session: WireSession
        private let flags: Wire.Flags
        /// The script's number of a statement, the server's id, and the types that it has been bound to.
        private var statements: [Int: UInt32] = [:]
        private var bound: [Int: [UInt8]] = [:]
        /// As it was last reported.
        private var schema: [UInt8]?

        init(port: UInt16, _ script: FidelityScript, place: Int) throws {
            flags = Wire.Flags(rawValue: script.flags)
            session = try WireSession(
                port: port, user: FidelityFixture.user, schema: "f\(place)a", flags: flags,
                collation: script.collation)
        }

        func knows(_ action: FidelityStep.Action) -> Bool {
            switch action {
            case .execute(let slot, _, _), .fetch(let slot, _), .longData(let slot, _, _), .closeStatement(let slot),
                .resetStatement(let slot):
                statements[slot] != nil
            case .query, .prepare, .useSchema, .fieldList, .ping, .resetConnection, .changeUser, .multiStatements:
                true
            case .move: false
            }
        }

        /// Of the default schema.
        func leaveOutRepetitions(_ answer: inout WireAnswer) {
            for index in answer.packets.indices where answer.packets[index].isOK {
                let packet = answer.packets[index]
                answer.packets[index] = WirePacket(
                    sequence: packet.sequence,
                    payload: SessionReport.withoutRepetition(packet.payload, of: &schema))
            }
        }

        func perform(_ action: FidelityStep.Action, _ timeout: Duration) -> WireAnswer {
            switch action {
            case .query(let text):
                return ask(Wire.packets([3] + text), .result, timeout)
            case .prepare(let slot, let text):
                if let old = statements.removeValue(forKey: slot) { session.send(Wire.closeStatement(old)) }
                bound[slot] = nil
                let answer = ask(Wire.packets([0x16] + text), .prepared, timeout)
                statements[slot] = answer.statementID
                return answer
            case .execute(let slot, let values, let cursor):
                guard let id = statements[slot] else { return WireAnswer() }
                let types = values.map(\.type)
                let binds = bound.updateValue(types, forKey: slot) != types
                return ask(
                    Wire.execute(id, values: values, cursor: cursor, bindsTypes: binds), cursor ? .cursor : .result,
                    timeout)
            case .fetch(let slot, let rows):
                return ask(Wire.fetch(statements[slot] ?? 0, rows: rows), .rows, timeout)
            case .longData(let slot, let parameter, let bytes):
                return ask(Wire.sendLongData(statements[slot] ?? 0, parameter: parameter, bytes), .nothing, timeout)
            case .closeStatement(let slot):
                return ask(Wire.closeStatement(statements.removeValue(forKey: slot) ?? 0), .nothing, timeout)
            case .resetStatement(let slot):
                return ask(Wire.resetStatement(statements[slot] ?? 0), .onePacket, timeout)
            case .useSchema(let name):
                return ask(Wire.command(2, name), .onePacket, timeout)
            case .fieldList(let table):
                return ask(Wire.command(4, table + [0]), .columns, timeout)
            case .ping:
                return ask(Wire.command(14), .onePacket, timeout)
            case .resetConnection:
                // Every statement of the session is gone.
                forgetStatements()
                return ask(Wire.command(0x1f), .onePacket, timeout)
            case .changeUser(let user, let schema, let collation):
                forgetStatements()
                var answer = ask(
                    Wire.changeUser(user, schema: schema, collation: collation), .onePacket, timeout)
                if answer.packets.first?.payload.first == 0xfe {
                    // Asked once more, by a plugin's name: an empty password proves nothing. What was asked is each
                    // side's own matter.
                    answer = ask(
                        Wire.packet([], sequence: (answer.packets.first?.sequence ?? 0) &+ 1), .onePacket, timeout)
                }
                // Its number depends on whether it was asked.
                answer.packets = answer.packets.map { WirePacket(sequence: 0, payload: $0.payload) }
                return answer
            case .multiStatements(let on):
                return ask(Wire.command(0x1b, [on ? 0 : 1, 0]), .onePacket, timeout)
            case .move:
                return WireAnswer()
            }
        }

        private func forgetStatements() {
            statements = [:]
            bound = [:]
        }

        private func ask(_ bytes: [UInt8], _ shape: WireAnswer.Shape, _ timeout: Duration) -> WireAnswer {
            session.send(bytes)
            return session.answer(shape, flags: flags, timeout)
        }
    }
}
