import Testing

@testable import Settings

/// Files with these modes, and the secret `0123456789abcdef…` in all of them.
private struct FilesWithModes: SecretSource {
    var configuration: UInt32 = 0o600
    var secret: UInt32 = 0o600

    func secret(at place: SecretPlace) throws(SecretUnavailable) -> String { "0123456789abcdef0123456789abcdef" }

    func access(to place: SecretPlace) -> FileAccess? {
        switch place {
        case .environment: nil
        case .file(let name): FileAccess(path: "/etc/\(name)", mode: secret)
        }
    }

    var configurationAccess: FileAccess? { FileAccess(path: "/etc/x y.toml", mode: configuration) }
}

@Suite struct WarningTests {
    private func warnings(_ text: String, _ files: FilesWithModes = FilesWithModes()) throws -> [String] {
        try Configuration.parse(text, file: "f", secrets: files).warnings.map(\.description)
    }

    @Test func aConfigurationWithASecretThatOthersMayReadIsToldOnce() throws {
        let text = smallest + "[users]\napp = { password = \"x\" }\n[admin]\nhttp_token = \"0123456789abcdef\""
        #expect(
            try warnings(text, FilesWithModes(configuration: 0o644)) == [
                "f:10:12: warning: health.password: stands where others see it: everybody on this host may read "
                    + "/etc/x y.toml (mode 0644); chmod o-rwx '/etc/x y.toml'"
            ])
        #expect(
            try warnings(text, FilesWithModes(configuration: 0o660)) == [
                "f:10:12: warning: health.password: stands where others see it: its group may change "
                    + "/etc/x y.toml (mode 0660); chmod g-w '/etc/x y.toml'"
            ])
    }

    @Test(arguments: [0o600, 0o400, 0o640, 0o440] as [UInt32]) func theGroupMayRead(_ mode: UInt32) throws {
        #expect(try warnings(smallest, FilesWithModes(configuration: mode, secret: mode)) == [])
    }

    @Test func aConfigurationWithoutSecretsMayBeReadByAll() throws {
        let text = smallest.replacing("password = \"secret\"", with: "password_file = \"pw\"")
        #expect(try warnings(text, FilesWithModes(configuration: 0o644)) == [])
        let environment = smallest.replacing("password = \"secret\"", with: "password_env = \"PW\"")
        #expect(try warnings(environment, FilesWithModes(configuration: 0o644, secret: 0o644)) == [])
    }

    /// Every place where a secret may stand.
    @Test(arguments: [
        ("[users]\napp = \"*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19\"", "f:12:7: warning: users.app: "),
        ("[users]\napp = { password = \"x\" }", "f:12:20: warning: users.app.password: "),
        ("[cluster]\nkey = \"0123456789abcdef\"", "f:12:7: warning: cluster.key: "),
        ("[admin]\nhttp_token = \"0123456789abcdef\"", "f:12:14: warning: admin.http_token: "),
    ]) func secretsInTheConfiguration(_ section: String, _ beginning: String) throws {
        let text = smallest.replacing("password = \"secret\"", with: "password_env = \"PW\"") + section
        let found = try warnings(text, FilesWithModes(configuration: 0o604))
        #expect(found.count == 1 && found[0].hasPrefix(beginning), "\(found)")
    }

    @Test(arguments: [
        ("[users]\napp = { password_file = \"pw\" }", "f:12:25: warning: users.app.password_file: "),
        ("[cluster]\nkey_file = \"pw\"", "f:12:12: warning: cluster.key_file: "),
        ("[admin]\nhttp_token_file = \"pw\"", "f:12:19: warning: admin.http_token_file: "),
    ]) func secretsInFiles(_ section: String, _ beginning: String) throws {
        let text = smallest + section
        #expect(
            try warnings(text, FilesWithModes(secret: 0o666)) == [
                beginning + "everybody on this host may change /etc/pw (mode 0666); chmod o-rwx /etc/pw"
            ])
    }

    @Test(arguments: [
        (
            "tcp = \"0.0.0.0:9999\"\ntcp_level = \"admin\"",
            "f:13:13: warning: admin.tcp_level: whoever reaches 0.0.0.0:9999 is \"admin\" there, without a login; write "
                + "\"user\", or let tcp listen on 127.0.0.1"
        ),
        (
            "tcp_level = \"operator\"\ntcp = \"10.0.0.1:9999\"",
            "f:12:13: warning: admin.tcp_level: whoever reaches 10.0.0.1:9999 is \"operator\" there, without a login; "
                + "write \"user\", or let tcp listen on 127.0.0.1"
        ),
        (
            "socket_mode = \"0666\"",
            "f:12:15: warning: admin.socket_mode: everybody on this host may connect, as \"admin\"; write \"0660\" (and "
                + "socket_group), or level = \"user\""
        ),
    ]) func openDoors(_ keys: String, _ warning: String) throws {
        #expect(try warnings(smallest + "[admin]\n" + keys) == [warning])
    }

    @Test(arguments: [
        "tcp = \"127.0.0.1:9999\"\ntcp_level = \"admin\"", "tcp = \"0.0.0.0:9999\"", "tcp_level = \"admin\"",
        "socket_mode = \"0666\"\nlevel = \"user\"", "socket_mode = \"0664\"", "socket_mode = \"0660\"",
    ]) func closedDoors(_ keys: String) throws {
        #expect(try warnings(smallest + "[admin]\n" + keys) == [])
    }

    @Test func theAgentsConfiguration() throws {
        let text = "[agent]\nnode = \"a\"\nsocket_mode = \"0666\"\n[cluster]\nkey_file = \"key\""
        let found = try AgentConfiguration.parse(text, file: "f", secrets: FilesWithModes(secret: 0o644)).warnings
        #expect(
            found.map(\.description) == [
                "f:3:15: warning: agent.socket_mode: everybody on this host may connect, and pause the proxies; write "
                    + "\"0660\"",
                "f:5:12: warning: cluster.key_file: everybody on this host may read /etc/key (mode 0644); "
                    + "chmod o-rwx /etc/key",
            ])
    }
}
