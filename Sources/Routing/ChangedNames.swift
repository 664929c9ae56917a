import Cluster

/// Of which tables what has been read of the schemas may not hold any more: the names in the statements that create, alter
/// or rename something, each with when the last of them began or ended.
public struct ChangedNames: Sendable {
    /// More of them are not told apart.
    static let namesMax = 4096
    /// Longer texts are not looked through.
    static let textMax = 16 * 1024

    private var moments: [[UInt8]: Instant] = [:]
    /// When it was last not known what is changed.
    private var any: Instant?
    /// What has changed before is not known any more.
    private var knownSince: Instant?

    public init() {}

    /// A statement begins, or has ended. `text`: nil where it is not kept.
    public mutating func note(_ text: UnsafeRawBufferPointer?, at moment: Instant) {
        guard let names = text.flatMap(Self.names), moments.count + names.count <= Self.namesMax else {
            any = moment
            return
        }
        for name in names { moments[name] = moment }
    }

    /// What was read of the schemas at that moment still holds for all that stands in this text of an insert.
    public func isUnchanged(_ text: UnsafeRawBufferPointer, since moment: Instant) -> Bool {
        if let any, any >= moment { return false }
        if let knownSince, moment < knownSince { return false }
        if moments.isEmpty { return true }
        // The name of the table, and what stands before it.
        let end = text.firstIndex(of: 0x28) ?? text.count
        guard end <= Self.textMax else { return false }
        var isUnchanged = true
        var isNamed = false
        NameWords.forEach(in: UnsafeRawBufferPointer(rebasing: text[..<end])) { word in
            // CREATE TRIGGER … BEFORE INSERT ON u
            if !isNamed, Self.isBeforeName(word) { return }
            isNamed = true
            if let changed = moments[word], changed >= moment { isUnchanged = false }
        }
        return isNamed && isUnchanged
    }

    private static func isBeforeName(_ word: [UInt8]) -> Bool {
        switch String(decoding: word, as: UTF8.self) {
        case "insert", "replace", "into", "ignore", "low_priority", "high_priority", "delayed": true
        case _: false
        }
    }

    /// All has been read again at that moment.
    public mutating func forget(before moment: Instant) {
        knownSince = moment
        if let any, any < moment { self.any = nil }
        moments = moments.filter { $0.value >= moment }
    }

    /// Every word of a statement that certainly changes nothing but what it names. Names outside of ASCII are spelled in the
    /// client's character set, and those of a schema may stand for all of its tables.
    private static func names(_ text: UnsafeRawBufferPointer) -> Set<[UInt8]>? {
        guard text.count <= textMax else { return nil }
        var names: Set<[UInt8]> = []
        var isKnown = true
        NameWords.forEach(in: text) { word in
            switch String(decoding: word, as: UTF8.self) {
            case "create", "alter", "rename": break
            case "call", "execute", "database", "schema", "import": isKnown = false
            case _: if names.isEmpty { isKnown = false }
            }
            if word.contains(where: { $0 >= 0x80 }) { isKnown = false }
            names.insert(word)
        }
        return isKnown ? names : nil
    }
}
