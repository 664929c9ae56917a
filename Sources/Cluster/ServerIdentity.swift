/// How the primary introduces itself: what the proxy's own greeting repeats.
public struct ServerIdentity: Sendable, Hashable {
    /// As in the greeting, e.g. `5.5.5-10.11.19-MariaDB-0+deb12u1` (with the `5.5.5-` prefix if the server sends it).
    public var version: String
    /// Default collation id, the low byte, as in the greeting.
    public var collation: UInt8
    /// Capability flags: low 32 bits the protocol's, high 32 bits MariaDB's extended ones.
    public var capabilities: UInt64
    /// `@@global.wait_timeout` and `@@global.interactive_timeout`: after how long it ends an idle session that sets none
    /// of its own; nil where it does not say.
    public var waitTimeout: Instant.Span?
    public var interactiveTimeout: Instant.Span?

    public init(version: String, collation: UInt8, capabilities: UInt64) {
        self.version = version
        self.collation = collation
        self.capabilities = capabilities
    }
}
