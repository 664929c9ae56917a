/// What one side can do, as flags of greeting and handshake response. The low 32 bits are the standard ones; the
/// high 32 are MariaDB's extended ones (bit 32 + n), which travel in the reserved bytes of both packets and mean
/// something only while bit 0 is off: a MariaDB server does not set bit 0 in its greeting.
/// Source: MariaDB's include/mysql_com.h.
public struct Capabilities: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }
    private init(bit: UInt64) { self.rawValue = 1 << bit }

    /// CLIENT_MYSQL: the sender is not MariaDB. In MySQL's words CLIENT_LONG_PASSWORD.
    public static let longPassword = Capabilities(bit: 0)
    public static let foundRows = Capabilities(bit: 1)
    public static let longFlag = Capabilities(bit: 2)
    public static let connectWithDB = Capabilities(bit: 3)
    public static let noSchema = Capabilities(bit: 4)
    public static let compress = Capabilities(bit: 5)
    public static let odbc = Capabilities(bit: 6)
    /// LOAD DATA LOCAL.
    public static let localFiles = Capabilities(bit: 7)
    public static let ignoreSpace = Capabilities(bit: 8)
    public static let protocol41 = Capabilities(bit: 9)
    /// The session's timeout is interactive_timeout.
    public static let interactive = Capabilities(bit: 10)
    public static let ssl = Capabilities(bit: 11)
    public static let ignoreSigpipe = Capabilities(bit: 12)
    public static let transactions = Capabilities(bit: 13)
    public static let reserved = Capabilities(bit: 14)
    public static let secureConnection = Capabilities(bit: 15)
    public static let multiStatements = Capabilities(bit: 16)
    public static let multiResults = Capabilities(bit: 17)
    public static let psMultiResults = Capabilities(bit: 18)
    public static let pluginAuth = Capabilities(bit: 19)
    public static let connectAttributes = Capabilities(bit: 20)
    public static let pluginAuthLenencData = Capabilities(bit: 21)
    public static let expiredPasswords = Capabilities(bit: 22)
    /// OK packets carry session state changes.
    public static let sessionTrack = Capabilities(bit: 23)
    /// Result sets end with an OK packet (header 0xFE), and nothing stands between columns and rows.
    public static let deprecateEOF = Capabilities(bit: 24)
    /// MySQL only.
    public static let optionalMetadata = Capabilities(bit: 25)
    public static let zstd = Capabilities(bit: 26)
    /// MySQL only; changes the form of COM_QUERY.
    public static let queryAttributes = Capabilities(bit: 27)
    /// MySQL only.
    public static let multiFactorAuth = Capabilities(bit: 28)
    /// MariaDB's progress reports, before they were an extended flag.
    public static let progressObsolete = Capabilities(bit: 29)
    public static let sslVerifyServerCert = Capabilities(bit: 30)
    public static let rememberOptions = Capabilities(bit: 31)

    /// Progress reports, as ERR packets with code 0xFFFF.
    public static let progress = Capabilities(bit: 32)
    public static let comMulti = Capabilities(bit: 33)
    public static let bulkOperations = Capabilities(bit: 34)
    public static let extendedMetadata = Capabilities(bit: 35)
    /// The column count says whether column definitions follow.
    public static let cacheMetadata = Capabilities(bit: 36)
    /// COM_STMT_BULK_EXECUTE is answered by a result set, a row per parameter set.
    public static let bulkUnitResults = Capabilities(bit: 37)

    /// What can be carried from client to node and back. Left out: compression and TLS (they wrap the stream), what
    /// only MySQL means (it would change packets that are tracked here), COM_MULTI, `noSchema`, and bit 0, without
    /// which the extended ones would not be read.
    public static let supported: Capabilities = [
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
