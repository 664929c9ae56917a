import Cluster
import MySQLWire

/// A login, or a COM_CHANGE_USER, that a node refused: for the log, so that somebody who guesses passwords is seen.
public struct RefusedLogin: Sendable, Hashable {
    /// As the client gave it, 80 bytes at most.
    public var user: String
    /// `ip:port`
    public var client: String
    /// The node's error, as the client got it.
    public var code: UInt16
    public var message: String
    /// It is no answer to the client: it waits, with others of its account, until one of them is let in.
    public var waits = false
    /// Refused since the one told before, and not told.
    public var untold: UInt64 = 0
}

extension RefusedLogin {
    init(_ s: SessionRef, _ error: ErrorPacket) {
        self.init(
            user: String(decoding: s.pointee.credentials.user.prefix(80), as: UTF8.self),
            client: s.pointee.peer.text, code: error.code, message: String(error.message.prefix(200)))
    }
}

/// Tells a few by name, and how many more there were. Pure.
struct RefusedLoginTeller {
    /// By one worker, in a second.
    static let perSecondMax = 4
    private var windowBegan = Instant(nanoseconds: 0)
    private var told = 0
    private var untold: UInt64 = 0

    /// What is to be said of it; nil for nothing now.
    mutating func refused(_ login: RefusedLogin, at now: Instant) -> RefusedLogin? {
        if now - windowBegan >= .seconds(1) {
            windowBegan = now
            told = 0
        }
        guard told < Self.perSecondMax else {
            untold += 1
            return nil
        }
        told += 1
        var login = login
        login.untold = untold
        untold = 0
        return login
    }
}
