import CMariaDB
import Cluster
import Glibc
import Health

/// An error of a server, of libmariadb (2000 and up) on the way to it, or of our own about what it sent.
struct SQLError: Error, Hashable, CustomStringConvertible {
    var code: UInt32
    /// Printable, and not longer than ``messageLengthMax``: whatever a node puts into it.
    var message: String
    /// Nil for what a server or the library said.
    var refusal: Intake.Refusal?

    static let messageLengthMax = 256

    /// The handle's own error, read before it is used again.
    init(_ handle: UnsafeMutablePointer<MYSQL>) {
        self.init(
            code: mysql_errno(handle), message: mysql_error(handle).map { String(cString: $0) } ?? "")
    }

    init(code: UInt32, message: String) {
        self.code = code
        self.message = printable(message, lengthMax: SQLError.messageLengthMax)
    }

    init(_ refusal: Intake.Refusal) {
        code = 0
        message = refusal.sentence
        self.refusal = refusal
    }

    static let noAnswer = SQLError(code: UInt32(CR_SERVER_LOST), message: "no answer in time")

    var description: String { refusal == nil ? "\(code) \(message)" : message }

    /// What this error says of a node whose check it ended. Server errors by number:
    /// https://mariadb.com/kb/en/mariadb-error-code-reference/
    var probeResult: ProbeResult {
        if let refusal { return Self.result(of: refusal) }
        let code16 = UInt16(clamping: code)
        switch Int32(clamping: code) {
        case CR_CONNECTION_ERROR, CR_CONN_HOST_ERROR: return connectResult
        case CR_SERVER_GONE_ERROR, CR_SERVER_LOST, CR_SERVER_LOST_EXTENDED, 1927, 4031: return .lost
        // ER_NEW_ABORTING_CONNECTION: the only answer that a session gets whose init_connect failed.
        case 1184: return message.contains("init_connect") ? .initConnectFailed(message) : .lost
        case 1129: return .hostBlocked(message)
        // ER_DBACCESS_DENIED, ER_ACCESS_DENIED, ER_HOST_NOT_PRIVILEGED, ER_NOT_SUPPORTED_AUTH_MODE,
        // ER_PLUGIN_IS_NOT_LOADED, ER_ACCESS_DENIED_NO_PASSWORD, ER_MUST_CHANGE_PASSWORD, ER_ACCOUNT_HAS_BEEN_LOCKED,
        // and plugins that the client library lacks, that fail, or that are not allowed.
        case 1044, 1045, 1130, 1251, 1524, 1698, 1820, 1862, 3118, 4151, CR_AUTH_PLUGIN_CANNOT_LOAD,
            CR_AUTH_PLUGIN_ERR, CR_PLUGIN_NOT_ALLOWED, CR_SECURE_AUTH, CR_SSL_CONNECTION_ERROR:
            return .loginDenied(code: code16, message: message)
        // ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED: the server has room, the account has not.
        case 1203, 1226: return .accountLimited(code: code16, message: message)
        // ER_CON_COUNT_ERROR, ER_OUT_OF_RESOURCES, ER_CANT_CREATE_THREAD
        case 1040, 1041, 1135: return .busy(code: code16, message: message)
        // ER_UNKNOWN_COM_ERROR as Galera answers while it joins, ER_SERVER_SHUTDOWN, ER_SERVER_OFFLINE_MODE and
        // MariaDB's own "server is not ready" answers.
        case 1047, 1053, 1077, 1079, 3032: return .starting(code: code16, message: message)
        case Int32(ProxyMark.code) where message.hasPrefix(ProxyMark.answer): return .proxy
        case _: return .protocolError(description)
        }
    }

    private static func result(of refusal: Intake.Refusal) -> ProbeResult {
        switch refusal {
        case .plugin(let name): .passwordWithheld(plugin: name)
        case .file, .packet, .answer, .rows, .columns, .malformed: .protocolError(refusal.sentence)
        }
    }

    /// The library tells the connect error only in its text: `Can't connect to server on '10.0.0.1' (111)`.
    private var connectResult: ProbeResult {
        switch systemError {
        case ECONNREFUSED: .refused
        case ECONNRESET, EPIPE: .lost
        case ETIMEDOUT: .timeout
        case let error?: .unreachable("\(String(cString: strerror(error))) (\(error))")
        case nil: .unreachable(message)
        }
    }

    private var systemError: Int32? {
        guard let open = message.lastIndex(of: "(") else { return nil }
        let digits = message[message.index(after: open)...].prefix { $0.isASCII && $0.isNumber }
        return Int32(digits)
    }
}

/// What a node says of itself goes to logs and terminals: one line, and not a long one.
func printable(_ text: String, lengthMax: Int) -> String {
    var kept = ""
    for scalar in text.unicodeScalars.prefix(lengthMax) {
        let isPlain: Bool =
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .surrogate, .privateUse: false
            default: true
            }
        kept.unicodeScalars.append(isPlain ? scalar : "?")
    }
    return kept
}
