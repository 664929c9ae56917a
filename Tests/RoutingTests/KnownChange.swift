@testable import Routing

extension SchemaKnowledge {
    /// Of a statement, with what its programs and triggers do.
    func change(ofText text: String, isCurrent: Bool) -> SessionChangeKind? {
        let dialect = Dialect(status: 0, characterSet: .safe)
        return Array(text.utf8).withUnsafeBytes {
            change(
                StatementClassifier.classify($0, dialect: dialect).change, of: $0, dialect: dialect,
                isCurrent: isCurrent)
        }
    }
}
