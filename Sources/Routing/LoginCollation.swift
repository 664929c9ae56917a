/// A collation by its number, as a login or COM_CHANGE_USER says it: it gives the session its character sets.
public enum LoginCollation {
    /// The texts that do the same. A server that does not know the number refuses the first, and then the second changes
    /// nothing in a session whose character sets are the server's own.
    public static func texts(_ number: UInt16) -> [[UInt8]] {
        // Only a collation may be set by such a number.
        [
            Array("SET @@session.collation_connection=\(number)".utf8),
            Array(
                ("SET @@session.character_set_client=@@session.character_set_connection,"
                    + "@@session.character_set_results=@@session.character_set_connection").utf8),
        ]
    }
}
