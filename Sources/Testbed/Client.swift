import CMariaDB
import Foundation

/// What a server (or the client library) answered instead of a result.
public struct ClientError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The server's error number, or the library's own: 2000 to 2999 and 5000 to 5999.
    public let code: UInt32
    public let sqlState: String
    public let message: String

    public init(code: UInt32, sqlState: String, message: String) {
        self.code = code
        self.sqlState = sqlState
        self.message = message
    }

    /// The connection is gone: the client library's own errors, not a server's.
    public var isConnectionLoss: Bool { (2000..<3000).contains(code) || (5000..<6000).contains(code) }
    public var description: String { "ERROR \(code) (\(sqlState)): \(message)" }
}

/// A result as text.
public struct Rows: Sendable, Equatable {
    public var columns: [String] = []
    public var rows: [[String?]] = []
    public var affectedRows: UInt64 = 0
    public var insertID: UInt64 = 0
    public var warnings: UInt32 = 0

    /// The first value of the first row.
    public var first: String? { rows.first?.first ?? nil }
}

/// A blocking client on libmariadb. One thread at a time uses it; it may wander between threads.
public final class Client: @unchecked Sendable {
    let handle: UnsafeMutablePointer<MYSQL>
    private var isClosed = false

    /// - Parameters:
    ///   - readTimeout: of every answer, in seconds; the default is longer than any hold in a test.
    ///   - multiStatements: CLIENT_MULTI_STATEMENTS.
    public init(
        host: String = "127.0.0.1", port: UInt16, user: String, password: String = "", schema: String? = nil,
        connectTimeout: UInt32 = 60, readTimeout: UInt32 = 120, multiStatements: Bool = false,
        localInfile: Bool = false, compress: Bool = false, charset: String = "utf8mb4"
    ) throws(ClientError) {
        _ = Self.library
        guard let made = mysql_init(nil) else {
            throw ClientError(code: 2008, sqlState: "HY000", message: "mysql_init: out of memory")
        }
        handle = made
        var (connect, read, packet, infile) = (connectTimeout, readTimeout, UInt(64 << 20), UInt32(localInfile ? 1 : 0))
        mysql_options(made, MYSQL_OPT_CONNECT_TIMEOUT, &connect)
        mysql_options(made, MYSQL_OPT_READ_TIMEOUT, &read)
        mysql_options(made, MYSQL_OPT_WRITE_TIMEOUT, &read)
        mysql_options(made, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet)
        mysql_options(made, MYSQL_OPT_LOCAL_INFILE, &infile)
        mysql_options(made, MYSQL_SET_CHARSET_NAME, charset)
        if compress { mysql_options(made, MYSQL_OPT_COMPRESS, nil) }
        let flags = multiStatements ? UInt(1 << 16 | 1 << 17) : 0
        guard mysql_real_connect(made, host, user, password, schema, UInt32(port), nil, flags) != nil else {
            let error = lastError()
            mysql_close(made)
            isClosed = true
            throw error
        }
    }

    deinit { close() }

