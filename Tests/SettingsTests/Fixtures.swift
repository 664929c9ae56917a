import Foundation

@testable import Settings

/// Secrets from a table instead of files and the environment.
struct TableOfSecrets: SecretSource {
    var secrets: [SecretPlace: String] = [:]

    func secret(at place: SecretPlace) throws(SecretUnavailable) -> String {
        guard let secret = secrets[place] else { throw SecretUnavailable("No such file or directory") }
        return secret
    }
}

/// The example that is shipped: `conf/haproxydb.toml`.
func exampleText() throws -> String {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../conf/haproxydb.toml")
    return try String(contentsOf: root.standardizedFileURL, encoding: .utf8)
}

/// What is wrong with a text, one line each; empty where nothing is.
func complaints(_ text: String, secrets: TableOfSecrets = TableOfSecrets()) -> [String] {
    do {
        _ = try Configuration.parse(text, file: "f", secrets: secrets)
        return []
    } catch {
        return error.errors.map(\.description)
    }
}

/// The smallest configuration that works.
let smallest = """
    [proxy]
    listen = ["0.0.0.0:3306"]

    [[node]]
    name = "cluster1"
    address = "192.168.1.101:3306"

    [health]
    user = "proxy"
    password = "secret"

    """
