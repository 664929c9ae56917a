import Cluster
import MySQLWire
import Testing

@Suite struct TrackerTests {
    private let ok: [UInt8] = [0, 0, 0, 2, 0, 0, 0]
    private let okEnd: [UInt8] = [0xFE, 0, 0, 2, 0, 0, 0]
    private let eof: [UInt8] = [0xFE, 0, 0, 2, 0]
    private let definition: [UInt8] =
        [3] + Array("def".utf8) + [0, 0, 0, 1, 97, 0, 0x0C, 63, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0]
    private let classic: Capabilities = [.protocol41]
    private let modern: Capabilities = [.protocol41, .deprecateEOF]

    private func begun(_ command: Command, _ capabilities: Capabilities) -> ResponseTracker {
        var tracker = ResponseTracker()
        tracker.begin(command, capabilities: capabilities)
        return tracker
    }

    @Test func isSmallAndTrivial() {
        #expect(MemoryLayout<ResponseTracker>.size <= 32)
        #expect(_isPOD(ResponseTracker.self))
    }

    @Test func startsIdle() {
        var tracker = ResponseTracker()
        #expect(tracker.isIdle && !tracker.begun)
        #expect(tracker.packet(ok) == .malformed)
        #expect(!tracker.isIdle)
    }

    /// A server that goes away may say so unasked.
    @Test func errorWhileIdle() {
        var tracker = ResponseTracker()
        #expect(tracker.packet(ErrorPacket(code: 1927, sqlState: "70100", message: "killed").payload()) == .error)
        #expect(tracker.isIdle)
        let report = ProgressReport(stage: 1, stagesMax: 1, progress: 1, info: [])
        #expect(tracker.packet(report.payload()) == .malformed)
    }

    @Test(arguments: [Command.quit, .statementClose, .statementSendLongData])
    func unanswered(_ command: Command) {
        #expect(command.isUnanswered)
        #expect(begun(command, modern).isIdle)
    }

