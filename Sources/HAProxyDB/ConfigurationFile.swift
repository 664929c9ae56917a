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

    func read() throws(Failure) -> Configuration { try read(secrets: SystemSecrets(configuration: path)) }

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
        switch readText(path) {
        case .success(let content): return content
        case .failure(let error): throw .unreadable(path: path, reason: error.reason)
        }
    }

    private func read(secrets: some SecretSource) throws(Failure) -> Configuration {
        let text = try text()
        do throws(ConfigurationErrors) {
            return try Configuration.parse(text, file: path, secrets: secrets)
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
            guard let value = getenv(name) else { throw SecretUnavailable("it is not in the environment") }
            return String(cString: value)
        case .file(let name):
            var text = try readText(path(of: name)).get()
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

/// At most 1 MiB: neither a configuration nor a secret is longer.
private func readText(_ path: String) -> Result<String, SecretUnavailable> {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return .failure(SecretUnavailable(String(cString: strerror(errno)))) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        if count < 0 { return .failure(SecretUnavailable(String(cString: strerror(errno)))) }
        if count == 0 { break }
        bytes += buffer[..<count]
        if bytes.count > 1 << 20 { return .failure(SecretUnavailable("is longer than 1 MiB")) }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
        return .failure(SecretUnavailable("is not UTF-8"))
    }
    return .success(text)
}
