/// Where a replica stands in the history of its data: DRBD's generation identifiers of one volume. Two replicas'
/// identifiers prove whose data goes on from the other's, or that both went their own way; nothing else does.
public struct DataGeneration: Sendable, Hashable {
    /// More than any DRBD keeps.
    public static let pastMax = 32
    /// The identifier of a replica that was just created and holds nothing.
    static let justCreated: UInt64 = 4

    public let volume: Int
    public let current: UInt64
    /// What this data went on from, in DRBD's order (the peers' bitmaps, then the history).
    public let past: [UInt64]

    /// The lowest bit of DRBD's identifiers says "was Primary" and tells nothing about the data: it is left away, and
    /// so are places that hold nothing.
    public init(volume: Int, current: UInt64, past: [UInt64]) {
        func base(_ identifier: UInt64) -> UInt64 { identifier & ~1 }
        self.volume = volume
        self.current = base(current)
        var kept: [UInt64] = []
        for identifier in past.map(base) where identifier != 0 && !kept.contains(identifier) { kept.append(identifier) }
        self.past = Array(kept.prefix(Self.pastMax))
    }

    /// What the identifiers prove of two replicas.
    public enum Relation: String, Sendable, Hashable, CaseIterable {
        case same
        /// This one goes on from the other's: the other one is behind and has nothing of its own.
        case newer
        case older
        /// Both went on from a common past: a split brain, whoever is Primary.
        case diverged
        /// Nothing in common, or what can't be.
        case unrelated
    }

    /// The rules of DRBD's own comparison (drbd_uuid_compare of 8.4), as far as they need no flags. A replica that was
    /// just created is older than any other.
    public func relation(to other: DataGeneration) -> Relation {
        if current == other.current { return .same }
        if isBlank { return other.isBlank ? .unrelated : .older }
        if other.isBlank { return .newer }
        switch (past.contains(other.current), other.past.contains(current)) {
        case (true, false): return .newer
        case (false, true): return .older
        // Each before the other: one of the two does not tell the truth.
        case (true, true): return .unrelated
        case (false, false): return past.contains { other.past.contains($0) } ? .diverged : .unrelated
        }
    }

    private var isBlank: Bool { current == 0 || current == Self.justCreated }

    /// Of all volumes of a resource; nil where a volume is known of one replica only, or none of any.
    public static func relation(of mine: [DataGeneration], to theirs: [DataGeneration]) -> Relation? {
        guard !mine.isEmpty, mine.count == theirs.count else { return nil }
        var sum = Relation.same
        for one in mine {
            guard let other = theirs.first(where: { $0.volume == one.volume }) else { return nil }
            switch (sum, one.relation(to: other)) {
            case (.unrelated, _), (_, .unrelated): sum = .unrelated
            case (let before, .same): sum = before
            case (.same, let next): sum = next
            case (.newer, .newer), (.older, .older): break
            // Each is ahead on some volume.
            case (_, _): sum = .diverged
            }
        }
        return sum
    }
}

/// `0/46AE4D9624CE4E60:9A18588FF8A7B246:…`: the volume, the current identifier, the past.
extension DataGeneration: LosslessStringConvertible {
    public init?(_ description: String) {
        let parts = description.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let volume = Int(parts[0]), (0...65_535).contains(volume) else { return nil }
        var identifiers: [UInt64] = []
        for word in parts[1].split(separator: ":", omittingEmptySubsequences: false) {
            guard word.utf8.count <= 16, let identifier = UInt64(word, radix: 16), identifiers.count <= Self.pastMax
            else { return nil }
            identifiers.append(identifier)
        }
        guard let current = identifiers.first else { return nil }
        self.init(volume: volume, current: current, past: Array(identifiers.dropFirst()))
    }

    public var description: String {
        let words = ([current] + past).map { identifier in
            let digits = String(identifier, radix: 16, uppercase: true)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return "\(volume)/" + words.joined(separator: ":")
    }
}

extension DataGeneration: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let generation = DataGeneration(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no generation identifiers")
        }
        self = generation
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
