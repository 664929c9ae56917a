/// How one HAProxyDB knows another, or itself: a check says at its login who asks, and a listener of HAProxyDB's answers
/// that it is no server. (A login that went through would show the primary behind it: a second one, as it seems.)
public enum ProxyMark {
    /// A connection attribute of every login that a check makes.
    public static let attribute = "program_name"
    public static let check = "haproxydb-check"
    /// Begins the message of the error that such a login is answered with.
    public static let answer = "HAProxyDB: this is a HAProxyDB listener, not a MariaDB server"
    /// Its number: ER_UNKNOWN_ERROR, which no client takes for something that it knows how to answer.
    public static let code: UInt16 = 1105
}
