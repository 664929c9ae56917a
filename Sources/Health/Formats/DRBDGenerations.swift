/// DRBD's generation identifiers of one volume: which history of the data a node has. Two nodes' identifiers tell
/// whose data continues the other's, or that both went their own way.
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

    /// Reads what `drbdsetup show-gi` or `get-gi` of 8.4 prints: the line of four identifiers and the flags.
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
            guard flags.isEmpty || flags.count == 7 else { throw error("\(flags.count) flags") }
            self.init(
                current: current, bitmap: identifiers[0], history: Array(identifiers[1...]),
                flags: flags.isEmpty
                    ? nil
                    : Flags(
                        isConsistent: flags[0], wasUpToDate: flags[1], wasPrimary: flags[2], wasConnected: flags[3],
                        isFullSyncPending: flags[4], isPeerOutdated: flags[5], isCrashedPrimary: flags[6]))
            return
        }
        throw FormatError(.drbdGenerations, .missing("the line of identifiers"))
    }

    /// What the identifiers prove of two copies.
    public enum Relation: Sendable, Hashable {
        case same
        /// This copy goes on from the other's: the other one is behind and has nothing of its own.
        case newer
        case older
        /// Both went on from a common past: a split brain, whoever is Primary.
        case diverged
        case unrelated
    }

    /// The rules of DRBD's own comparison (drbd_uuid_compare of 8.4), as far as they need no flags. The lowest bit
    /// says "was Primary" and does not count. A copy that is just being created (current 4) is older than any other.
    public func relation(to other: DRBDGenerations) -> Relation {
        func base(_ identifier: UInt64) -> UInt64 { identifier & ~1 }
        let justCreated: UInt64 = 4
        let mine = base(current)
        let theirs = base(other.current)
        if mine == theirs { return .same }
        if mine == justCreated || mine == 0 { return theirs == 0 || theirs == justCreated ? .unrelated : .older }
        if theirs == justCreated || theirs == 0 { return .newer }
        let myHistory = history.map(base).filter { $0 != 0 }
        let theirHistory = other.history.map(base).filter { $0 != 0 }
        if mine == base(other.bitmap) || theirHistory.contains(mine) { return .older }
        if base(bitmap) == theirs || myHistory.contains(theirs) { return .newer }
        if bitmap != 0, base(bitmap) == base(other.bitmap) { return .diverged }
        let myPast = myHistory + (bitmap == 0 ? [] : [base(bitmap)])
        let theirPast = theirHistory + (other.bitmap == 0 ? [] : [base(other.bitmap)])
        return myPast.contains { theirPast.contains($0) } ? .diverged : .unrelated
    }
}
