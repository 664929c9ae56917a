import CMariaDB
import Glibc
import Health

/// An error of a server, or of libmariadb (2000 and up) on the way to it.
struct SQLError: Error, Hashable, CustomStringConvertible {
    var code: UInt32
    var message: String

    /// The handle's own error, read before it is used again.
    init(_ handle: UnsafeMutablePointer<MYSQL>) {
        code = mysql_errno(handle)
        message = mysql_error(handle).map { String(cString: $0) } ?? ""
    }

    init(code: UInt32, message: String) {
        self.code = code
        self.message = message
    }

    static let noAnswer = SQLError(code: UInt32(CR_SERVER_LOST), message: "no answer in time")

    var description: String { "\(code) \(message)" }

    /// What this error says of a node whose check it ended. Server errors by number:
    /// https://mariadb.com/kb/en/mariadb-error-code-reference/
    var probeResult: ProbeResult {
        let code16 = UInt16(clamping: code)
        switch Int32(clamping: code) {
        case CR_CONNECTION_ERROR, CR_CONN_HOST_ERROR: return connectResult
        case CR_SERVER_GONE_ERROR, CR_SERVER_LOST, CR_SERVER_LOST_EXTENDED, 1927, 4031: return .lost
        // ER_DBACCESS_DENIED, ER_ACCESS_DENIED, ER_HOST_IS_BLOCKED, ER_HOST_NOT_PRIVILEGED, ER_NOT_SUPPORTED_AUTH_MODE,
        // ER_PLUGIN_IS_NOT_LOADED, ER_ACCESS_DENIED_NO_PASSWORD, ER_MUST_CHANGE_PASSWORD, ER_ACCOUNT_HAS_BEEN_LOCKED,
        // and plugins that the client library lacks or that fail.
        case 1044, 1045, 1129, 1130, 1251, 1524, 1698, 1820, 1862, 3118, 4151, CR_AUTH_PLUGIN_CANNOT_LOAD,
            CR_AUTH_PLUGIN_ERR, CR_SECURE_AUTH, CR_SSL_CONNECTION_ERROR:
            return .loginDenied(code: code16, message: message)
        // ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED, ER_OUT_OF_RESOURCES,
        // ER_CANT_CREATE_THREAD
        case 1040, 1041, 1135, 1203, 1226: return .busy(code: code16, message: message)
        // ER_UNKNOWN_COM_ERROR as Galera answers while it joins, ER_SERVER_SHUTDOWN, ER_SERVER_OFFLINE_MODE and
        // MariaDB's own "server is not ready" answers.
        case 1047, 1053, 1077, 1079, 3032: return .starting(code: code16, message: message)
        case _: return .protocolError(description)
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
