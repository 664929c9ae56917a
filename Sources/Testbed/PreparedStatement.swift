import CMariaDB

/// A server-side prepared statement: parameters and rows in the binary protocol. Rows come out as text, which the
/// client library makes from the binary values.
public final class PreparedStatement: @unchecked Sendable {
    public enum Parameter: Sendable, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
        case null
        case int(Int64)
        case double(Double)
        case text(String)
        case bytes([UInt8])

        public init(integerLiteral value: Int64) { self = .int(value) }
        public init(stringLiteral value: String) { self = .text(value) }
    }

    private let handle: UnsafeMutablePointer<MYSQL_STMT>
    /// The connection must outlive the statement.
    private let client: Client
    private var isClosed = false

    init(_ client: Client, _ statement: String) throws(ClientError) {
        guard let made = mysql_stmt_init(client.handle) else {
            throw ClientError(code: 2008, sqlState: "HY000", message: "mysql_stmt_init: out of memory")
        }
        handle = made
        self.client = client
        guard mysql_stmt_prepare(made, statement, UInt(statement.utf8.count)) == 0 else {
            let error = lastError()
            close()
            throw error
        }
    }

    deinit { close() }

    /// COM_STMT_CLOSE. Idempotent.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        mysql_stmt_close(handle)
    }

    public var parameterCount: Int { Int(mysql_stmt_param_count(handle)) }

    /// Ask for a read-only cursor at the next execution, fetched that many rows at a time (COM_STMT_FETCH).
    public func useCursor(prefetch: UInt) {
        var (type, rows) = (UInt(1), prefetch)
        mysql_stmt_attr_set(handle, STMT_ATTR_CURSOR_TYPE, &type)
        mysql_stmt_attr_set(handle, STMT_ATTR_PREFETCH_ROWS, &rows)
    }

    /// COM_STMT_RESET.
    public func reset() throws(ClientError) {
        guard mysql_stmt_reset(handle) == 0 else { throw lastError() }
    }

    /// COM_STMT_EXECUTE, and COM_STMT_SEND_LONG_DATA for the parameters named by `longData`.
    @discardableResult
    public func execute(_ parameters: [Parameter] = [], longData: Set<Int> = []) throws(ClientError) -> Rows {
        let bound = BoundParameters(parameters)
        if !parameters.isEmpty, mysql_stmt_bind_param(handle, bound.binds.baseAddress) != 0 { throw lastError() }
        for index in longData.sorted() where index < parameters.count {
            let bytes = bound.binds[index]
            // In two pieces, to see that pieces add up.
            let (half, whole) = (Int(bytes.buffer_length / 2), Int(bytes.buffer_length))
            guard let start = bytes.buffer?.assumingMemoryBound(to: CChar.self) else { continue }
            guard mysql_stmt_send_long_data(handle, UInt32(index), start, UInt(half)) == 0,
                mysql_stmt_send_long_data(handle, UInt32(index), start + half, UInt(whole - half)) == 0
            else { throw lastError() }
        }
        guard mysql_stmt_execute(handle) == 0 else { throw lastError() }
        var rows = Rows()
        while true {
            rows = try readResult()
            let more = mysql_stmt_next_result(handle)
            if more > 0 { throw lastError() }
            // A procedure's results end with a plain OK; the last rows are what is wanted.
            if more < 0 { return rows }
        }
    }

    private func readResult() throws(ClientError) -> Rows {
        var rows = Rows()
        rows.affectedRows = mysql_stmt_affected_rows(handle)
        rows.insertID = mysql_stmt_insert_id(handle)
        let count = Int(mysql_stmt_field_count(handle))
        guard count > 0 else { return rows }
        if let metadata = mysql_stmt_result_metadata(handle) {
            let fields = mysql_fetch_fields(metadata)
            rows.columns = (0..<count).map { i in fields.flatMap { $0[i].name }.map { String(cString: $0) } ?? "" }
            mysql_free_result(metadata)
        }
        let cells = Cells(count)
        guard mysql_stmt_bind_result(handle, cells.binds.baseAddress) == 0 else { throw lastError() }
        while true {
            let status = mysql_stmt_fetch(handle)
            if status == MYSQL_NO_DATA { break }
            // Every cell is "truncated": the buffers are empty and only the lengths are wanted at first.
            guard status == 0 || status == MYSQL_DATA_TRUNCATED else { throw lastError() }
            var row: [String?] = []
            for index in 0..<count {
                guard cells.isNull[index] == 0 else {
                    row.append(nil)
                    continue
                }
                row.append(try text(of: index, length: Int(cells.lengths[index])))
            }
            rows.rows.append(row)
        }
        mysql_stmt_free_result(handle)
        return rows
    }

    private func text(of column: Int, length: Int) throws(ClientError) -> String {
        // Numbers report the width of the binary value, and are longer as text.
        let capacity = max(length, 64)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 8)
        defer { buffer.deallocate() }
        var bind = MYSQL_BIND()
        var written: UInt = 0
        var null: my_bool = 0
        var failed: my_bool = 0
        let status = withUnsafeMutablePointer(to: &written) { written in
            withUnsafeMutablePointer(to: &null) { null in
                withUnsafeMutablePointer(to: &failed) { failed in
                    bind.buffer_type = MYSQL_TYPE_STRING
                    bind.buffer = buffer.baseAddress
                    bind.buffer_length = UInt(capacity)
                    bind.length = written
                    bind.is_null = null
                    bind.error = failed
                    return mysql_stmt_fetch_column(handle, &bind, UInt32(column), 0)
                }
            }
        }
        guard status == 0 else { throw lastError() }
        return String(decoding: UnsafeRawBufferPointer(buffer)[..<min(Int(written), capacity)], as: UTF8.self)
    }

    private func lastError() -> ClientError {
        ClientError(
            code: mysql_stmt_errno(handle), sqlState: String(cString: mysql_stmt_sqlstate(handle)),
            message: String(cString: mysql_stmt_error(handle)))
    }
}

