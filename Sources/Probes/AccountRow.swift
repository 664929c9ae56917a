import Cluster

/// One row of the server's account table, as the account queries select it.
struct AccountRow {
    /// User, Host, plugin, authentication string, `1` for more than one way to log in.
    static let columns = 5

    /// `mysql.global_priv` (MariaDB 10.4 and later). Roles and locked accounts can't log in. What is longer than any
    /// native password's hash is cut: it is not compared, and one long text must not be the end of the whole reading.
    static let globalPrivileges = """
        SELECT User, Host, LEFT(JSON_VALUE(Priv, '$.plugin'), 64), \
        LEFT(JSON_VALUE(Priv, '$.authentication_string'), 64), \
        JSON_EXISTS(Priv, '$.auth_or') FROM mysql.global_priv \
        WHERE COALESCE(JSON_VALUE(Priv, '$.is_role'), '0') NOT IN ('1', 'true') \
        AND COALESCE(JSON_VALUE(Priv, '$.account_locked'), '0') NOT IN ('1', 'true')
        """

    /// `mysql.user`, for older servers and accounts that may not read the other.
    static let userTable = """
        SELECT User, Host, plugin, LEFT(IF(authentication_string = '', Password, authentication_string), 64), 0 \
        FROM mysql.user WHERE is_role = 'N'
        """

    /// Nil for a row that makes no sense.
    static func account(_ row: [String?]) -> AccountDirectory.Account? {
        guard row.count == columns, let user = row[0], let host = row[1] else { return nil }
        let named = row[2] ?? ""
        let plugin = named.isEmpty ? "mysql_native_password" : named
        let hash = plugin == "mysql_native_password" ? nativeHash(row[3] ?? "") : nil
        // Of several ways the native one serves, if it has a password that can be right.
        let isMultiple = row[4] == "1" && hash == nil
        return AccountDirectory.Account(
            user: user, host: host, plugin: isMultiple ? "multiple" : plugin, nativeHash: hash)
    }

    /// `*` and 40 hexadecimal digits to 20 bytes; empty for no password; nil for text that no password matches
    /// (`invalid`).
    static func nativeHash(_ text: String) -> [UInt8]? {
        let bytes = Array(text.utf8)
        if bytes.isEmpty { return [] }
        guard bytes.count == 41, bytes[0] == UInt8(ascii: "*") else { return nil }
        var hash: [UInt8] = []
        for index in stride(from: 1, to: 41, by: 2) {
            guard let high = digit(bytes[index]), let low = digit(bytes[index + 1]) else { return nil }
            hash.append(high << 4 | low)
        }
        return hash
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
