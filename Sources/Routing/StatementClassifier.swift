/// Reads SQL far enough to know what it does to data and session; what it cannot read is `opaque`.
public enum StatementClassifier {
    /// Full analysis, not for the hot path.
    public static func classify(
        _ sql: UnsafeRawBufferPointer, dialect: Dialect = .unknown
    ) -> StatementFacts {
        StatementFacts(.opaque, change: .unknown)
    }
}
