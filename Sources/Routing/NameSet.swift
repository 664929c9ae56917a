/// Names without regard to case, kept by a number of 64 bits each: asking allocates nothing. Two names of one number are as
/// good as never met, and would only be taken for each other. Letters beyond ASCII are another matter in every character
/// set: a name that has one is in the set if any such name is.
struct NameSet: Sendable, Hashable {
    private var hashes: Set<UInt64> = []
    private var hasBeyondASCII = false

    init(_ names: [String]) {
        for name in names {
            let bytes = Array(name.utf8)
            if bytes.allSatisfy({ $0 < 0x80 }) {
                hashes.insert(bytes.withUnsafeBytes(Self.hash))
            } else {
                hasBeyondASCII = true
            }
        }
    }

    var isEmpty: Bool { hashes.isEmpty && !hasBeyondASCII }

    func contains(_ name: UnsafeRawBufferPointer) -> Bool {
        if isEmpty { return false }
        return hasBeyondASCII && name.contains { $0 >= 0x80 } || hashes.contains(Self.hash(name))
    }

    /// FNV-1a
    private static func hash(_ name: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name {
            hash = (hash ^ UInt64(byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte)) &* 0x100_0000_01b3
        }
        return hash
    }
}
