import Cluster
import Reactor

/// Finds out what a server's schemas say that statements do not: whether all tables, but for its own, are of an engine that
/// rolls back; which names are views; which columns number their rows; what its stored programs and triggers do.
///
/// The lists are long where there is much, and are read only when the server has created or altered something since, or at
/// every sixth time: a statement that was under way at the last reading had been counted by then. For the columns the
/// server opens every table: they come last, are read again only after a change, and not where there are very many.
final class SchemaReader {
    private let loop: EventLoop
    private var connection: SQLConnection?
    private var deadline: Timer?
    private var completion: ((SchemaReport, Instant) -> Void)?
    private var beganAt = Instant(nanoseconds: 0)
    private var known: (changes: [String], report: SchemaReport, uses: Int)?
    /// The columns as they were last read.
    private var columns: (changes: [String], found: [NumberedColumn]?, readAt: Instant, took: Instant.Span)?
    /// Those of the server before, while this one's have not been read.
    private var columnsBefore: (found: [NumberedColumn], asOf: Instant)?
    /// Those that were last read of this server, with when.
    private var columnsRead: (found: [NumberedColumn], asOf: Instant)? {
        columns.flatMap { columns in columns.found.map { ($0, columns.readAt) } }
    }
    /// What the reading under way has found so far.
    private var report = SchemaReport()
    private var changes: [String] = []
    private var programs = TextPieces(fieldCount: 5)
    private var triggers = TextPieces(fieldCount: 7)
    private var isTooWide = false
    private var seesViews = false
    private var seesTriggers = false
    private var hasSaid = false
    /// Views that call something.
    private var viewPrograms: [StoredProgram] = []
    /// All else has been said.
    private(set) var isReadingColumns = false
    /// They were read too short a time ago to be read again.
    private(set) var columnsDueIn: Instant.Span?

    init(loop: EventLoop) { self.loop = loop }

    var isUnderWay: Bool { completion != nil }

    /// Something is known to have changed.
    func forget() {
        known = nil
        columnsBefore = nil
    }

    /// It is another server, which has the same data.
    func moved() {
        known = nil
        columnsBefore = columnsRead ?? columnsBefore
        columns = nil
    }

    private static let timeMax = Instant.Span.seconds(60)
    private static let usesMax = 6
    /// They take a twentieth of a server's time at most. Meanwhile the last ones are told, with when they were read.
    private static func pause(after took: Instant.Span) -> Instant.Span {
        min(max(.milliseconds(200), took * 20), .seconds(10))
    }
    /// Schemas of more tables are not looked into.
    private static let tablesMax = 3_000

    /// Takes the connection over, and closes it in the end.
    ///
    /// - Parameter completion: with the moment as of which it holds; not called where the server gave no answer, and
    ///   again where more has been read.
    func read(on connection: SQLConnection, _ completion: @escaping (SchemaReport, Instant) -> Void) {
        guard !isUnderWay else { return connection.close() }
        self.connection = connection
        self.completion = completion
        beganAt = MonotonicClock.now()
        deadline = loop.schedule(after: Self.timeMax) { [weak self] in self?.stop() }
        ask(Self.changesQuery) { reader, rows in
            reader.took(changes: rows.map { $0.map { $0 ?? "" }.joined(separator: " ") })
        }
    }

    func stop() {
        completion = nil
        deadline?.cancel()
        connection?.close()
        connection = nil
        programs = TextPieces(fieldCount: 5)
        triggers = TextPieces(fieldCount: 7)
        isReadingColumns = false
    }

    /// A statement that the server refuses ends the reading.
    private func ask(_ statement: String, _ then: @escaping (SchemaReader, [SQLConnection.Row]) -> Void) {
        connection?.query(statement, within: .schema) { [weak self] result in
            guard let self else { return }
            guard case .success(let rows) = result else { return stop() }
            then(self, rows)
        }
    }

