import MySQLWire

/// Which steps of a login a node may have its client take through the proxy.
enum LoginRelay {
    /// Plugins whose answers do not show the password to whoever asks. Others (`mysql_clear_password`, `dialog`,
    /// `mysql_old_password`, and whatever is not known here) may, and a client that is not inside TLS would send it to
    /// everybody on the way, or to a node that is none.
    private static let passedOn: Set<String> = [
        NativePassword.pluginName, "client_ed25519", "parsec", "auth_gssapi_client", "caching_sha2_password",
        "sha256_password",
    ]

    static func passesOn(_ plugin: String) -> Bool { passedOn.contains(plugin) }
}

/// What a node is told for a client that has left in the middle of its login. A server that is left waiting counts it
/// against the proxy's host, and refuses that after `max_connect_errors` of them (error 1129); a wrong answer of the
/// right form it does not (sql_acl.cc: CR_AUTH_HANDSHAKE is counted, CR_AUTH_USER_CREDENTIALS and CR_ERROR are not).
enum LoginFarewell {
    /// No password gives it. `plugin` nil: to a further step of an exchange.
    static func answer(to plugin: String?) -> [UInt8] {
        switch plugin {
        case NativePassword.pluginName?: [UInt8](repeating: 0x2A, count: NativePassword.size)
        case "client_ed25519"?: [UInt8](repeating: 0, count: 64)
        // It first asks for nothing, and then for a salt and a signature.
        case "parsec"?: []
        case nil: [UInt8](repeating: 0, count: 96)
        case _?: [0]
        }
    }
}
