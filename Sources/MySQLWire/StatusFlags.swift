/// The server's status in OK and EOF packets. Source: MariaDB's include/mysql_com.h.
public struct StatusFlags: OptionSet, Sendable, Hashable {
    public let rawValue: UInt16

    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// A transaction is open.
    public static let inTransaction = StatusFlags(rawValue: 0x0001)
    public static let autocommit = StatusFlags(rawValue: 0x0002)
    /// Another result follows this one.
    public static let moreResults = StatusFlags(rawValue: 0x0008)
    public static let noGoodIndexUsed = StatusFlags(rawValue: 0x0010)
    public static let noIndexUsed = StatusFlags(rawValue: 0x0020)
    /// A cursor was opened; its rows come with COM_STMT_FETCH.
    public static let cursorExists = StatusFlags(rawValue: 0x0040)
    /// The cursor is exhausted and closed.
    public static let lastRowSent = StatusFlags(rawValue: 0x0080)
    public static let dbDropped = StatusFlags(rawValue: 0x0100)
    public static let noBackslashEscapes = StatusFlags(rawValue: 0x0200)
    public static let metadataChanged = StatusFlags(rawValue: 0x0400)
    public static let queryWasSlow = StatusFlags(rawValue: 0x0800)
    /// The result set holds a procedure's OUT parameters.
    public static let psOutParams = StatusFlags(rawValue: 0x1000)
    /// The open transaction is READ ONLY.
    public static let inTransactionReadonly = StatusFlags(rawValue: 0x2000)
    /// Session state changes are attached to this OK packet.
    public static let sessionStateChanged = StatusFlags(rawValue: 0x4000)
    public static let ansiQuotes = StatusFlags(rawValue: 0x8000)
}
