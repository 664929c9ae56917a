import Cluster

/// DRBD's generation identifiers of one volume, with 9 towards one peer, as its tool prints them. What they prove:
/// ``Cluster/DataGeneration``.
public struct DRBDGenerations: Sendable, Hashable, Codable {
    public var current: UInt64
    /// What the peer had when the link was lost; 0 while nothing is missing there.
    public var bitmap: UInt64
    /// Younger, older.
    public var history: [UInt64]
    public var flags: Flags?

    /// As kept on disk: "was" is as of the last change of state.
    public struct Flags: Sendable, Hashable, Codable {
        public var isConsistent: Bool
        public var wasUpToDate: Bool
        public var wasPrimary: Bool
        public var wasConnected: Bool
        public var isFullSyncPending: Bool
        public var isPeerOutdated: Bool
        public var isCrashedPrimary: Bool

        public init(
            isConsistent: Bool, wasUpToDate: Bool, wasPrimary: Bool, wasConnected: Bool, isFullSyncPending: Bool,
            isPeerOutdated: Bool, isCrashedPrimary: Bool
        ) {
            self.isConsistent = isConsistent
            self.wasUpToDate = wasUpToDate
            self.wasPrimary = wasPrimary
            self.wasConnected = wasConnected
            self.isFullSyncPending = isFullSyncPending
            self.isPeerOutdated = isPeerOutdated
            self.isCrashedPrimary = isCrashedPrimary
        }
    }

    public init(current: UInt64, bitmap: UInt64, history: [UInt64], flags: Flags? = nil) {
        self.current = current
        self.bitmap = bitmap
        self.history = history
        self.flags = flags
    }

    static let bytesMax = 64 * 1024

    /// Reads what `drbdsetup show-gi` or `get-gi` prints, of 8.4 and of 9: the line of four identifiers and the flags.
    public init(showing text: String) throws(FormatError) {
        guard text.utf8.count <= DRBDGenerations.bytesMax else {
            throw FormatError(.drbdGenerations, .tooMuch("bytes", max: DRBDGenerations.bytesMax))
        }
        for (index, line) in lines(of: text).enumerated() {
            let words = words(of: line)
            guard words.count == 1 else { continue }
            let fields = words[0].utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
                .map { Substring($0) }
            guard fields.count >= 4, fields[0].utf8.count == 16, let current = UInt64(fields[0], radix: 16) else {
                continue
            }
            func error(_ what: String) -> FormatError {
                FormatError(.drbdGenerations, line: index + 1, .malformed(what))
            }
            var identifiers: [UInt64] = []
            for field in fields[1..<4] {
                guard field.utf8.count == 16, let value = UInt64(field, radix: 16) else {
                    throw error("identifier \(excerpt(field))")
                }
                identifiers.append(value)
            }
            var flags: [Bool] = []
            for field in fields[4...] {
                guard field == "0" || field == "1" else { throw error("flag \(excerpt(field))") }
                flags.append(field == "1")
            }
            guard flags.isEmpty || (7...32).contains(flags.count) else { throw error("\(flags.count) flags") }
            self.init(
                current: current, bitmap: identifiers[0], history: Array(identifiers[1...]), flags: Flags(flags))
            return
        }
        throw FormatError(.drbdGenerations, .missing("the line of identifiers"))
    }

    /// One volume's, of all peers: the identifiers that are the volume's are the same for each, the bitmaps are theirs.
    /// Nil where they are not of one moment.
    public static func united(_ all: [DRBDGenerations], volume: Int) -> DataGeneration? {
        guard let first = all.first, all.allSatisfy({ $0.current & ~1 == first.current & ~1 }) else { return nil }
        return DataGeneration(
            volume: volume, current: first.current, past: all.map(\.bitmap) + all.flatMap(\.history))
    }

    public func relation(to other: DRBDGenerations) -> DataGeneration.Relation {
        func generation(_ each: DRBDGenerations) -> DataGeneration {
            DataGeneration(volume: 0, current: each.current, past: [each.bitmap] + each.history)
        }
        return generation(self).relation(to: generation(other))
    }
}

extension DRBDGenerations.Flags {
    /// In the order in which they are printed. 8.4 prints seven; 9 prints the volume's (six, or seven since it knows
    /// quorum) and then the peer's (four, or five). Of other numbers the meaning is not known.
    fileprivate init?(_ printed: [Bool]) {
        switch printed.count {
        case 7:
            self.init(
                isConsistent: printed[0], wasUpToDate: printed[1], wasPrimary: printed[2], wasConnected: printed[3],
                isFullSyncPending: printed[4], isPeerOutdated: printed[5], isCrashedPrimary: printed[6])
        case 10, 12:
            let peer = printed.count == 10 ? 6 : 7
            self.init(
                isConsistent: printed[0], wasUpToDate: printed[1], wasPrimary: printed[2],
                wasConnected: printed[peer], isFullSyncPending: printed[peer + 3],
                isPeerOutdated: printed[peer + 1], isCrashedPrimary: printed[3])
        case _: return nil
        }
    }
}
