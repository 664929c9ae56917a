/// Why bytes could not be read as what they should be. The text names what was being read (`greeting: scramble`),
/// never the bytes themselves: they may hold a password's token.
public enum WireError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The payload ends before the value does.
    case truncated(String)
    /// The bytes are there and mean nothing.
    case malformed(String)
    /// A dialect that is recognised and not spoken (a client older than 4.1).
    case unsupported(String)

    public var description: String {
        switch self {
        case .truncated(let what): "truncated \(what)"
        case .malformed(let what): "malformed \(what)"
        case .unsupported(let what): "unsupported \(what)"
        }
    }
}
