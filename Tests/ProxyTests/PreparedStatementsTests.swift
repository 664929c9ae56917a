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

    @Test func countsTheTextsItKeeps() {
        var statements = PreparedStatements()
        _ = add(&statements, node: 1, "SELECT 1")
        _ = add(&statements, node: 2, "SELECT 22")
        #expect(statements.textBytes == 17)
        statements.remove(at: 0)
        #expect(statements.textBytes == 9)
        statements.removeAll()
        #expect(statements.textBytes == 0)
    }
}
