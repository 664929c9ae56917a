import Cluster
import Foundation
import Testing

@testable import Admin

@Suite struct SessionListingTests {
    private static func rows(_ count: Int) -> [SessionRow] {
        (0..<count).map { number in
            SessionRow(
                id: UInt32(number), client: "10.0.0.1:\(number)", user: number == count - 1 ? "the longest" : "app",
                database: "", state: "idle", node: "cluster1", thread: 7, age: .seconds(70), idle: .zero, statements: 3,
                bytesIn: 10, bytesOut: 20, moves: 0)
        }
    }

    private static let process = ProcessFacts(
        version: "1", pid: 1, startedAt: Instant(nanoseconds: 0), workers: 1, connectionsMax: 9, descriptorsMax: 99,
        hostname: "h", isStopping: false)

    static let counts = [0, 1, 2, SessionPieces.rowsMax, SessionPieces.rowsMax + 1, 3 * SessionPieces.rowsMax]

    @Test(arguments: counts) func aTableIsTheSameInPieces(_ count: Int) {
        let rows = Self.rows(count)
        let whole = Answer.table(columns: SessionListing.columns, rows: rows.map(SessionListing.cells))
        let listing = Answer.sessions(SessionListing(rows: rows, form: .table))
        for json in [false, true] { #expect(listing.rendered(json: json) == whole.rendered(json: json)) }
    }

    @Test(arguments: counts) func nothingIsLeftOutOfHAProxysForms(_ count: Int) {
        let rows = Self.rows(count)
        let lines = SessionListing(rows: rows, form: .lines(Self.process)).rendered(json: false)
        #expect(
            lines.split(separator: "\n").map { $0.prefix { $0 != ":" } } == rows.map { SessLines.pointer($0.id)[...] })
        let details = SessionListing(rows: rows, form: .details(Self.process, [])).rendered(json: false)
        #expect(details.components(separatedBy: " source=").count == count + 1)
    }

    @Test func noPieceIsLong() {
        for (form, json) in [(SessionListing.Form.table, false), (.table, true), (.lines(Self.process), false)] {
            var pieces = AnswerPieces(
                .sessions(SessionListing(rows: Self.rows(10_000), form: form)), json: json, mark: "", end: "\n")
            #expect(pieces.rowCount == 10_000)
            var count = 0
            while let piece = pieces.next() {
                #expect(piece.utf8.count < 400 * SessionPieces.rowsMax)
                count += 1
            }
            #expect(count >= 10_000 / SessionPieces.rowsMax)
            #expect(pieces.rowCount == 0)
        }
    }
}
