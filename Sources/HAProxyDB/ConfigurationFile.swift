import Foundation
import Glibc
import Settings

/// A configuration on disk.
struct ConfigurationFile {
    enum Failure: Error, CustomStringConvertible {
        case unreadable(path: String, reason: String)
        case wrong(ConfigurationErrors)

        /// One error per line.
        var description: String {
            switch self {
            case .unreadable(let path, let reason): "\(path): \(reason)"
            case .wrong(let errors): errors.description
            }
        }
    }

    let path: String

    /// Users' passwords are hashes in it: nobody needs more of them.
    func read() throws(Failure) -> Configuration {
        try hashed(read(secrets: SystemSecrets(configuration: path), host: SystemHost()))
    }

    /// The same on whatever host: a listener that would be in the way of a database here is no error.
    func readElsewhere() throws(Failure) -> Configuration {
        try hashed(read(secrets: SystemSecrets(configuration: path)))
    }

    private func hashed(_ configuration: Configuration) -> Configuration {
        var configuration = configuration
        configuration.users = configuration.users.map {
            Configuration.User(name: $0.name, secret: .nativeHash($0.hash))
        }
        return configuration
    }

    /// The admin socket that the file names. Whoever asks need not be able to read the secrets.
    func adminSocket() throws(Failure) -> String { try read(secrets: NoSecrets()).admin.socket }

    /// Where the log is and when the service is agreed; likewise without the secrets.
    func availability() throws(Failure) -> Configuration.Availability {
        try read(secrets: NoSecrets()).availability
    }

    /// The agent's part of the file.
    func readAgent() throws(Failure) -> AgentConfiguration {
        let text = try text()
        do throws(ConfigurationErrors) {
            return try AgentConfiguration.parse(text, file: path, secrets: SystemSecrets(configuration: path))
        } catch {
            throw .wrong(error)
        }
    }

    private func text() throws(Failure) -> String {
        do throws(SecretUnavailable) {
            return try SecretText.read(path)
        } catch {
            throw .unreadable(path: path, reason: error.reason)
        }
    }

    private func read(
        secrets: some SecretSource, host: some HostSource = UnknownHost()
    ) throws(Failure) -> Configuration {
        let text = try text()
        do throws(ConfigurationErrors) {
            return try Configuration.parse(text, file: path, secrets: secrets, host: host)
        } catch {
            throw .wrong(error)
        }
    }
}

/// Secrets from files and the environment.
private struct SystemSecrets: SecretSource {
    /// Relative paths are meant from its directory.
    let configuration: String

    func secret(at place: SecretPlace) throws(SecretUnavailable) -> String {
        switch place {
        case .environment(let name):
            guard let value = SecretText.take(name) else { throw SecretUnavailable("it is not in the environment") }
            return value
        case .file(let name):
            var text = try SecretText.read(path(of: name))
            if text.hasSuffix("\r\n") || text.hasSuffix("\n") { text.removeLast() }
            return text
        }
    }

    func access(to place: SecretPlace) -> FileAccess? {
        switch place {
        case .environment: nil
        case .file(let name): Self.access(path(of: name))
        }
    }

    var configurationAccess: FileAccess? { Self.access(configuration) }

    private func path(of name: String) -> String {
        let directory = URL(filePath: configuration).deletingLastPathComponent()
        return name.hasPrefix("/") ? name : directory.appending(path: name).path
    }

    private static func access(_ path: String) -> FileAccess? {
        var status = stat()
        return stat(path, &status) == 0 ? FileAccess(path: path, mode: UInt32(status.st_mode) & 0o777) : nil
    }
}

private struct NoSecrets: SecretSource {
    /// Long enough for any of them.
    func secret(at place: SecretPlace) throws(SecretUnavailable) -> String { String(repeating: "-", count: 32) }
}
