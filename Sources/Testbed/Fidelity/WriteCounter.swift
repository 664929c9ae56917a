import Foundation

/// Numbered writes of every kind through the proxy while its sessions move: in the end every number that was acknowledged
/// is there once, none is there twice, and none of which the client was told that it is not.
public final class WriteCounter {
    /// How a number is written.
    public enum Kind: String, Sendable, CaseIterable {
        case text, prepared, named, immediate, returning, transaction
        case autocommitOff = "autocommit off"
        case several = "several statements"
        case procedure, function, view, trigger
        case notTransactional = "not transactional"
    }

    /// What became of a number, as the client was told.
    enum Fate: Sendable {
        case written
        /// Not executed, or rolled back.
        case absent
        /// 08007, or the connection ended before an answer.
        case unknown
    }

    public struct Report: Sendable {
        public var statements = 0
        public var moves = 0
        public var absent = 0
        public var unknown = 0
        public var faults: [String] = []
    }

    private let pair: EmbeddedPair
    private let proxy: ProxyProcess

    public init(program: String? = nil) throws {
        pair = try EmbeddedPair(options: ["--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync"])
        try pair.start()
        let root = try pair.asRoot(schema: EmbeddedPair.schema)
        for statement in Self.tables { try root.query(statement) }
        root.close()
        proxy = try ProxyProcess(nodes: pair.ports, holdTimeout: "60s", program: program)
        try proxy.admin("show cluster", within: .seconds(30)) { $0.contains("primary: cluster1") }
    }

    private static let tables: [String] =
        Kind.allCases.map { kind in
            "CREATE TABLE \(kind.table) (n INT NOT NULL, KEY (n))" + (kind.isTransactional ? "" : " ENGINE=MyISAM")
        } + [
            "CREATE PROCEDURE p_write(i INT) INSERT INTO \(Kind.procedure.table) VALUES (i)",
            "CREATE FUNCTION f_write(i INT) RETURNS INT BEGIN INSERT INTO \(Kind.function.table) VALUES (i); RETURN i; END",
            "CREATE FUNCTION f_view() RETURNS INT BEGIN INSERT INTO \(Kind.view.table) VALUES (@v); RETURN 1; END",
            "CREATE VIEW v_write AS SELECT f_view() AS w", "CREATE TABLE source (n INT)",
            "CREATE TRIGGER t_write BEFORE INSERT ON source FOR EACH ROW INSERT INTO \(Kind.trigger.table) VALUES (NEW.n)",
        ]

    /// Two writers of each kind, each with half of its numbers, which are spread over the moves.
    ///
    /// - Parameter each: so many statements of each kind.
    public func run(each: Int, moves: Int, say: (String) -> Void) throws -> Report {
        let port = proxy.port
        let fates = Watched<[Kind: [Int: Fate]]>([:])
        let done = Watched(0)
        let failures = Watched<[String]>([])
        let gate = Watched(0)
        let progress = Watched(0)
        let writers = Kind.allCases.flatMap { [($0, 0), ($0, 1)] }
        for (kind, half) in writers {
            Thread.detachNewThread {
                var own: [Int: Fate] = [:]
                do {
                    var writer = try Writer(kind, port: port)
                    for number in 0..<(each / 2) {
                        // The statements are spread over the moves.
                        let due = number * moves / max(each / 2, 1)
                        _ = gate.wait(.seconds(600)) { $0 >= due }
                        own[number * 2 + half] = try writer.write(number * 2 + half)
                        progress.update { $0 += 1 }
                    }
                } catch {
                    failures.update { $0.append("\(kind.rawValue): \(error)") }
                }
                let mine = own
                fates.update { $0[kind, default: [:]].merge(mine) { first, _ in first } }
                done.update { $0 += 1 }
            }
        }
        var report = Report()
        let all = writers.count * (each / 2)
        while done.value < writers.count {
            // A move comes when a tenth is written of what may be written until it: nobody waits for it yet, each has
            // something in flight. Later, where a writer has stopped.
            let due = all * (10 * report.moves + 1) / (10 * moves)
            _ = progress.wait(.seconds(5)) { $0 >= due || done.value == writers.count }
            try move(isPlanned: report.moves % 3 == 2)
            report.moves += 1
            gate.set(report.moves)
            if report.moves % 20 == 0 { say("\(report.moves) moves") }
        }
        report.faults = failures.value
        let direct = try pair.direct()
        for kind in Kind.allCases {
            let told = fates.value[kind] ?? [:]
            report.statements += told.count
            report.faults += try Self.judge(kind, told, direct, &report)
        }
        return report
    }

    /// Ends everything.
    public func end() {
        proxy.stop(grace: .seconds(5))
        pair.stop()
    }

    private func move(isPlanned: Bool) throws {
        if isPlanned {
            _ = try proxy.admin("pause wait 5s")
            pair.primary.stop()
            try pair.startStandby()
            _ = try proxy.admin("resume")
        } else {
            pair.failPrimary()
            try pair.startStandby()
        }
    }