    private func took(changes: [String]) {
        if let before = known, before.changes == changes, before.uses < Self.usesMax {
            known?.uses += 1
            return end(before.report)
        }
        self.changes = changes
        report = SchemaReport()
        columnsDueIn = nil
        viewPrograms = []
        ask(Self.sightQuery) { reader, rows in
            let counts = (rows.first ?? []).map { $0.flatMap { Int($0) } ?? 0 }
            let sees = counts.first ?? 0
            reader.seesViews = counts.count == 3 && counts[1] == 2
            reader.seesTriggers = counts.count == 3 && counts[2] > 0
            if sees == 0 { reader.readPrograms() } else { reader.readTables() }
        }
    }

    private func readTables() {
        ask(Self.tablesQuery) { reader, rows in
            guard let row = rows.first, row.count == 2, let count = row[0].flatMap({ Int($0) }) else {
                return reader.stop()
            }
            reader.report.tables =
                count == 0 ? .transactional : .mixed(count: count, example: printable(row[1] ?? "", lengthMax: 200))
            // What a transaction's outcome depends on is said at once where nothing has been said before.
            if !reader.hasSaid {
                reader.hasSaid = true
                reader.completion?(SchemaReport(tables: reader.report.tables, isWhole: false), reader.beganAt)
            }
            reader.ask(Self.viewsQuery) { reader, rows in
                reader.report.views = Self.names(rows)
                reader.ask(Self.countQuery) { reader, rows in
                    reader.isTooWide = (rows.first?.first ?? nil).flatMap { Int($0) } ?? .max > Self.tablesMax
                    reader.readViewTexts()
                }
            }
        }
    }

    /// Where the account may see what views are made of. To whoever names it, a view is what a function is.
    private func readViewTexts() {
        guard seesViews, !isTooWide else { return readPrograms() }
        ask(Self.viewTextsQuery) { reader, rows in
            let texts = rows.compactMap { row -> StoredProgram? in
                guard row.count == 3, let name = row[0], let text = row[1] else { return nil }
                // One that is longer than its piece may do anything.
                let body = row[2] == "1" ? "RETURN (\(text))" : "EXECUTE IMMEDIATE text"
                return StoredProgram(name: name, isFunction: true, body: body, sqlMode: "")
            }
            let byteCount = texts.reduce(0) { $0 + $1.body.utf8.count }
            guard rows.count <= Self.viewTextsMax, byteCount <= SchemaReport.programBytesMax else {
                return reader.readLockingViews()
            }
            reader.viewPrograms = texts
            reader.report.knowsViews = true
            reader.readPrograms()
        }
    }

    /// Where there are too many to read them all.
    private func readLockingViews() {
        ask(Self.lockingViewsQuery) { reader, rows in
            reader.viewPrograms = (Self.names(rows) ?? []).map {
                StoredProgram(name: $0, isFunction: true, body: "RETURN GET_LOCK('', 0)", sqlMode: "")
            }
            reader.readPrograms()
        }
    }

    /// Nil where there are too many.
    private static func names(_ rows: [SQLConnection.Row]) -> [String]? {
        rows.count > SchemaReport.namesMax ? nil : rows.compactMap { $0.first ?? nil }
    }

    private static func columns(_ rows: [SQLConnection.Row]) -> [NumberedColumn]? {
        rows.count > SchemaReport.namesMax
            ? nil
            : rows.compactMap { row in
                guard row.count == 4, let schema = row[0], let table = row[1], let name = row[2] else { return nil }
                return NumberedColumn(schema: schema, table: table, name: name, isFirst: row[3] == "1")
            }
    }

