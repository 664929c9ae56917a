import Foundation
import Synchronization

/// Honest sessions beside the hostile ones: every answer is checked, and what they wrote is counted.
final class Canaries: Sendable {
    /// What they felt, in one round.
    struct Report: Sendable {
        var statements = 0
        var longest: Duration = .zero
        /// Of the witness.
        var longestDirect: Duration = .zero
        /// Errors, each with how often; those that a failover may give among them.
        var errors: [ClientError: Int] = [:]
        var sessionsLost = 0
        /// Wrong answers and rows that are not as the clients were told.
        var faults: [String] = []
    }

    private let port: UInt16
    private let loads: [Load]
    /// Inserts past the proxy: what the server's disk and the machine made everybody wait.
    private let witness: Load
    /// A server that ends in the middle of a packet takes that session with it.
    private let isCut: Bool
    private let stopped = Atomic(false)
    private let large: Watched<(statements: Int, faults: [String], isDone: Bool)> = Watched((0, [], false))

    /// - Parameters:
    ///   - direct: the server's own port.
    ///   - round: rounds take numbers of their own in the ledger.
    ///   - isCut: the server ends in this round, maybe in the middle of a large answer.
    init(port: UInt16, direct: UInt16, round: Int, isCut: Bool) {
        self.port = port
        self.isCut = isCut
        let base = (round % 1000) * 1_000_000_000
        loads = [
            Load(.selects, clients: 4, port: port, think: .milliseconds(3)),
            Load(.inserts, clients: 2, port: port, think: .milliseconds(5), firstNumber: base),
            Load(.transactions, clients: 2, port: port, think: .milliseconds(5), firstNumber: base + 100_000_000),
        ]
        witness = Load(.inserts, clients: 1, port: direct, think: .milliseconds(5), firstNumber: base + 200_000_000)
    }

    func start() throws {
        for load in loads + [witness] { try load.start() }
        let thread = Thread { [self] in
            var mayBeCut = isCut
            var isOver = false
            while !isOver {
                isOver = true
                do {
                    try answerLarge()
                } catch let error as ClientError where mayBeCut && error.isLost {
                    // Once, and with a new login it goes on.
                    (mayBeCut, isOver) = (false, false)
                } catch {
                    large.update { $0.faults.append("the session with large answers: \(error)") }
                }
            }
            large.update { $0.isDone = true }
        }
        thread.stackSize = 512 << 10
        thread.start()
    }

    /// Large results and prepared statements, each answer checked; logs in anew now and then.
    private func answerLarge() throws {
        var number = 0
        while !stopped.load(ordering: .relaxed) {
            let client = try Client(
                port: port, user: EmbeddedPair.application.user, password: EmbeddedPair.application.password,
                schema: EmbeddedPair.schema)
            let statement = try client.prepare("SELECT ? * 2, REPEAT('p', 1000)")
            for _ in 0..<20 where !stopped.load(ordering: .relaxed) {
                number += 1
                let size = (number * 7919) % 200_000
                let text = try client.query("SELECT REPEAT('c', \(size)), \(number)").rows
                if text != [[String(repeating: "c", count: size), "\(number)"]] {
                    large.update { $0.faults.append("wrong: \(size) bytes and \(number)") }
                }
                let rows = try statement.execute([.int(Int64(number))]).rows
                if rows != [["\(number * 2)", String(repeating: "p", count: 1000)]] {
                    large.update {
                        $0.faults.append("wrong: \(rows.first?.first ?? nil ?? "nothing") for \(number) * 2")
                    }
                }
                large.update { $0.statements += 2 }
                usleep(20_000)
            }
            statement.close()
            client.close()
        }
    }

    /// Ends them, and holds what is in the ledger against what they were told.
    func stop(_ direct: () throws -> Client) throws -> Report {
        stopped.store(true, ordering: .relaxed)
        var (report, all) = (Report(), Load.Report())
        for load in loads { all.merge(try load.stop()) }
        guard let last = large.wait(.seconds(120), until: { $0.isDone }) else {
            throw TestbedFailure("the session with large answers still waits")
        }
        report.statements = all.statements + last.statements
        report.longest = all.longest
        report.errors = all.errors
        report.sessionsLost = all.sessionsLost
        let seen = try witness.stop()
        report.longestDirect = seen.longest
        // Its rows are in the ledger as well; what it was told is no business of the proxy's.
        all.merge(seen)
        report.faults = last.faults
        let client = try direct()
        defer { client.close() }
        let accounting = try Accounting(all, client)
        if !accounting.isSound {
            report.faults.append(
                "rows lost \(accounting.lost.prefix(5)), twice \(accounting.doubled.prefix(5)), undead "
                    + "\(accounting.undead.prefix(5)), torn \(accounting.torn.prefix(5))")
        }
        try client.query("TRUNCATE TABLE ledger")
        return report
    }
}
