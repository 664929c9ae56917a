import Cluster
import Reactor

/// Finds out whether all tables of a server, but for its own, are of an engine that rolls back.
///
/// The list of tables is long where there are many, and is read only when the server has created or altered one since, or
/// at every sixth time: a statement that was under way at the last reading had been counted by then.
final class TableReader {
    private let loop: EventLoop
    private var connection: SQLConnection?
    private var deadline: Timer?
    private var completion: ((TableFacts, Instant) -> Void)?
    private var beganAt = Instant(nanoseconds: 0)
    private var known: (changes: [String], facts: TableFacts, uses: Int)?

    init(loop: EventLoop) { self.loop = loop }

    var isUnderWay: Bool { completion != nil }

    /// It is another server, or something is known to have changed.
    func forget() { known = nil }

    private static let timeMax = Instant.Span.seconds(60)
    private static let usesMax = 6

    /// Takes the connection over, and closes it in the end.
    ///
    /// - Parameter completion: with the moment as of which it holds; not called where the server gave no answer.
    func read(on connection: SQLConnection, _ completion: @escaping (TableFacts, Instant) -> Void) {
        guard !isUnderWay else { return connection.close() }
        self.connection = connection
        self.completion = completion
        beganAt = MonotonicClock.now()
        deadline = loop.schedule(after: Self.timeMax) { [weak self] in self?.stop() }
        connection.query(Self.changes) { [weak self] result in
            guard let self else { return }
            guard case .success(let rows) = result else { return stop() }
            took(changes: rows.map { $0.map { $0 ?? "" }.joined(separator: " ") }, connection)
        }
    }

    func stop() {
        completion = nil
        deadline?.cancel()
        connection?.close()
        connection = nil
    }

    private func took(changes: [String], _ connection: SQLConnection) {
        if let before = known, before.changes == changes, before.uses < Self.usesMax {
            known?.uses += 1
            return end(before.facts)
        }
        connection.query(Self.sight) { [weak self] result in
            guard let self else { return }
            guard case .success(let rows) = result else { return stop() }
            let sees = (rows.first?.first ?? nil).flatMap { Int($0) } ?? 0
            if sees == 0 { return learned(.unknown, changes) }
            list(connection, changes)
        }
    }

    private func list(_ connection: SQLConnection, _ changes: [String]) {
        connection.query(Self.tables) { [weak self] result in
            guard let self else { return }
            guard case .success(let rows) = result, let row = rows.first, row.count == 2,
                let count = row[0].flatMap({ Int($0) })
            else { return stop() }
            learned(
                count == 0 ? .transactional : .mixed(count: count, example: printable(row[1] ?? "", lengthMax: 200)),
                changes)
        }
    }

    private func learned(_ facts: TableFacts, _ changes: [String]) {
        known = (changes, facts, 1)
        end(facts)
    }

    private func end(_ facts: TableFacts) {
        guard let completion else { return }
        stop()
        completion(facts, beganAt)
    }

    /// Counted by the server when they begin, whoever sends them.
    private static let changes = """
        SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_alter_table', 'Com_create_table')
        """

    /// Any privilege on all tables shows them all: `REFERENCES` is the one that allows nothing.
    private static let sight = """
        SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE IN ('SELECT', 'INSERT', 'UPDATE', \
        'DELETE', 'CREATE', 'DROP', 'REFERENCES', 'INDEX', 'ALTER', 'CREATE VIEW', 'SHOW VIEW', 'TRIGGER')
        """

    /// A BLACKHOLE keeps no rows; sequences never roll back, whatever their engine.
    private static let tables = """
        SELECT COUNT(*), MIN(CONCAT(TABLE_SCHEMA, '.', TABLE_NAME, ' (', ENGINE, ')')) FROM information_schema.TABLES \
        WHERE TABLE_TYPE NOT IN ('VIEW', 'SYSTEM VIEW', 'SEQUENCE') \
        AND ENGINE NOT IN ('InnoDB', 'ROCKSDB', 'SEQUENCE', 'BLACKHOLE') \
        AND TABLE_SCHEMA NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
        """
}