    /// The account may not see them: then nothing is known of them, and the rest holds.
    private func readPrograms() {
        connection?.query(Self.programsQuery(piece: 0), within: .schema) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let rows): took(programs: rows, piece: 0)
            case .failure: readTriggers()
            }
        }
    }

    private func took(programs rows: [SQLConnection.Row], piece: Int) {
        guard programs.take(rows), piece < Self.piecesMax else { return readTriggers() }
        if rows.isEmpty || piece == 0 && !programs.hasMore {
            report.programs = programs.all.map(StoredProgram.init) + viewPrograms
            return readTriggers()
        }
        ask(Self.programsQuery(piece: piece + 1)) { $0.took(programs: $1, piece: piece + 1) }
    }

    /// What writes through a view sets off triggers, too: nothing is known of these where the views are not.
    private func readTriggers() {
        guard seesTriggers, !isTooWide, report.views != nil else { return learned() }
        ask(Self.triggersQuery(piece: 0)) { $0.took(triggers: $1, piece: 0) }
    }

    private func took(triggers rows: [SQLConnection.Row], piece: Int) {
        guard triggers.take(rows), piece < Self.piecesMax else { return learned() }
        if rows.isEmpty || piece == 0 && !triggers.hasMore {
            let all = triggers.all
            let known = all.compactMap(TableTrigger.init)
            if known.count == all.count { report.triggers = known }
            return learned()
        }
        ask(Self.triggersQuery(piece: piece + 1)) { $0.took(triggers: $1, piece: piece + 1) }
    }

    /// All but the columns.
    private func learned() {
        if let columns, columns.changes == changes {
            report.numberedColumns = columns.found
            return learnedAll()
        }
        if report.views == nil || isTooWide { return learnedAll() }
        // Migrations change much.
        let rest = columns.map { Self.pause(after: $0.took) - (beganAt - $0.readAt) } ?? .zero
        if let (found, asOf) = columnsBefore ?? columnsRead {
            report.numberedColumns = found
            report.columnsAsOf = asOf
        }
        columnsDueIn = rest > .zero ? rest : nil
        completion?(report, beganAt)
        if rest > .zero { return stop() }
        isReadingColumns = true
        let askedAt = MonotonicClock.now()
        ask(Self.columnsQuery) { reader, rows in
            reader.columnsBefore = nil
            reader.report.numberedColumns = Self.columns(rows)
            reader.report.columnsAsOf = nil
            reader.columns = (
                reader.changes, reader.report.numberedColumns, reader.beganAt, MonotonicClock.now() - askedAt
            )
            reader.learnedAll()
        }
    }

    private func learnedAll() {
        known = (changes, report, 1)
        end(report)
    }

    private func end(_ report: SchemaReport) {
        guard let completion else { return }
        stop()
        completion(report, beganAt)
    }

    // MARK: statements

    private static let own = "('mysql', 'information_schema', 'performance_schema', 'sys')"

    /// Counted by the server when they begin, whoever sends them.
    private static let changesQuery = """
        SHOW GLOBAL STATUS WHERE (Variable_name LIKE 'Com\\_create\\_%' OR Variable_name LIKE 'Com\\_alter\\_%' \
        OR Variable_name = 'Com_rename_table') AND Variable_name NOT LIKE '%temporary%'
        """

    private static let isOwn = "GRANTEE = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')"

    /// Any privilege on all tables shows them all: `REFERENCES` is the one that allows nothing.
    private static let sightQuery = """
        SELECT COUNT(*), \
        COUNT(DISTINCT IF(PRIVILEGE_TYPE IN ('SELECT', 'SHOW VIEW') AND \(isOwn), PRIVILEGE_TYPE, NULL)), \
        COUNT(IF(PRIVILEGE_TYPE = 'TRIGGER' AND \(isOwn), 1, NULL)) \
        FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE IN ('SELECT', 'INSERT', 'UPDATE', \
        'DELETE', 'CREATE', 'DROP', 'REFERENCES', 'INDEX', 'ALTER', 'CREATE VIEW', 'SHOW VIEW', 'TRIGGER')
        """

    /// A BLACKHOLE keeps no rows; sequences never roll back, whatever their engine.
    private static let tablesQuery = """
        SELECT COUNT(*), MIN(CONCAT(TABLE_SCHEMA, '.', TABLE_NAME, ' (', ENGINE, ')')) FROM information_schema.TABLES \
        WHERE TABLE_TYPE NOT IN ('VIEW', 'SYSTEM VIEW', 'SEQUENCE') \
        AND ENGINE NOT IN ('InnoDB', 'ROCKSDB', 'SEQUENCE', 'BLACKHOLE') AND TABLE_SCHEMA NOT IN \(own)
        """

    private static let viewsQuery = """
        SELECT DISTINCT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE = 'VIEW' \
        AND TABLE_SCHEMA NOT IN \(own) LIMIT \(SchemaReport.namesMax + 1)
        """

    private static let viewTextsMax = 2_000

    /// Nothing can be called without a bracket.
    private static let viewTextsQuery = """
        SELECT TABLE_NAME, SUBSTRING(VIEW_DEFINITION, 1, \(pieceCharacters)), \
        CHAR_LENGTH(VIEW_DEFINITION) <= \(pieceCharacters) FROM information_schema.VIEWS \
        WHERE VIEW_DEFINITION LIKE '%(%' AND TABLE_SCHEMA NOT IN \(own) LIMIT \(viewTextsMax + 1)
        """

    private static let lockingViewsQuery = """
        SELECT DISTINCT TABLE_NAME FROM information_schema.VIEWS WHERE VIEW_DEFINITION LIKE '%get\\_lock(%' \
        AND TABLE_SCHEMA NOT IN \(own) LIMIT \(SchemaReport.namesMax + 1)
        """

    private static let countQuery = """
        SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_TYPE <> 'SYSTEM VIEW' AND TABLE_SCHEMA NOT IN \(own)
        """

    private static let columnsQuery = """
        SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION FROM information_schema.COLUMNS \
        WHERE EXTRA LIKE '%auto_increment%' \
        AND TABLE_SCHEMA NOT IN \(own) LIMIT \(SchemaReport.namesMax + 1)
        """

    /// A packet of the answer has room for so many characters of four bytes.
    private static let pieceCharacters = 3_000
    /// Of one program, a text of ``SchemaReport/programBytesMax``.
    private static let piecesMax = SchemaReport.programBytesMax / pieceCharacters

    /// That piece of the text of every program that is so long.
    private static func programsQuery(piece: Int) -> String {
        """
        SELECT db, CONVERT(name USING utf8mb4), type, sql_mode, \
        SUBSTRING(CONVERT(body_utf8 USING utf8mb4), \(piece * pieceCharacters + 1), \(pieceCharacters)) \
        FROM mysql.proc WHERE db NOT IN \(own) \
        AND CHAR_LENGTH(CONVERT(body_utf8 USING utf8mb4)) > \(piece * pieceCharacters)
        """
    }

    /// The same of the triggers. One is not shown to whoever may not make one on its table.
    private static func triggersQuery(piece: Int) -> String {
        """
        SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, TRIGGER_NAME, EVENT_MANIPULATION, ACTION_TIMING, SQL_MODE, \
        SUBSTRING(CONVERT(ACTION_STATEMENT USING utf8mb4), \(piece * pieceCharacters + 1), \(pieceCharacters)) \
        FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA NOT IN \(own) \
        AND CHAR_LENGTH(ACTION_STATEMENT) > \(piece * pieceCharacters)
        """
    }

    /// Texts as they come, piece by piece: the last field of a row is that, the first three say whose.
    private struct TextPieces {
        let fieldCount: Int
        private var found: [[String]: [String]] = [:]
        private var byteCount = 0
        /// One of them fills its piece.
        private(set) var hasMore = false

        init(fieldCount: Int) { self.fieldCount = fieldCount }

        /// False where it is too much.
        mutating func take(_ rows: [SQLConnection.Row]) -> Bool {
            for row in rows where row.count == fieldCount {
                let fields = row.map { $0 ?? "" }
                byteCount += fields.reduce(0) { $0 + $1.utf8.count }
                guard byteCount <= SchemaReport.programBytesMax else { return false }
                let piece = fields[fieldCount - 1]
                if piece.unicodeScalars.count >= SchemaReader.pieceCharacters { hasMore = true }
                found[Array(fields[..<3]), default: fields.dropLast() + [""]][fieldCount - 1] += piece
            }
            return true
        }

        /// Each with its whole text.
        var all: [[String]] { found.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value) }
    }
}

extension StoredProgram {
    /// A row of `mysql.proc`.
    fileprivate init(row: [String]) {
        self.init(name: row[1], isFunction: row[2] == "FUNCTION", body: row[4], sqlMode: row[3])
    }
}

extension TableTrigger {
    /// A row of `information_schema.TRIGGERS`; nil where it says of an event that nobody knows.
    fileprivate init?(row: [String]) {
        guard let event = Event(rawValue: row[3]) else { return nil }
        self.init(
            schema: row[0], table: row[1], event: event, isBefore: row[4] == "BEFORE", body: row[6], sqlMode: row[5])
    }
}
