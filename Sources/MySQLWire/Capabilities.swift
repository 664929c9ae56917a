/// What one side can do, as flags of greeting and handshake response. The low 32 bits are the standard ones; the
/// high 32 are MariaDB's extended ones (bit 32 + n), which travel in the reserved bytes of both packets and mean
/// something only while bit 0 is off: a MariaDB server does not set bit 0 in its greeting.
/// Source: MariaDB's include/mysql_com.h.
@frozen
public struct Capabilities: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64

    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable init(bit: UInt64) { self.rawValue = 1 << bit }

    // Computed and inlinable: a constant in the caller, where a stored one would be a guarded global.

    /// CLIENT_MYSQL: the sender is not MariaDB. In MySQL's words CLIENT_LONG_PASSWORD.
    @inlinable public static var longPassword: Self { Self(bit: 0) }
    @inlinable public static var foundRows: Self { Self(bit: 1) }
    @inlinable public static var longFlag: Self { Self(bit: 2) }
    @inlinable public static var connectWithDB: Self { Self(bit: 3) }
    @inlinable public static var noSchema: Self { Self(bit: 4) }
    @inlinable public static var compress: Self { Self(bit: 5) }
    @inlinable public static var odbc: Self { Self(bit: 6) }
    /// LOAD DATA LOCAL.
    @inlinable public static var localFiles: Self { Self(bit: 7) }
    @inlinable public static var ignoreSpace: Self { Self(bit: 8) }
    @inlinable public static var protocol41: Self { Self(bit: 9) }
    /// The session's timeout is interactive_timeout.
    @inlinable public static var interactive: Self { Self(bit: 10) }
    @inlinable public static var ssl: Self { Self(bit: 11) }
    @inlinable public static var ignoreSigpipe: Self { Self(bit: 12) }
    @inlinable public static var transactions: Self { Self(bit: 13) }
    @inlinable public static var reserved: Self { Self(bit: 14) }
    @inlinable public static var secureConnection: Self { Self(bit: 15) }
    @inlinable public static var multiStatements: Self { Self(bit: 16) }
    @inlinable public static var multiResults: Self { Self(bit: 17) }
    @inlinable public static var psMultiResults: Self { Self(bit: 18) }
    @inlinable public static var pluginAuth: Self { Self(bit: 19) }
    @inlinable public static var connectAttributes: Self { Self(bit: 20) }
    @inlinable public static var pluginAuthLenencData: Self { Self(bit: 21) }
    @inlinable public static var expiredPasswords: Self { Self(bit: 22) }
    /// OK packets carry session state changes.
    @inlinable public static var sessionTrack: Self { Self(bit: 23) }
    /// Result sets end with an OK packet (header 0xFE), and nothing stands between columns and rows.
    @inlinable public static var deprecateEOF: Self { Self(bit: 24) }
    /// MySQL only.
    @inlinable public static var optionalMetadata: Self { Self(bit: 25) }
    @inlinable public static var zstd: Self { Self(bit: 26) }
    /// MySQL only; changes the form of COM_QUERY.
    @inlinable public static var queryAttributes: Self { Self(bit: 27) }
    /// MySQL only.
    @inlinable public static var multiFactorAuth: Self { Self(bit: 28) }
    /// MariaDB's progress reports, before they were an extended flag.
    @inlinable public static var progressObsolete: Self { Self(bit: 29) }
    @inlinable public static var sslVerifyServerCert: Self { Self(bit: 30) }
    @inlinable public static var rememberOptions: Self { Self(bit: 31) }

    /// Progress reports, as ERR packets with code 0xFFFF.
    @inlinable public static var progress: Self { Self(bit: 32) }
    @inlinable public static var comMulti: Self { Self(bit: 33) }
    @inlinable public static var bulkOperations: Self { Self(bit: 34) }
    @inlinable public static var extendedMetadata: Self { Self(bit: 35) }
    /// The column count says whether column definitions follow.
    @inlinable public static var cacheMetadata: Self { Self(bit: 36) }
    /// COM_STMT_BULK_EXECUTE is answered by a result set, a row per parameter set.
    @inlinable public static var bulkUnitResults: Self { Self(bit: 37) }

    /// What can be carried from client to node and back. Left out: compression and TLS (they wrap the stream), what
    /// only MySQL means (it would change packets that are tracked here), COM_MULTI, `noSchema`, and bit 0, without
    /// which the extended ones would not be read.
    public static let supported: Self = [
        .foundRows, .longFlag, .connectWithDB, .odbc, .localFiles, .ignoreSpace, .protocol41, .interactive,
        .ignoreSigpipe, .transactions, .reserved, .secureConnection, .multiStatements, .multiResults,
        .psMultiResults, .pluginAuth, .connectAttributes, .pluginAuthLenencData, .expiredPasswords, .sessionTrack,
        .deprecateEOF, .progress, .bulkOperations, .extendedMetadata, .cacheMetadata, .bulkUnitResults,
    ]

    /// The low 32 bits.
    public var standard: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
    /// The high 32 bits.
    public var extended: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }
}
