/// A part of a session's state that can be lost for itself.
public enum RestorationPart: Sendable, Hashable {
    case role
    case schema([UInt8])
    case names
    /// Several system variables: they are tried one by one before any is lost.
    case variables
    case variable([UInt8])
    case userVariables
    case nextTransaction

    /// For people.
    public var description: String {
        switch self {
        case .role: "the role"
        case .schema(let name): "the default schema '\(String(decoding: name.prefix(192), as: UTF8.self))'"
        case .names: "the character set"
        case .variables: "system variables"
        case .variable(let name): "@@\(String(decoding: name.prefix(64), as: UTF8.self))"
        case .userVariables: "user variables"
        case .nextTransaction: "the characteristics of the next transaction"
        }
    }
}
