/// Where a secret stands that is not in the configuration itself.
public enum SecretPlace: Sendable, Hashable {
    /// As written: a relative path is meant from the configuration's own directory.
    case file(String)
    case environment(String)
}

/// Why a secret can't be had: the rest of a sentence, e.g. `No such file or directory`.
public struct SecretUnavailable: Error, Sendable, Hashable {
    public var reason: String

    public init(_ reason: String) { self.reason = reason }
}

/// Fetches secrets for ``Configuration/parse(_:file:secrets:)``, which itself reads neither files nor the environment.
public protocol SecretSource {
    /// The secret, without a last line end.
    func secret(at place: SecretPlace) throws(SecretUnavailable) -> String
    /// Who may do what with the file of a secret; nil where there is none, or that is not known.
    func access(to place: SecretPlace) -> FileAccess?
    /// The same of the configuration itself.
    var configurationAccess: FileAccess? { get }
}

extension SecretSource {
    public func access(to place: SecretPlace) -> FileAccess? { nil }
    public var configurationAccess: FileAccess? { nil }
}
