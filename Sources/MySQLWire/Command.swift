/// The first byte of a client's packet in the command phase. Numbers without a case here are no commands; the server
/// answers those with error 1047. Source: MariaDB's include/mysql_com.h (enum_server_command), and MySQL's for 29, 30.
public enum Command: UInt8, Sendable, CaseIterable {
    case sleep = 0
    case quit = 1
    case initDB = 2
    case query = 3
    case fieldList = 4
    case createDB = 5
    case dropDB = 6
    case refresh = 7
    case shutdown = 8
    case statistics = 9
    case processInfo = 10
    case connect = 11
    case processKill = 12
    case debug = 13
    case ping = 14
    case time = 15
    case delayedInsert = 16
    case changeUser = 17
    case binlogDump = 18
    case tableDump = 19
    case connectOut = 20
    case registerSlave = 21
    case statementPrepare = 22
    case statementExecute = 23
    case statementSendLongData = 24
    case statementClose = 25
    case statementReset = 26
    case setOption = 27
    case statementFetch = 28
    case daemon = 29
    case binlogDumpGTID = 30
    case resetConnection = 31
    case bulkExecute = 250
    case slaveWorker = 251
    case slaveIO = 252
    case slaveSQL = 253
    case multi = 254

    /// The protocol's name for it.
    public var name: String {
        switch self {
        case .sleep: "COM_SLEEP"
        case .quit: "COM_QUIT"
        case .initDB: "COM_INIT_DB"
        case .query: "COM_QUERY"
        case .fieldList: "COM_FIELD_LIST"
        case .createDB: "COM_CREATE_DB"
        case .dropDB: "COM_DROP_DB"
        case .refresh: "COM_REFRESH"
        case .shutdown: "COM_SHUTDOWN"
        case .statistics: "COM_STATISTICS"
        case .processInfo: "COM_PROCESS_INFO"
        case .connect: "COM_CONNECT"
        case .processKill: "COM_PROCESS_KILL"
        case .debug: "COM_DEBUG"
        case .ping: "COM_PING"
        case .time: "COM_TIME"
        case .delayedInsert: "COM_DELAYED_INSERT"
        case .changeUser: "COM_CHANGE_USER"
        case .binlogDump: "COM_BINLOG_DUMP"
        case .tableDump: "COM_TABLE_DUMP"
        case .connectOut: "COM_CONNECT_OUT"
        case .registerSlave: "COM_REGISTER_SLAVE"
        case .statementPrepare: "COM_STMT_PREPARE"
        case .statementExecute: "COM_STMT_EXECUTE"
        case .statementSendLongData: "COM_STMT_SEND_LONG_DATA"
        case .statementClose: "COM_STMT_CLOSE"
        case .statementReset: "COM_STMT_RESET"
        case .setOption: "COM_SET_OPTION"
        case .statementFetch: "COM_STMT_FETCH"
        case .daemon: "COM_DAEMON"
        case .binlogDumpGTID: "COM_BINLOG_DUMP_GTID"
        case .resetConnection: "COM_RESET_CONNECTION"
        case .bulkExecute: "COM_STMT_BULK_EXECUTE"
        case .slaveWorker: "COM_SLAVE_WORKER"
        case .slaveIO: "COM_SLAVE_IO"
        case .slaveSQL: "COM_SLAVE_SQL"
        case .multi: "COM_MULTI"
        }
    }

    /// The server sends nothing back.
    @inlinable
    public var isUnanswered: Bool {
        self == .quit || self == .statementClose || self == .statementSendLongData
    }

    /// The command's first parameter is a statement id (see `CommandPacket.statementID`).
    @inlinable
    public var namesStatement: Bool {
        switch self {
        case .statementExecute, .statementSendLongData, .statementClose, .statementReset, .statementFetch, .bulkExecute:
            true
        case .sleep, .quit, .initDB, .query, .fieldList, .createDB, .dropDB, .refresh, .shutdown, .statistics,
            .processInfo, .connect, .processKill, .debug, .ping, .time, .delayedInsert, .changeUser, .binlogDump,
            .tableDump, .connectOut, .registerSlave, .statementPrepare, .setOption, .daemon, .binlogDumpGTID,
            .resetConnection, .slaveWorker, .slaveIO, .slaveSQL, .multi:
            false
        }
    }
}

/// A client's packet in the command phase, as far as its first bytes tell; nothing is copied.
public enum CommandPacket {
    /// The id that stands for "the statement prepared last" in MariaDB's COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE.
    public static let lastPrepared: UInt32 = 0xFFFF_FFFF

    /// nil for an empty payload and for a number that is no command.
    @inlinable
    public static func command(_ payload: UnsafeRawBufferPointer) -> Command? {
        payload.count > 0 ? Command(rawValue: payload.byte(at: 0)) : nil
    }

    /// The statement id of execute, bulk execute, long data, fetch, reset and close: 4 bytes at offset 1. nil where
    /// the payload is shorter.
    @inlinable
    public static func statementID(_ payload: UnsafeRawBufferPointer) -> UInt32? {
        payload.count >= 5 ? payload.uint32(at: 1) : nil
    }

    /// Writes a statement id over the one at `payload + 1`; false where the payload is shorter than 5 bytes.
    @inlinable
    @discardableResult
    public static func replaceStatementID(_ id: UInt32, in payload: UnsafeMutableRawBufferPointer) -> Bool {
        guard payload.count >= 5 else { return false }
        payload.set(id, at: 1)
        return true
    }

    /// COM_STMT_EXECUTE's cursor type, the byte at offset 5: 0 none, 1 read-only.
    @inlinable
    public static func cursorType(_ payload: UnsafeRawBufferPointer) -> UInt8? {
        payload.count >= 6 ? payload.byte(at: 5) : nil
    }
}