    /// A row of 16 MiB and more whose first value is as large starts with 0xFE and is no end; its continuation may
    /// look like anything.
    @Test func giantRow() {
        for capabilities in [classic, modern] {
            var tracker = begun(.query, capabilities)
            #expect(tracker.packet([1]) == .flows)
            #expect(tracker.packet(definition) == .flows)
            if capabilities == classic { #expect(tracker.packet(eof) == .flows) }
            let giant: [UInt8] = [0xFE, 0, 0, 0, 1, 0, 0, 0, 0] + [UInt8](repeating: 120, count: 55)
            #expect(tracker.packet(length: 0xFF_FFFF, beginning: giant) == .flows)
            #expect(tracker.packet(length: 0xFF_FFFF, beginning: ErrorPacketBytes.plain) == .flows)
            #expect(tracker.packet(okEnd) == .flows)
            #expect(tracker.packet([120]) == .flows)
            #expect(tracker.packet(length: 0xFF_FFFF, beginning: giant) == .flows)
            #expect(tracker.packet([]) == .flows)
            let end = capabilities == classic ? tracker.packet(eof) : tracker.packet(okEnd)
            #expect(end == (capabilities == classic ? .eof(more: false) : .ok(more: false)))
            #expect(tracker.isIdle)
        }
    }

    /// The same, of real bytes through the framing.
    @Test func giantRowOnTheWire() {
        let value = [UInt8](repeating: 0xFE, count: 17 << 20)
        var row = PacketWriter()
        row.lengthEncoded(value)
        let exact = [UInt8](repeating: 7, count: PacketHeader.payloadMax)
        var stream = PacketWriter.packet(sequence: 1, payload: [1])
        stream += PacketWriter.packet(sequence: 2, payload: definition)
        stream += PacketWriter.packet(sequence: 3, payload: row.bytes)
        stream += PacketWriter.packet(sequence: 5, payload: exact)
        stream += PacketWriter.packet(sequence: 7, payload: okEnd)
        var tracker = begun(.query, modern)
        var framer = Framer()
        let steps = framer.feed(stream, to: &tracker)
        #expect(steps == [Step](repeating: .flows, count: 6) + [.ok(more: false)])
        #expect(tracker.isIdle)
    }

    /// Binary rows start with 0x00, text rows may; neither is an OK.
    @Test func rowsThatLookLikeOK() {
        var tracker = begun(.statementExecute, modern)
        _ = tracker.packet([1])
        _ = tracker.packet(definition)
        for _ in 0..<3 { #expect(tracker.packet(ok) == .flows) }
        #expect(tracker.packet(okEnd) == .ok(more: false))

        var fetch = begun(.statementFetch, classic)
        #expect(fetch.packet(ok) == .flows)
        #expect(fetch.packet(eof) == .eof(more: false))
    }

    @Test func cachedMetadata() {
        for capabilities in [classic.union(.cacheMetadata), modern.union(.cacheMetadata)] {
            let isClassic = !capabilities.contains(.deprecateEOF)
            var tracker = begun(.statementExecute, capabilities)
            #expect(tracker.packet([2, 0]) == .flows)
            if isClassic { #expect(tracker.packet(eof) == .flows) }
            #expect(tracker.packet(ok) == .flows)
            #expect(tracker.packet(isClassic ? eof : okEnd) == (isClassic ? .eof(more: false) : .ok(more: false)))

            tracker.begin(.statementExecute, capabilities: capabilities)
            #expect(tracker.packet([2]) == .malformed)
        }
    }

    @Test func columnCounts() {
        for (count, bytes) in [(250, [250]), (251, [0xFC, 251, 0]), (4096, [0xFC, 0, 16])] as [(Int, [UInt8])] {
            var tracker = begun(.query, modern)
            #expect(tracker.packet(bytes) == .flows)
            for _ in 0..<count { #expect(tracker.packet(definition) == .flows) }
            #expect(tracker.packet(okEnd) == .ok(more: false))
        }
        for bytes in [[1, 1], [0xFC, 1], [0xFC, 0, 0], [0xFD, 0, 0, 0], [0xFD, 1]] as [[UInt8]] {
            var tracker = begun(.query, modern)
            #expect(tracker.packet(bytes) == .malformed)
        }
    }

    @Test func shortAndStrangePackets() {
        for bytes in [[], [0], [0, 0, 0, 2], [0xFF, 1], [0xFE, 0, 0, 2], [0xFE] + [UInt8](repeating: 0, count: 9)]
            as [[UInt8]]
        {
            var tracker = begun(.query, classic)
            #expect(tracker.packet(bytes) == .malformed)
            #expect(!tracker.isIdle)
            #expect(tracker.packet(ok) == .malformed)
            tracker.begin(.ping, capabilities: classic)
            #expect(tracker.packet(ok) == .ok(more: false))
        }
        var tracker = begun(.query, classic)
        #expect(tracker.packet(length: 0xFF_FFFF, beginning: ok) == .malformed)
    }

    @Test func file() {
        var tracker = begun(.query, classic)
        #expect(tracker.packet([0xFB] + Array("name".utf8)) == .localInfile)
        #expect(!tracker.isIdle)
        var early = tracker
        #expect(early.packet(ok) == .malformed)
        var failed = tracker
        #expect(failed.packet(ErrorPacketBytes.plain) == .error)
        #expect(failed.isIdle)
        tracker.fileSent()
        #expect(tracker.packet(ok) == .ok(more: false))
        tracker.fileSent()
        #expect(tracker.isIdle)
    }

    @Test func statusIsTheLastOne() {
        var tracker = begun(.query, classic)
        #expect(tracker.packet([0, 1, 0xFD, 1, 2, 3, 3, 0, 0, 0]) == .ok(more: false))
        #expect(tracker.status == [.inTransaction, .autocommit])
        tracker.begin(.query, capabilities: classic)
        #expect(!tracker.begun)
        #expect(tracker.packet(ErrorPacketBytes.plain) == .error)
        #expect(tracker.begun)
        #expect(tracker.status == [.inTransaction, .autocommit])
    }

    @Test func statusBehindLongIntegers() {
        let long: [UInt8] = [0xFE, 1, 2, 3, 4, 5, 6, 7, 8]
        var tracker = begun(.query, modern)
        #expect(tracker.packet([0] + long + long + [0x0A, 0, 0, 0]) == .ok(more: true))
        #expect(tracker.status == [.autocommit, .moreResults])
        #expect(tracker.packet(ok) == .ok(more: false))
    }

    /// The rows stay with a cursor that was asked for and opened. That a procedure has one of its own, says the same flag:
    /// behind its result another follows.
    @Test func onlyTheCursorThatWasAskedForKeepsTheRows() {
        let opened: [UInt8] = [0xFE, 0, 0, 0x42, 0]
        let ofProcedure: [UInt8] = [0xFE, 0, 0, 0x4A, 0]
        let cases: [(Command, asks: Bool, [UInt8], Step)] = [
            (.statementExecute, true, opened, .eof(more: false)), (.statementExecute, false, opened, .flows),
            (.statementExecute, true, ofProcedure, .flows), (.statementExecute, false, ofProcedure, .flows),
            (.statementExecute, true, eof, .flows), (.query, true, opened, .flows),
            (.bulkExecute, true, opened, .flows),
        ]
        for (command, asks, end, step) in cases {
            var tracker = ResponseTracker()
            tracker.begin(command, capabilities: classic, asksForCursor: asks)
            _ = tracker.packet([1])
            _ = tracker.packet(definition)
            #expect(tracker.packet(end) == step)
        }
    }

    /// As MariaDB 10.11 answers CALL of a procedure that opens a cursor and returns two results.
    @Test func resultsOfAProcedureWithACursor() {
        let end: [UInt8] = [0xFE, 0, 0, 0x6A, 0]
        var tracker = begun(.statementExecute, classic)
        for _ in 0..<2 {
            for packet in [[1], definition, end, [0, 0, 1, 0, 0, 0]] { #expect(tracker.packet(packet) == .flows) }
            #expect(tracker.packet(end) == .eof(more: true))
        }
        #expect(tracker.packet([0, 0, 0, 0x22, 0, 0, 0]) == .ok(more: false))
        #expect(tracker.isIdle)
    }

    @Test func changeUserExchange() {
        var tracker = begun(.changeUser, modern)
        #expect(tracker.packet(AuthSwitch(plugin: "client_ed25519", data: [1]).payload()) == .flows)
        #expect(tracker.packet([1, 0]) == .flows)
        #expect(tracker.packet(ok) == .ok(more: false))
    }

    /// Answers made by the protocol's rules from a seed; each packet comes with the step it must give.
    @Test(arguments: 0..<200 as Range<UInt64>)
    func answersByTheRules(_ seed: UInt64) {
        var random = SplitMix64(seed)
        var capabilities: Capabilities = [.protocol41]
        if Bool.random(using: &random) { capabilities.insert(.deprecateEOF) }
        if Bool.random(using: &random) { capabilities.insert(.cacheMetadata) }
        let isClassic = !capabilities.contains(.deprecateEOF)
        var tracker = ResponseTracker()

        for _ in 0..<20 {
            var script: [([UInt8], Int?, Step)] = []
            func status(_ more: Bool) -> [UInt8] { [more ? 0x0A : 0x02, 0] }
            func end(_ more: Bool) {
                if isClassic {
                    script.append(([0xFE, 0, 0] + status(more), nil, .eof(more: more)))
                } else {
                    script.append(([0xFE, 0, 0] + status(more) + [0, 0], nil, .ok(more: more)))
                }
            }
            func maybeProgress() {
                guard Int.random(in: 0..<5, using: &random) == 0 else { return }
                script.append((ProgressReport(stage: 1, stagesMax: 2, progress: 9, info: [65]).payload(), nil, .flows))
            }
            let results = Int.random(in: 1...4, using: &random)
            loop: for index in 1...results {
                let more = index < results
                maybeProgress()
                switch Int.random(in: 0..<5, using: &random) {
                case 0: script.append(([0, 3, 0] + status(more) + [0, 0], nil, .ok(more: more)))
                case 1:
                    script.append((ErrorPacketBytes.plain, nil, .error))
                    break loop
                case _:
                    let columns = UInt8.random(in: 1...9, using: &random)
                    let cached = capabilities.contains(.cacheMetadata)
                    let follows = !cached || Bool.random(using: &random)
                    script.append(([columns] + (cached ? [follows ? 1 : 0] : []), nil, .flows))
                    if follows { for _ in 0..<columns { script.append((definition, nil, .flows)) } }
                    if isClassic { script.append((eof, nil, .flows)) }
                    for _ in 0..<Int.random(in: 0...6, using: &random) {
                        switch Int.random(in: 0..<4, using: &random) {
                        case 0:
                            script.append(([0xFE] + random.bytes(upTo: 60), PacketHeader.payloadMax, .flows))
                            script.append((random.bytes(upTo: 60), nil, .flows))
                        case 1: script.append(([0] + random.bytes(upTo: 60), nil, .flows))
                        case _:
                            let head = UInt8.random(in: 0...0xFD, using: &random)
                            script.append(([head] + random.bytes(upTo: 60), nil, .flows))
                        }
                    }
                    if Int.random(in: 0..<8, using: &random) == 0 {
                        script.append((ErrorPacketBytes.plain, nil, .error))
                        break loop
                    }
                    end(more)
                }
            }
            tracker.begin(.query, capabilities: capabilities)
            for (bytes, length, expected) in script {
                #expect(!tracker.isIdle)
                let step = tracker.packet(length: length ?? bytes.count, beginning: bytes)
                #expect(step == expected)
            }
            #expect(tracker.isIdle)
        }
    }
}

enum ErrorPacketBytes {
    static let plain = ErrorPacket(code: 1317, sqlState: "70100", message: "interrupted").payload()
}

/// The number of columns is a length-encoded integer: `SELECT 1, 1, …` has as many as a client likes.
@Suite struct ColumnCountTests {
    private static let definition: [UInt8] =
        [3] + Array("def".utf8) + [0, 0, 0, 1, 97, 0, 0x0C, 63, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0]
    private static let eof: [UInt8] = [0xFE, 0, 0, 2, 0]
    private static let okEnd: [UInt8] = [0xFE, 0, 0, 2, 0, 0, 0]

    @Test(
        arguments: [1, 250, 251, 252, 65_535, 65_536, 70_000, 0xFF_FFFF, 0x100_0000, 0xFFFF_FFFF],
        [[.protocol41], [.protocol41, .deprecateEOF], [.protocol41, .deprecateEOF, .cacheMetadata]] as [Capabilities])
    func everySize(count: UInt64, capabilities: Capabilities) {
        var writer = PacketWriter()
        writer.lengthEncoded(count)
        if capabilities.contains(.cacheMetadata) { writer.uint8(1) }
        var tracker = ResponseTracker()
        tracker.begin(.query, capabilities: capabilities)
        let head = tracker.packet(writer.bytes)
        #expect(head == .flows)
        guard count <= 70_000 else { return }
        for number in 0..<count {
            let step = tracker.packet(Self.definition)
            if step != .flows {
                Issue.record("definition \(number): \(step)")
                return
            }
        }
        if capabilities.contains(.deprecateEOF) {
            let end = tracker.packet(Self.okEnd)
            #expect(end == .ok(more: false))
        } else {
            let between = tracker.packet(Self.eof)
            #expect(between == .flows)
            let end = tracker.packet(Self.eof)
            #expect(end == .eof(more: false))
        }
        #expect(tracker.isIdle)
    }

    @Test(
        "cut, longer than it says, or more than can be counted",
        arguments: [
            [0xFC], [0xFC, 1], [0xFD, 0, 0], [0xFD, 0, 0, 1, 0], [0xFE, 0, 0, 0, 0, 1, 0, 0, 0],
            [0xFE, 255, 255, 255, 255, 255, 255, 255, 255], [0xFC, 0, 0], [5, 5],
        ] as [[UInt8]])
    func malformed(bytes: [UInt8]) {
        var tracker = ResponseTracker()
        tracker.begin(.query, capabilities: [.protocol41])
        let step = tracker.packet(bytes)
        #expect(step == .malformed)
    }

    /// COM_STMT_PREPARE's answer has two bytes for the number; the definitions are as many as there are.
    @Test func preparedWithMoreThanItsAnswerCanSay() {
        var tracker = ResponseTracker()
        tracker.begin(.statementPrepare, capabilities: [.protocol41])
        let first = tracker.packet([0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0])
        #expect(first == .prepared(statement: 1, columns: 2, parameters: 0, more: true))
        for _ in 0..<5 {
            let step = tracker.packet(Self.definition)
            #expect(step == .flows)
        }
        let end = tracker.packet(Self.eof)
        #expect(end == .done)
    }
}
