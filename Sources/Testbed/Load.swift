import Foundation
import Synchronization

/// Clients that loop statements, and a record of what they felt. Every client is a thread with a session of its own
/// and checks every answer: one that is wrong counts as an error, too.
public final class Load: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// Autocommit point selects.
        case selects
        /// Autocommit inserts of numbered rows.
        case inserts
        /// BEGIN, two numbered inserts, COMMIT.
        case transactions
    }

    /// One statement that took long.
    public struct Pause: Sendable {
        public let begun: ContinuousClock.Instant
        public let answered: ContinuousClock.Instant
        public var length: Duration { answered - begun }
    }

    /// What all clients of a load felt.
    public struct Report: Sendable {
        public var statements = 0
        public var latencySum: Duration = .zero
        public var longest: Duration = .zero
        /// Answers that took at least ``Load/pauseMin``, and were no errors.
        public var pauses: [Pause] = []
        /// All errors, and how often.
        public var errors: [ClientError: Int] = [:]
        /// Connections that broke, in a statement or while logging in.
        public var sessionsLost = 0
        /// Rows by their numbers, as the answers were.
        public var acknowledged: Set<Int> = []
        public var rolledBack: Set<Int> = []
        public var unknown: Set<Int> = []
        /// Rows of the same transaction, of which both or none may be there.
        public var couples: [(Int, Int)] = []

        public var errorCount: Int { errors.values.reduce(0, +) }

        /// When the first statement was answered that had been begun before that moment and answered after it.
        public func firstAnswer(across moment: ContinuousClock.Instant) -> ContinuousClock.Instant? {
            pauses.filter { $0.begun <= moment && $0.answered > moment }.map(\.answered).min()
        }

        /// Rows whose statement or transaction ended in an error.
        mutating func account(_ numbers: [Int], for error: any Error) {
            if let error = error as? ClientError, error.saysRolledBack {
                rolledBack.formUnion(numbers)
            } else {
                unknown.formUnion(numbers)
            }
        }

        mutating func merge(_ other: Report) {
            statements += other.statements
            latencySum += other.latencySum
            longest = max(longest, other.longest)
            pauses += other.pauses
            errors.merge(other.errors, uniquingKeysWith: +)
            sessionsLost += other.sessionsLost
            acknowledged.formUnion(other.acknowledged)
            rolledBack.formUnion(other.rolledBack)
            unknown.formUnion(other.unknown)
            couples += other.couples
        }
    }

    /// Tables of a load, made past the proxy: `numbers` to select from, `ledger` to insert into. The ledger's
    /// numbers are not unique in the schema, so that a row that was inserted twice is there twice.
    public static func makeTables(_ client: Client) throws {
        try client.query("CREATE TABLE IF NOT EXISTS numbers (id INT PRIMARY KEY, square INT NOT NULL)")
        try client.query("REPLACE INTO numbers SELECT seq, seq * seq FROM seq_1_to_1000")
        try client.query(
            "CREATE TABLE IF NOT EXISTS ledger (row_id BIGINT AUTO_INCREMENT PRIMARY KEY, n BIGINT NOT NULL, KEY (n))")
    }

    /// How long an answer takes at least to be listed as a pause.
    public static let pauseMin = Duration.milliseconds(100)

    public let kind: Kind
    private let port: UInt16
    private let think: Duration
    private let stopped = Atomic(false)
    private let reports: Watched<[Report]>
    private let clients: Int
    private let begun: Watched<Int>
    private let answered = Atomic(0)
    private let firstNumber: Int

    /// - Parameters:
    ///   - port: the proxy's (or a server's) on 127.0.0.1.
    ///   - think: time between an answer and the next statement.
    ///   - firstNumber: loads on the same ledger need ranges of numbers of their own; a client takes 10 million.
    public init(_ kind: Kind, clients: Int, port: UInt16, think: Duration = .zero, firstNumber: Int = 0) {
        self.kind = kind
        self.clients = clients
        self.port = port
        self.think = think
        self.firstNumber = firstNumber
        reports = Watched([])
        begun = Watched(0)
    }

    /// Starts the clients; returns when every one of them has had an answer.
    public func start(_ timeout: Duration = .seconds(30)) throws {
        for index in 0..<clients {
            let thread = Thread { [self] in
                let report = loop(firstNumber + index * 10_000_000)
                reports.update { $0.append(report) }
            }
            thread.stackSize = 512 << 10
            thread.start()
        }
        guard begun.wait(timeout, until: { $0 >= clients }) != nil else {
            stopped.store(true, ordering: .relaxed)
            throw TestbedFailure("\(begun.value) of \(clients) clients (\(kind)) had an answer after \(timeout)")
        }
    }

    /// Statements answered so far, errors included.
    public var statements: Int { answered.load(ordering: .relaxed) }

    /// Lets every client end its statement; returns what they felt.
    public func stop(_ timeout: Duration = .seconds(120)) throws -> Report {
        stopped.store(true, ordering: .relaxed)
        guard let all = reports.wait(timeout, until: { $0.count == clients }) else {
            throw TestbedFailure("\(clients - reports.value.count) clients (\(kind)) still wait after \(timeout)")
        }
        return all.reduce(into: Report()) { $0.merge($1) }
    }

    private func loop(_ firstNumber: Int) -> Report {
        var report = Report()
        var client: Client?
        var number = firstNumber
        var hasBegun = false
        while !stopped.load(ordering: .relaxed) {
            do {
                let session: Client
                if let client {
                    session = client
                } else {
                    session = try Client(
                        port: port, user: EmbeddedPair.application.user, password: EmbeddedPair.application.password,
                        schema: EmbeddedPair.schema)
                    client = session
                }
                try turn(session, &number, &report)
            } catch {
                let failure = error as? ClientError ?? ClientError(code: 0, sqlState: "", message: "\(error)")
                report.errors[failure, default: 0] += 1
                if failure.isConnectionLoss || client == nil {
                    report.sessionsLost += 1
                    client = nil
                    // A server that is gone refuses at once.
                    usleep(10_000)
                }
            }
            if !hasBegun, client != nil {
                hasBegun = true
                begun.update { $0 += 1 }
            }
            if think > .zero { usleep(UInt32(think.milliseconds * 1000)) }
        }
        client?.close()
        return report
    }

    private func turn(_ client: Client, _ number: inout Int, _ report: inout Report) throws {
        switch kind {
        case .selects:
            let id = Int.random(in: 1...1000)
            let rows = try timed(&report) { try client.query("SELECT square FROM numbers WHERE id = \(id)") }
            if rows.rows != [["\(id * id)"]] {
                throw ClientError(code: 0, sqlState: "", message: "wrong answer: \(rows.rows) for id \(id)")
            }
        case .inserts:
            number += 1
            do {
                let rows = try timed(&report) { try client.query("INSERT INTO ledger (n) VALUES (\(number))") }
                if rows.affectedRows != 1 {
                    throw ClientError(code: 0, sqlState: "", message: "\(rows.affectedRows) rows inserted")
                }
                report.acknowledged.insert(number)
            } catch {
                report.account([number], for: error)
                throw error
            }
        case .transactions:
            number += 2
            let couple = [number - 1, number]
            report.couples.append((couple[0], couple[1]))
            do {
                try timed(&report) { try client.query("BEGIN") }
                for n in couple {
                    try timed(&report) { try client.query("INSERT INTO ledger (n) VALUES (\(n))") }
                }
                try timed(&report) { try client.query("COMMIT") }
                report.acknowledged.formUnion(couple)
            } catch {
                report.account(couple, for: error)
                throw error
            }
        }
    }

    @discardableResult
    private func timed(_ report: inout Report, _ body: () throws -> Rows) throws -> Rows {
        let start = ContinuousClock.now
        report.statements += 1
        defer { answered.add(1, ordering: .relaxed) }
        let rows = try body()
        let end = ContinuousClock.now
        report.latencySum += end - start
        report.longest = max(report.longest, end - start)
        if end - start >= Self.pauseMin { report.pauses.append(Pause(begun: start, answered: end)) }
        return rows
    }
}