/// Parameters in memory that stays put while the library reads it.
private final class BoundParameters {
    let binds: UnsafeMutableBufferPointer<MYSQL_BIND>
    private var memory: [UnsafeMutableRawPointer] = []

    init(_ parameters: [PreparedStatement.Parameter]) {
        binds = .allocate(capacity: parameters.count)
        for (index, parameter) in parameters.enumerated() {
            var bind = MYSQL_BIND()
            switch parameter {
            case .null:
                bind.buffer_type = MYSQL_TYPE_NULL
            case .int(let value):
                bind.buffer_type = MYSQL_TYPE_LONGLONG
                bind.buffer = keep(withUnsafeBytes(of: value) { Array($0) })
            case .double(let value):
                bind.buffer_type = MYSQL_TYPE_DOUBLE
                bind.buffer = keep(withUnsafeBytes(of: value) { Array($0) })
            case .text(let value):
                bind.buffer_type = MYSQL_TYPE_STRING
                bind.buffer = keep(Array(value.utf8))
                bind.buffer_length = UInt(value.utf8.count)
            case .bytes(let value):
                bind.buffer_type = MYSQL_TYPE_BLOB
                bind.buffer = keep(value)
                bind.buffer_length = UInt(value.count)
            }
            binds.initializeElement(at: index, to: bind)
        }
    }

    private func keep(_ bytes: [UInt8]) -> UnsafeMutableRawPointer {
        let copy = UnsafeMutableRawPointer.allocate(byteCount: max(bytes.count, 8), alignment: 8)
        bytes.withUnsafeBytes { if let base = $0.baseAddress { copy.copyMemory(from: base, byteCount: $0.count) } }
        memory.append(copy)
        return copy
    }

    deinit {
        for pointer in memory { pointer.deallocate() }
        binds.deallocate()
    }
}

/// The lengths and nulls of a row's cells; the values themselves are fetched one by one.
private final class Cells {
    let binds: UnsafeMutableBufferPointer<MYSQL_BIND>
    let lengths: UnsafeMutableBufferPointer<UInt>
    let isNull: UnsafeMutableBufferPointer<my_bool>
    private let failed: UnsafeMutableBufferPointer<my_bool>

    init(_ count: Int) {
        binds = .allocate(capacity: count)
        lengths = .allocate(capacity: count)
        isNull = .allocate(capacity: count)
        failed = .allocate(capacity: count)
        lengths.initialize(repeating: 0)
        isNull.initialize(repeating: 0)
        failed.initialize(repeating: 0)
        for index in 0..<count {
            var bind = MYSQL_BIND()
            bind.buffer_type = MYSQL_TYPE_STRING
            bind.length = lengths.baseAddress.map { $0 + index }
            bind.is_null = isNull.baseAddress.map { $0 + index }
            bind.error = failed.baseAddress.map { $0 + index }
            binds.initializeElement(at: index, to: bind)
        }
    }

    deinit {
        binds.deallocate()
        lengths.deallocate()
        isNull.deallocate()
        failed.deallocate()
    }
}
