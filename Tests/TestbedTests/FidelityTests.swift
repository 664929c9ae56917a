import Testing

@testable import Testbed

@Suite struct FidelityTests {
    // MARK: scripts

    @Test("the same seed writes the same script, and another one another")
    func determinism() {
        for seed in UInt64(0)..<200 {
            let script = FidelityWriter.script(seed: seed, moves: 2)
            #expect(script == FidelityWriter.script(seed: seed, moves: 2))
            #expect(script != FidelityWriter.script(seed: seed + 1, moves: 2))
            #expect(script.segments.count == 3)
        }
    }

    @Test("every part is written by some script, those that lock everything only where they may")
    func coverage() {
        func labels(mayLockAll: Bool) -> Set<String> {
            Set(
                (0..<600).flatMap {
                    FidelityWriter.script(seed: $0, moves: 2, mayLockAll: mayLockAll).steps.map(\.label)
                })
        }
        let found = labels(mayLockAll: false)
        for part in FidelityWriter.parts { #expect(found.contains(part.name), "\(part.name)") }
        let locking = Set(FidelityWriter.lockingParts.map(\.name))
        #expect(found.isDisjoint(with: locking))
        #expect(locking.isSubset(of: labels(mayLockAll: true)))
    }

    @Test("a script of what can be restored has no part that can't")
    func restorable() {
        let lossy = Set(FidelityWriter.parts.filter { !$0.isRestorable }.map(\.name))
        let scripts = (0..<400).map { FidelityWriter.script(seed: $0, moves: 2) }.filter(\.isRestorable)
        #expect(scripts.count > 50)
        for script in scripts { #expect(lossy.isDisjoint(with: script.steps.map(\.label))) }
    }

    @Test("a place's number is put into every text, and steps are left out while moves stay")
    func places() {
        let action = FidelityStep.Action.execute(1, [.text(Array("l{s}a{s}{".utf8)), .int(5)], cursor: false)
        #expect(action.placed(12) == .execute(1, [.text(Array("l12a12{".utf8)), .int(5)], cursor: false))
        let script = FidelityWriter.script(seed: 7, moves: 2)
        let empty = script.without(Set(script.steps.indices))
        #expect(empty.steps.map(\.action) == [.move, .move])
        #expect(script.without([]) == script)
    }

    // MARK: answers

    private func read(_ shape: WireAnswer.Shape, deprecateEOF: Bool = false, _ payloads: [[UInt8]]) -> (Int, Bool) {
        var reader = AnswerReader(deprecateEOF: deprecateEOF)
        var rest = payloads[...]
        let isWhole = reader.read(shape) {
            rest.popFirst().map { WirePacket(sequence: 1, payload: $0) }
        }
        return (reader.packets.count, isWhole)
    }

    /// A column, an end with these flags, and a row.
    private let column: [UInt8] = [3, 0x64, 0x65, 0x66]
    private func end(_ flags: UInt8) -> [UInt8] { [0xfe, 0, 0, flags, 0] }
    private let row: [UInt8] = [1, 0x31]
    private let failure: [UInt8] = [0xff, 0x12, 4] + Array("#42S02no".utf8)

    @Test("an answer ends where its kind ends, and not before")
    func ends() {
        // After each whole answer comes a packet that is not part of it.
        let other: [UInt8] = [0, 9, 9, 9]
        let result = [[1], column, end(2), row, end(2)]
        let cases: [(WireAnswer.Shape, Bool, [[UInt8]])] = [
            (.nothing, false, []), (.onePacket, false, [Wire.ok]), (.result, false, [Wire.ok]),
            (.result, false, [failure]),
            (.result, false, result), (.result, false, [[1], column, end(2), row, failure]),
            (.result, true, [[1], column, row, [0xfe, 0, 0, 2, 0, 0, 0]]),
            // More results, and the end of a procedure's.
            (.result, false, [[1], column, end(10), row, end(10)] + result),
            (.result, false, [[0, 0, 0, 10, 0, 0, 0], Wire.ok]),
            // A cursor that was asked for: no rows. One of a procedure's own: rows all the same, and another result.
            (.cursor, false, [[1], column, end(0x42)]), (.cursor, false, result),
            (.result, false, [[1], column, end(0x4a), row, end(0x4a), Wire.ok]),
            (.cursor, false, [[1], column, end(0x4a), row, end(0x4a), Wire.ok]),
            (.result, false, [[1], column, end(0x42), row, end(2)]),
            (.rows, false, [row, row, end(2)]), (.columns, false, [column, end(2)]), (.rows, false, [failure]),
            (.prepared, false, [[0, 1, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0], column, column, end(2), column, end(2)]),
            (.prepared, true, [[0, 1, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0], column, column, column]),
            (.prepared, false, [[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]), (.prepared, false, [failure]),
        ]
        for (shape, deprecateEOF, packets) in cases {
            #expect(read(shape, deprecateEOF: deprecateEOF, packets + [other]) == (packets.count, true))
            for short in packets.indices {
                #expect(read(shape, deprecateEOF: deprecateEOF, Array(packets[..<short])) == (short, false))
            }
        }
    }

    private func answer(_ payloads: [UInt8]..., cut: Bool = false) -> WireAnswer {
        WireAnswer(packets: payloads.map { WirePacket(sequence: 1, payload: $0) }, isCut: cut)
    }

    private func verdict(_ direct: WireAnswer, _ proxied: WireAnswer, namesStatement: Bool = false) -> String {
        switch AnswerDifference.between(direct: direct, proxied: proxied, namesStatement: namesStatement) {
        case .none: "none"
        case .told: "told"
        case .different: "different"
        }
    }

    @Test("every planted difference is one, and what must differ is not")
    func differences() {
        let whole = answer([1], column, end(2), row, end(2))
        #expect(verdict(whole, whole) == "none")
        #expect(verdict(whole, answer([1], column, end(2), [1, 0x32], end(2))) == "different")
        #expect(verdict(whole, answer([1], column, end(2), end(2))) == "different")
        #expect(verdict(whole, answer([1], column, end(3), row, end(2))) == "different")
        #expect(verdict(whole, answer(failure)) == "different")
        #expect(verdict(whole, answer([1], column, end(2), row, cut: true)) == "different")
        #expect(verdict(answer(Wire.ok), answer([0, 1, 0, 2, 0, 0, 0])) == "different")
        #expect(
            verdict(answer(Wire.ok), WireAnswer(packets: [WirePacket(sequence: 2, payload: Wire.ok)])) == "different")
        // Statements' ids, of COM_STMT_PREPARE only.
        let (one, two): ([UInt8], [UInt8]) = (
            [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        )
        #expect(verdict(answer(one), answer(two), namesStatement: true) == "none")
        #expect(verdict(answer(one), answer(two)) == "different")
    }

    @Test("a default schema that is reported once more is left out, and nothing else is")
    func repeatedSchemas() {
        func ok(_ text: String, _ reports: [UInt8]...) -> [UInt8] {
            let all = reports.flatMap { $0 }
            let said = all.isEmpty && text.isEmpty ? [] : [UInt8(text.utf8.count)] + Array(text.utf8)
            return [0, 0, 0, 2, all.isEmpty ? 0 : 0x40, 0, 0] + said + (all.isEmpty ? [] : [UInt8(all.count)] + all)
        }
        let (a, b, state): ([UInt8], [UInt8], [UInt8]) = ([1, 2, 1, 0x61], [1, 2, 1, 0x62], [2, 2, 1, 0x31])
        var schema: [UInt8]?
        #expect(SessionReport.withoutRepetition(ok("x", a), of: &schema) == ok("x", a))
        #expect(schema == [1, 0x61])
        #expect(SessionReport.withoutRepetition(ok("Statement prepared", a), of: &schema) == ok("Statement prepared"))
        #expect(SessionReport.withoutRepetition(ok("", state, a), of: &schema) == ok("", state))
        #expect(SessionReport.withoutRepetition(ok("", b, state), of: &schema) == ok("", b, state))
        #expect(SessionReport.withoutRepetition(ok("", a), of: &schema) == ok("", a))
        #expect(SessionReport.withoutRepetition(ok("", a), of: &schema) == ok(""))
        // Nothing is reported: that is no report.
        #expect(SessionReport.comparable([0, 0, 0, 2, 0x40, 0, 0, 0, 0]) == [0, 0, 0, 2, 0, 0, 0])
        #expect(SessionReport.withoutRepetition(Wire.ok, of: &schema) == Wire.ok)
        for count in 0..<12 {
            let short = Array(ok("x", a).prefix(count))
            #expect(SessionReport.withoutRepetition(short, of: &schema) == short)
        }
    }

    @Test("what an OK packet reports may be in any order, and must be the same")
    func reports() {
        func ok(_ reports: [UInt8]...) -> WireAnswer {
            let all = reports.flatMap { $0 }
            return answer([0, 0, 0, 2, 0x40, 0, 0, 0, UInt8(all.count)] + all)
        }
        let (schema, variable, other): ([UInt8], [UInt8], [UInt8]) = (
            [1, 2, 1, 0x61], [0, 4, 1, 0x62, 1, 0x31], [0, 4, 1, 0x62, 1, 0x32]
        )
        #expect(verdict(ok(schema, variable), ok(variable, schema)) == "none")
        #expect(verdict(ok(schema, variable), ok(schema, other)) == "different")
        #expect(verdict(ok(schema, variable), ok(schema)) == "different")
        #expect(verdict(ok(schema), answer([0, 0, 0, 2, 0x40, 0, 0, 0, 9] + schema)) == "different")
        #expect(verdict(ok(schema), answer(Wire.ok)) == "different")
    }

    @Test("only an error of the proxy's own is a word about a loss")
    func told() {
        func error(_ code: UInt16, _ state: String, _ text: String) -> WireAnswer {
            answer([0xff, UInt8(code & 0xff), UInt8(code >> 8), 0x23] + Array((state + text).utf8))
        }
        let right = answer(Wire.ok)
        #expect(verdict(right, error(1927, "08S02", "session state lost")) == "told")
        #expect(verdict(right, error(1927, "08007", "unknown")) == "told")
        #expect(verdict(right, error(1213, "40001", "transaction rolled back: the primary was lost")) == "told")
        #expect(verdict(right, error(1213, "40001", "Deadlock found when trying to get lock")) == "different")
        #expect(verdict(right, error(1927, "70100", "Connection was killed")) == "different")
        #expect(verdict(right, error(2013, "HY000", "Lost connection")) == "different")
        // Where the direct session has ended, the other one has too, with a word or without.
        #expect(verdict(answer(cut: true), error(1927, "70100", "Connection was killed")) == "none")
        #expect(verdict(answer(cut: true), answer(cut: true)) == "none")
        #expect(verdict(answer(cut: true), right) == "different")
        #expect(verdict(right, answer(cut: true)) == "different")
        let same = error(1146, "42S02", "no table")
        #expect(verdict(same, same) == "none")
    }
}
