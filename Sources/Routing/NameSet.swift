/// Names without regard to case, kept by a number of 64 bits each: asking allocates nothing. Two names of one number are as
/// good as never met, and would only be taken for each other. Letters beyond ASCII are another matter in every character
/// set: a name that has one is in the set if any such name is.
struct NameSet: Sendable, Hashable {
    private var hashes: Set<UInt64> = []
    private var hasBeyondASCII = false

    init(_ names: [String]) { self.init(names.map { [$0] }) }

    /// Of names that are made of several, as `schema.table`.
    init(_ paths: [[String]]) {
        for path in paths {
            guard path.allSatisfy({ $0.utf8.allSatisfy { $0 < 0x80 } }) else {
                hasBeyondASCII = true
                continue
            }
            hashes.insert(
                path.reduce(Self.start) { hash, name in Array(name.utf8).withUnsafeBytes { Self.hash($0, hash) } })
        }
    }

    var isEmpty: Bool { hashes.isEmpty && !hasBeyondASCII }

    func contains(_ name: UnsafeRawBufferPointer) -> Bool {
        if isEmpty { return false }
        return hasBeyondASCII && name.contains { $0 >= 0x80 } || hashes.contains(Self.hash(name, Self.start))
    }

    /// One of three; certainly.
    func certainlyContains(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, _ third: UnsafeRawBufferPointer
    ) -> Bool {
        hashes.contains(Self.hash(third, Self.hash(second, Self.hash(first, Self.start))))
    }

    private static let start: UInt64 = 0xcbf2_9ce4_8422_2325

    /// FNV-1a, with a zero behind each name.
    private static func hash(_ name: UnsafeRawBufferPointer, _ start: UInt64) -> UInt64 {
        var hash = start
        for byte in name {
            hash = (hash ^ UInt64(byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte)) &* 0x100_0000_01b3
        }
        return hash &* 0x100_0000_01b3
    }
}
