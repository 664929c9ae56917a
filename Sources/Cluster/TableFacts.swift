/// What is known of the primary's tables: whether all that a transaction writes is rolled back with it.
public enum TableFacts: Sendable, Hashable {
    /// Nobody has said so.
    case unknown
    /// All tables, but for the server's own, are of an engine with transactions.
    case transactional
    /// Some are not: how many, and one of them, for people.
    case mixed(count: Int, example: String)
}
