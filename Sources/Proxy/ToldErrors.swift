import MySQLWire
import Reactor
import Routing

/// What the proxy itself tells a client that the infrastructure fails, by what the client can do then.
public enum ToldError: Int, Hashable, Sendable, CaseIterable {
    /// 1213 (40001): not executed since there was no primary for as long as it may wait; to be run again.
    case heldTooLong
    /// 1213 (40001): rolled back, or not executed; to be run again.
    case rolledBack
    /// 1040 (08004): no primary at login.
    case loginRefused
    /// 1927 (08007): nobody knows whether it took effect.
    case unknown
    /// 1927 (08S02): the session is not what it was.
    case stateLost
    /// 1317 (70100): a part of the answer is missing.
    case interrupted
    case other

    /// The others may hold a server's words, and those a part of a statement.
    fileprivate var isInOurWords: Bool {
        switch self {
        case .heldTooLong, .rolledBack, .loginRefused, .unknown, .interrupted: true
        case .stateLost, .other: false
        }
    }

    init(_ error: ErrorPacket) {
        switch (error.code, error.sqlState) {
        case (1213, _): self = .rolledBack
        case (1040, _): self = .loginRefused
        case (1927, "08007"): self = .unknown
        case (1927, "08S02"): self = .stateLost
        case (1317, _): self = .interrupted
        case _: self = .other
        }
    }
}

/// How many clients were told what.
public struct ToldErrors: Hashable, Sendable {
    private var counts = [UInt64](repeating: 0, count: ToldError.allCases.count)

    public init() {}

    public subscript(error: ToldError) -> UInt64 {
        get { counts[error.rawValue] }
        set { counts[error.rawValue] = newValue }
    }

    public var total: UInt64 { counts.reduce(0, +) }

    public static func + (a: ToldErrors, b: ToldErrors) -> ToldErrors {
        var sum = a
        for error in ToldError.allCases { sum[error] += b[error] }
        return sum
    }

    /// What has come since `earlier`, which counts up to a moment before.
    public func since(_ earlier: ToldErrors) -> ToldErrors {
        var rest = self
        for error in ToldError.allCases { rest[error] -= min(earlier[error], rest[error]) }
        return rest
    }
}

/// The first of its kind since all was well: somebody should know at once.
public struct FirstError: Hashable, Sendable {
    public var kind: ToldError
    public var code: UInt16
    public var sqlState: String
    /// Empty where it may hold a part of a statement.
    public var message: String
    public var session: UInt32
    /// As the client gave it, 80 bytes at most.
    public var user: String
    /// `ip:port`
    public var client: String

    public init(
        kind: ToldError, code: UInt16, sqlState: String, message: String, session: UInt32, user: String, client: String
    ) {
        self.kind = kind
        self.code = code
        self.sqlState = sqlState
        self.message = message
        self.session = session
        self.user = user
        self.client = client
    }
}

extension Worker {
    /// - Parameter isHeldTooLong: it was never sent, and has waited for as long as it may.
    func noteTold(_ s: SessionRef, _ error: ErrorPacket, isHeldTooLong: Bool = false) {
        let kind = isHeldTooLong ? .heldTooLong : ToldError(error)
        told[kind] += 1
        let words = kind.isInOurWords ? String(error.message.prefix(300)) : ""
        note(s, "is told \(error.code) (\(error.sqlState))" + (words.isEmpty ? "" : ": \(words)"))
        if firstTold.episode != trouble.number { firstTold = (trouble.number, []) }
        guard firstTold.kinds.insert(kind).inserted else { return }
        fleet.onService(
            .told(
                FirstError(
                    kind: kind, code: error.code, sqlState: error.sqlState, message: words,
                    session: s.pointee.id, user: Self.printable(s.pointee.credentials.user),
                    client: s.pointee.peer.text), at: MonotonicClock.now()))
    }
}
