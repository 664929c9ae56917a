/// Lines that wait to be written, bounded in number and bytes: whoever logs never waits. What comes when it is full is
/// lost and counted, and where it is lost there is one entry that says how much.
struct LogQueue<Line> {
    enum Entry {
        case line(Line)
        /// So many lines were lost here.
        case lost(Int)
    }

    static var linesMaxDefault: Int { 10_000 }
    static var bytesMaxDefault: Int { 4 << 20 }

    private let linesMax: Int
    private let bytesMax: Int
    /// Those from ``first`` on wait.
    private var entries: [(entry: Entry, bytes: Int)] = []
    private var first = 0
    /// Of the entries that wait.
    private(set) var bytes = 0
    /// Lost, and not told yet.
    private var lost = 0
    /// The last entry could not be written: what was lost is told with the next line, not by itself again and again.
    private var isMute = false
    /// Since the start.
    private(set) var lostTotal: UInt64 = 0

    init(linesMax: Int = Self.linesMaxDefault, bytesMax: Int = Self.bytesMaxDefault) {
        self.linesMax = linesMax
        self.bytesMax = bytesMax
    }

    var count: Int { entries.count - first }

    /// - Parameter bytes: what it costs.
    mutating func add(_ line: Line, bytes cost: Int) {
        isMute = false
        // The word on what was lost takes a place, too.
        let places = lost > 0 ? 2 : 1
        guard count + places <= linesMax, bytes + cost <= bytesMax else {
            lost += 1
            lostTotal &+= 1
            return
        }
        if lost > 0 { append(.lost(lost), bytes: 0) }
        lost = 0
        append(.line(line), bytes: cost)
    }

    /// The oldest, nil where nothing waits.
    mutating func next() -> Entry? {
        guard first < entries.count else {
            guard lost > 0, !isMute else { return nil }
            defer { lost = 0 }
            return .lost(lost)
        }
        let (entry, cost) = entries[first]
        first += 1
        bytes -= cost
        if first == entries.count || first >= 1024 {
            entries.removeFirst(first)
            first = 0
        }
        return entry
    }

    /// An entry that was taken, and not written.
    mutating func failed(_ entry: Entry) {
        isMute = true
        switch entry {
        case .line:
            lost += 1
            lostTotal &+= 1
        case .lost(let count): lost += count
        }
    }

    private mutating func append(_ entry: Entry, bytes cost: Int) {
        entries.append((entry, cost))
        bytes += cost
    }
}

extension LogQueue.Entry: Sendable where Line: Sendable {}
extension LogQueue.Entry: Equatable where Line: Equatable {}
extension LogQueue: Sendable where Line: Sendable {}