extension ClientError {
    /// Class 40: the transaction is certainly rolled back.
    public var saysRolledBack: Bool { sqlState.hasPrefix("40") }
    /// The connection ended.
    public var isLost: Bool { code == 2006 || code == 2013 }
    /// 08007: the outcome is not known.
    public var saysUnknown: Bool { sqlState == "08007" }
}

/// What is in the ledger, held against what the clients were told.
public struct Accounting: Sendable {
    /// Acknowledged, and not there.
    public var lost: [Int] = []
    /// There more than once.
    public var doubled: [Int] = []
    /// Said to be rolled back, and there.
    public var undead: [Int] = []
    /// One of two rows of a transaction.
    public var torn: [(Int, Int)] = []
    public var rows = 0

    public var isSound: Bool { lost.isEmpty && doubled.isEmpty && undead.isEmpty && torn.isEmpty }

    /// - Parameter client: to the present primary, past the proxy.
    public init(_ report: Load.Report, _ client: Client) throws {
        var counts: [Int: Int] = [:]
        for row in try client.query("SELECT n, COUNT(*) FROM ledger GROUP BY n").rows {
            guard let n = row[0].flatMap({ Int($0) }), let count = row[1].flatMap({ Int($0) }) else { continue }
            counts[n] = count
        }
        rows = counts.values.reduce(0, +)
        lost = report.acknowledged.filter { counts[$0] == nil }.sorted()
        doubled = counts.filter { $0.value > 1 }.map(\.key).sorted()
        undead = report.rolledBack.filter { counts[$0] != nil }.sorted()
        torn = report.couples.filter { (counts[$0.0] == nil) != (counts[$0.1] == nil) }
    }
}