    /// COM_QUIT and close. Idempotent.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        mysql_close(handle)
    }

    /// Closes the socket under the library, as a crash of the client does.
    public func abandon() {
        shutdown(mysql_get_socket(handle), Int32(SHUT_RDWR))
    }

    public var threadID: UInt { mysql_thread_id(handle) }
    public var serverVersion: String { String(cString: mysql_get_server_info(handle)) }
    /// SERVER_STATUS_… of the last answer.
    public var serverStatus: UInt32 { handle.pointee.server_status }
    /// SERVER_STATUS_IN_TRANS of the last answer.
    /// Of the last statement.
    public var warningCount: UInt32 { mysql_warning_count(handle) }
    public var isInTransaction: Bool { serverStatus & 1 != 0 }
    public var characterSet: String { String(cString: mysql_character_set_name(handle)) }

    /// Sends a statement and returns its last result; the results before it are read and dropped.
    @discardableResult
    public func query(_ statement: String) throws(ClientError) -> Rows {
        try results(of: statement).last ?? Rows()
    }

    /// All results of a statement (of several, with `multiStatements`).
    public func results(of statement: String) throws(ClientError) -> [Rows] {
        var text = statement
        let status = text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { mysql_real_query(handle, $0.baseAddress, UInt(bytes.count)) }
        }
        guard status == 0 else { throw lastError() }
        var results: [Rows] = []
        while true {
            results.append(try readResult())
            let more = mysql_next_result(handle)
            if more > 0 { throw lastError() }
            if more < 0 { return results }
        }
    }

    /// Sends a statement without reading the answer: for tests of what happens in between.
    public func send(_ statement: String) throws(ClientError) {
        guard mysql_send_query(handle, statement, UInt(statement.utf8.count)) == 0 else { throw lastError() }
    }

    /// Reads the answer to ``send(_:)``.
    public func receive() throws(ClientError) -> Rows {
        guard mysql_read_query_result(handle) == 0 else { throw lastError() }
        return try readResult()
    }

    /// Reads the rows of a statement one by one and drops them, calling `each` after every row.
    public func stream(_ statement: String, each: (Int) -> Void = { _ in }) throws(ClientError) -> Int {
        try send(statement)
        guard mysql_read_query_result(handle) == 0 else { throw lastError() }
        guard let result = mysql_use_result(handle) else { throw lastError() }
        var count = 0
        while mysql_fetch_row(result) != nil {
            count += 1
            each(count)
        }
        let failed = mysql_errno(handle) != 0 ? lastError() : nil
        mysql_free_result(result)
        if let failed { throw failed }
        return count
    }

    public func ping() throws(ClientError) { try check(mysql_ping(handle)) }
    public func selectSchema(_ name: String) throws(ClientError) { try check(mysql_select_db(handle, name)) }
    /// COM_RESET_CONNECTION.
    public func reset() throws(ClientError) { try check(mysql_reset_connection(handle)) }

    /// COM_CHANGE_USER.
    public func changeUser(_ user: String, password: String, schema: String?) throws(ClientError) {
        guard mysql_change_user(handle, user, password, schema) == 0 else { throw lastError() }
    }

    /// COM_STATISTICS.
    public func statistics() throws(ClientError) -> String {
        guard let text = mysql_stat(handle) else { throw lastError() }
        return String(cString: text)
    }

    /// COM_FIELD_LIST: the columns' names.
    public func fields(of table: String) throws(ClientError) -> [String] {
        guard let result = mysql_list_fields(handle, table, nil) else { throw lastError() }
        defer { mysql_free_result(result) }
        return Self.columns(of: result)
    }

    /// COM_STMT_PREPARE.
    public func prepare(_ statement: String) throws(ClientError) -> PreparedStatement {
        try PreparedStatement(self, statement)
    }

    /// A literal in quotes, escaped for this connection.
    public func quoted(_ text: String) -> String {
        var buffer = [CChar](repeating: 0, count: text.utf8.count * 2 + 1)
        let length = mysql_real_escape_string(handle, &buffer, text, UInt(text.utf8.count))
        return "'" + String(decoding: buffer[..<Int(length)].map(UInt8.init(bitPattern:)), as: UTF8.self) + "'"
    }

    private func check(_ status: Int32) throws(ClientError) {
        guard status == 0 else { throw lastError() }
    }

    private func lastError() -> ClientError {
        ClientError(
            code: mysql_errno(handle), sqlState: String(cString: mysql_sqlstate(handle)),
            message: String(cString: mysql_error(handle)))
    }

    private func readResult() throws(ClientError) -> Rows {
        var rows = Rows()
        guard let result = mysql_store_result(handle) else {
            // Of a connection that ended in the middle of a result the library forgets that it had columns.
            guard mysql_field_count(handle) == 0, mysql_errno(handle) == 0 else { throw lastError() }
            rows.affectedRows = mysql_affected_rows(handle)
            rows.insertID = mysql_insert_id(handle)
            rows.warnings = mysql_warning_count(handle)
            return rows
        }
        defer { mysql_free_result(result) }
        rows.columns = Self.columns(of: result)
        while let row = mysql_fetch_row(result) {
            guard let lengths = mysql_fetch_lengths(result) else { break }
            rows.rows.append(
                rows.columns.indices.map { index in
                    guard let value = row[index] else { return nil }
                    let bytes = UnsafeRawBufferPointer(start: value, count: Int(lengths[index]))
                    return String(decoding: bytes, as: UTF8.self)
                })
        }
        rows.affectedRows = mysql_affected_rows(handle)
        rows.warnings = mysql_warning_count(handle)
        return rows
    }

    private static func columns(of result: UnsafeMutablePointer<MYSQL_RES>) -> [String] {
        let fields = mysql_fetch_fields(result)
        return (0..<Int(mysql_num_fields(result))).map { index in
            fields.flatMap { $0[index].name }.map { String(cString: $0) } ?? ""
        }
    }

    /// Initialised once per process, before any thread uses it. SIGPIPE would end the process at a lost peer.
    private static let library: Bool = {
        signal(SIGPIPE, SIG_IGN)
        return mysql_server_init(0, nil, nil) == 0
    }()
}
