/// The database's accounts, as read from the primary or listed in the configuration: enough to check a
/// `mysql_native_password` login without asking a node, never a plain password.
public struct AccountDirectory: Sendable, Hashable {
    public struct Account: Sendable, Hashable {
        public var user: String
        /// The host pattern of the grant (`%`, `localhost`, `10.0.%`); kept for people, the node checks it.
        public var host: String
        /// The authentication plugin; more than one way to log in (`auth_or`) is given as `multiple`.
        public var plugin: String
        /// SHA1(SHA1(password)), 20 bytes; empty for an account without a password; nil where the plugin is not
        /// `mysql_native_password`.
        public var nativeHash: [UInt8]?

        public init(user: String, host: String, plugin: String, nativeHash: [UInt8]?) {
            self.user = user
            self.host = host
            self.plugin = plugin
            self.nativeHash = nativeHash
        }
    }

    private var byUser: [String: [Account]]

    public init(_ accounts: [Account] = []) {
        byUser = Dictionary(grouping: accounts, by: \.user)
    }

    /// One more, after those of the same name.
    public mutating func add(_ account: Account) { byUser[account.user, default: []].append(account) }

    public var isEmpty: Bool { byUser.isEmpty }
    public var count: Int { byUser.values.reduce(0) { $0 + $1.count } }

    /// All accounts of that name, whatever their host: the node has the last word on hosts.
    public func accounts(named user: String) -> [Account] { byUser[user] ?? [] }

    /// These accounts, and those of `other` for names that are not here.
    public func filled(from other: AccountDirectory) -> AccountDirectory {
        var merged = self
        merged.byUser.merge(other.byUser) { mine, _ in mine }
        return merged
    }
}
