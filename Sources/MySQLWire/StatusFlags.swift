/// The server's status in OK and EOF packets. Source: MariaDB's include/mysql_com.h.
@frozen
public struct StatusFlags: OptionSet, Sendable, Hashable {
    public let rawValue: UInt16

    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    // Computed and inlinable: a constant in the caller, where a stored one would be a guarded global.

    /// A transaction is open.
    @inlinable public static var inTransaction: Self { Self(rawValue: 0x0001) }
    @inlinable public static var autocommit: Self { Self(rawValue: 0x0002) }
    /// Another result follows this one.
    @inlinable public static var moreResults: Self { Self(rawValue: 0x0008) }
    @inlinable public static var noGoodIndexUsed: Self { Self(rawValue: 0x0010) }
    @inlinable public static var noIndexUsed: Self { Self(rawValue: 0x0020) }
    /// A cursor was opened; its rows come with COM_STMT_FETCH.
    @inlinable public static var cursorExists: Self { Self(rawValue: 0x0040) }
    /// The cursor is exhausted and closed.
    @inlinable public static var lastRowSent: Self { Self(rawValue: 0x0080) }
    @inlinable public static var dbDropped: Self { Self(rawValue: 0x0100) }
    @inlinable public static var noBackslashEscapes: Self { Self(rawValue: 0x0200) }
    @inlinable public static var metadataChanged: Self { Self(rawValue: 0x0400) }
    @inlinable public static var queryWasSlow: Self { Self(rawValue: 0x0800) }
    /// The result set holds a procedure's OUT parameters.
    @inlinable public static var psOutParams: Self { Self(rawValue: 0x1000) }
    /// The open transaction is READ ONLY.
    @inlinable public static var inTransactionReadonly: Self { Self(rawValue: 0x2000) }
    /// Session state changes are attached to this OK packet.
    @inlinable public static var sessionStateChanged: Self { Self(rawValue: 0x4000) }
    @inlinable public static var ansiQuotes: Self { Self(rawValue: 0x8000) }
}
