/// Counts the primaries. A node that comes back as primary is a new generation, even if it is the same node; a
/// backend connection belongs to exactly one.
public struct Generation: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64

    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    public static let none = Generation(0)
    public var next: Generation { Generation(rawValue + 1) }
    public static func < (a: Generation, b: Generation) -> Bool { a.rawValue < b.rawValue }
    public var description: String { String(rawValue) }
}
