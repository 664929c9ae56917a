enum SQLScanner {
    /// The text of a string literal, or nil where it is none.
    static func contents(ofLiteral text: [UInt8]) -> [UInt8]? {
        guard text.count >= 2, text.first == 0x27, text.last == 0x27 else { return nil }
        let inner = text.dropFirst().dropLast()
        return inner.contains(0x27) || inner.contains(0x5c) ? nil : Array(inner)
    }
}