    private static func judge(
        _ kind: Kind, _ told: [Int: Fate], _ direct: Client, _ report: inout Report
    ) throws -> [String] {
        var counts: [Int: Int] = [:]
        for row in try direct.query("SELECT n, COUNT(*) FROM \(kind.table) GROUP BY n").rows {
            guard let number = row[0].flatMap({ Int($0) }), let count = row[1].flatMap({ Int($0) }) else { continue }
            counts[number] = count
        }
        let doubled = counts.filter { $0.value > 1 }.keys.sorted()
        let lost = told.filter { $0.value == .written && counts[$0.key] == nil }.keys.sorted()
        let undead = told.filter { $0.value == .absent && counts[$0.key] != nil }.keys.sorted()
        report.absent += told.values.filter { $0 == .absent }.count
        report.unknown += told.values.filter { $0 == .unknown }.count
        var faults: [String] = []
        func add(_ what: String, _ numbers: [Int]) {
            guard !numbers.isEmpty else { return }
            faults.append("\(kind.rawValue): \(numbers.count) \(what), e.g. \(numbers.prefix(5))")
        }
        add("written twice", doubled)
        // kill -9 takes rows of MyISAM that were acknowledged, of a direct connection as well.
        if kind.isTransactional { add("acknowledged and lost", lost) }
        add("said not to be there, and there", undead)
        return faults
    }

    /// One client, which sets itself up again after every error.
    private struct Writer {
        private let kind: Kind
        private let port: UInt16
        private var client: Client
        private var statement: PreparedStatement?
        private var isReady = false

        init(_ kind: Kind, port: UInt16) throws {
            self.kind = kind
            self.port = port
            client = try Self.connect(port)
        }

        private static func connect(_ port: UInt16) throws -> Client {
            try Client(
                port: port, user: EmbeddedPair.application.user, password: EmbeddedPair.application.password,
                schema: EmbeddedPair.schema, multiStatements: true)
        }

        /// Throws what no failover may say.
        mutating func write(_ number: Int) throws -> Fate {
            while true {
                do {
                    if !isReady { try prepare() }
                    isReady = true
                    break
                } catch let error as ClientError where error.isTold {
                    // Nothing has been written yet.
                    continue
                }
            }
            do {
                try send(number)
                return .written
            } catch let error as ClientError {
                isReady = false
                if error.isConnectionLoss {
                    client = try Self.connect(port)
                    return .unknown
                }
                guard error.isTold else { throw error }
                _ = try? client.query("ROLLBACK")
                return error.sqlState == "08007" ? .unknown : .absent
            }
        }

        private mutating func prepare() throws {
            let table = kind.table
            switch kind {
            case .prepared: statement = try client.prepare("INSERT INTO \(table) VALUES (?)")
            case .named: try client.query("PREPARE w FROM 'INSERT INTO \(table) VALUES (?)'")
            case .autocommitOff: try client.query("SET autocommit = 0")
            case .text, .immediate, .returning, .transaction, .several, .procedure, .function, .view, .trigger,
                .notTransactional:
                break
            }
        }

        private func send(_ number: Int) throws {
            let table = kind.table
            switch kind {
            case .text, .notTransactional: try client.query("INSERT INTO \(table) VALUES (\(number))")
            case .prepared: try statement?.execute([.int(Int64(number))])
            case .named:
                try client.query("SET @n = \(number)")
                try client.query("EXECUTE w USING @n")
            case .immediate: try client.query("EXECUTE IMMEDIATE 'INSERT INTO \(table) VALUES (\(number))'")
            case .returning: try client.query("INSERT INTO \(table) VALUES (\(number)) RETURNING n")
            case .transaction:
                try client.query("BEGIN")
                try client.query("INSERT INTO \(table) VALUES (\(number))")
                try client.query("COMMIT")
            case .autocommitOff:
                try client.query("INSERT INTO \(table) VALUES (\(number))")
                try client.query("COMMIT")
            case .several: try client.query("SELECT 1; INSERT INTO \(table) VALUES (\(number)); SELECT 2")
            case .procedure: try client.query("CALL p_write(\(number))")
            // A read that has written, and is not answered yet.
            case .function: try client.query("SELECT f_write(\(number)), SLEEP(0.005)")
            case .view:
                try client.query("SET @v = \(number)")
                try client.query("SELECT w, SLEEP(0.005) FROM v_write")
            case .trigger: try client.query("INSERT INTO source VALUES (\(number))")
            }
        }
    }
}

extension WriteCounter.Kind {
    /// Whether the server takes a statement back that it did not end.
    fileprivate var isTransactional: Bool { self != .notTransactional && self != .view }
    fileprivate var table: String { "w_" + rawValue.replacing(" ", with: "_") }
}

extension ClientError {
    /// What the proxy says of a statement or a session, and nobody else.
    fileprivate var isTold: Bool {
        AnswerDifference.isTold((code: Int(code), state: sqlState, message: message))
    }
}
