import Testing

@testable import Proxy

@Suite struct PreparedStatementsTests {
    private func add(_ statements: inout PreparedStatements, node: UInt32, _ text: String = "SELECT ?") -> UInt32 {
        Array(text.utf8).withUnsafeBytes { statements.add(nodeID: node, text: $0, parameters: 1) }
    }

    private func remove(_ id: UInt32, from statements: inout PreparedStatements) throws {
        let index = statements.index(of: id)
        statements.remove(at: try #require(index))
    }

    private func expectAbsent(_ id: UInt32, in statements: inout PreparedStatements) {
        let index = statements.index(of: id)
        #expect(index == nil)
    }

    private func expectLast(_ expected: Int?, in statements: inout PreparedStatements) {
        let index = statements.index(of: PreparedStatements.lastPrepared)
        #expect(index == expected)
    }

    @Test func idsAreTheSessionsOwnAndNeverUsedTwice() throws {
        var statements = PreparedStatements()
        let first = add(&statements, node: 70)
        let second = add(&statements, node: 9)
        #expect(first == 1 && second == 2)
        try remove(second, from: &statements)
        expectAbsent(second, in: &statements)
        let third = add(&statements, node: 9)
        #expect(third == 3)
        let index = statements.index(of: first)
        #expect(index.map { statements[$0].nodeID } == 70)
    }

    @Test func findsEveryOneAmongMany() throws {
        var statements = PreparedStatements()
        for node in 1...200 { _ = add(&statements, node: UInt32(node) * 3) }
        for id in stride(from: UInt32(2), through: 200, by: 2) {
            try remove(id, from: &statements)
        }
        for id in UInt32(1)...200 {
            let index = statements.index(of: id)
            #expect((index == nil) == (id % 2 == 0))
            if let index { #expect(statements[index].nodeID == id * 3) }
        }
        expectAbsent(0, in: &statements)
        expectAbsent(201, in: &statements)
    }

    @Test func theOnePreparedLast() {
        var statements = PreparedStatements()
        expectLast(nil, in: &statements)
        _ = add(&statements, node: 1)
        _ = add(&statements, node: 2)
        expectLast(1, in: &statements)
        // What follows a failed prepare in a pipeline must not run another statement.
        statements.lastFailed = true
        expectLast(nil, in: &statements)
        _ = add(&statements, node: 3)
        expectLast(2, in: &statements)
    }

    @Test func whatANodeAloneKnewIsLostWithIt() {
        var statements = PreparedStatements()
        _ = add(&statements, node: 1)
        statements[0].typesSent = true
        statements[0].hasCursor = true
        statements[0].hasLongData = true
        statements.detach()
        #expect(!statements[0].typesSent)
        #expect(statements[0].lostCursor && statements[0].lostLongData)
        #expect(!statements[0].hasCursor && !statements[0].hasLongData)
    }

    @Test func countsWhatItKeeps() {
        var statements = PreparedStatements()
        let overhead = PreparedStatement.overhead
        _ = add(&statements, node: 1, "SELECT 1")
        _ = add(&statements, node: 2, "SELECT 22")
        #expect(statements.byteCount == 17 + 2 * overhead)
        statements.set(types: [1, 2, 3, 4], at: 0)
        #expect(statements.byteCount == 21 + 2 * overhead)
        statements.set(types: [1, 2], at: 0)
        #expect(statements.byteCount == 19 + 2 * overhead)
        statements.remove(at: 0)
        #expect(statements.byteCount == 9 + overhead)
        statements.removeAll()
        #expect(statements.byteCount == 0)
    }

    /// A session of a pool may live for months: behind the last id there is the first one that is free.
    @Test func idsBeginAnewBehindTheLast() throws {
        var statements = PreparedStatements()
        statements.setLastID(0xFFFF_FFFB)
        let before = (1...3).map { add(&statements, node: $0) }
        #expect(before == [0xFFFF_FFFC, 0xFFFF_FFFD, 0xFFFF_FFFE])
        let after = (4...6).map { add(&statements, node: $0) }
        #expect(after == [1, 2, 3])
        for (node, id) in zip(UInt32(1)..., before + after) {
            let index = statements.index(of: id)
            #expect(index.map { statements[$0].nodeID } == node)
        }
        expectAbsent(4, in: &statements)
        let last = statements.index(of: PreparedStatements.lastPrepared)
        #expect(last.map { statements[$0].clientID } == 3)
    }

    @Test func idsInUseArePassedOver() throws {
        var statements = PreparedStatements()
        for node in UInt32(1)...3 { _ = add(&statements, node: node) }
        try remove(2, from: &statements)
        var later = statements
        later.setLastID(0xFFFF_FFFE)
        let ids = (4...6).map { add(&later, node: $0) }
        #expect(ids == [2, 4, 5])
        for (id, node) in [(1, 1), (2, 4), (3, 3), (4, 5), (5, 6)] as [(UInt32, UInt32)] {
            let index = later.index(of: id)
            #expect(index.map { later[$0].nodeID } == node)
        }
    }
}
