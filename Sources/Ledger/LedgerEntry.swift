import Availability
import Cluster

/// What is written to the log.
public enum LedgerEntry: Hashable, Sendable {
    case second(Interval)
    case gap(LedgerGap)
    case clockStep(ClockStep)
    /// In its present state: replaces what was written of it before.
    case outage(OutageRecord)
    case outageDismissed(number: Int)
    case unknown(UnknownRecord)
}

/// How long rows are kept, and what the log says of itself.
public struct LedgerOptions: Hashable, Sendable {
    public var keepSeconds: Instant.Span = .seconds(48 * 3600)
    public var keepMinutes: Instant.Span = .seconds(90 * 86_400)
    public var keepHours: Instant.Span = .seconds(3650 * 86_400)
    /// The file's size in pages of 4096 bytes; beyond, writing fails as on a full disk.
    public var pagesMax = 262_144
    /// The write-ahead log's size in bytes; beyond, while a reader keeps it from being emptied, nothing is written.
    public var walMax = 64 << 20
    /// Entries that wait in memory while the file can't be written.
    public var waitingMax = 7200
    public var bounds = LatencyBounds(microseconds: [])
    public var delayBound: Instant.Span = .seconds(1)

    public init() {}
}

/// The run that writes.
public struct LedgerRun: Hashable, Sendable {
    public var version: String
    public var began: WallTime
    public var monotonic: Instant

    public init(version: String, began: WallTime, monotonic: Instant) {
        self.version = version
        self.began = began
        self.monotonic = monotonic
    }
}

/// Why the log can't be used.
public enum LedgerFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The disk or the log's bounded size is used up.
    case full(String)
    /// Another process holds the file's lock.
    case locked
    /// Another process writes this log.
    case taken(LedgerLock.Holder)
    /// Another process reads an old state of the file for so long that the write-ahead log has grown to its limit.
    case heldOpen
    /// The file is damaged, or is no database.
    case corrupt(String)
    /// The file is a database of something else, or of a later version of this program.
    case foreign(String)
    /// It can't be opened, read or written.
    case unusable(String)

    public var description: String {
        switch self {
        case .full(let reason): "no room: \(reason)"
        case .locked: "another process has locked it"
        case .taken(let holder): "\(holder) writes it; each proxy needs a file of its own"
        case .heldOpen: "another process has been reading it for so long that its write-ahead log is at its limit"
        case .corrupt(let reason): "damaged: \(reason)"
        case .foreign(let reason): reason
        case .unusable(let reason): reason
        }
    }
}
