import Cluster

/// What the admin socket shows and steers. Asked on the server's loop only.
public protocol AdminSource: AnyObject {
    /// Of the process: what does not change, or only with the clock.
    var process: ProcessFacts { get }
    var view: ClusterView { get }
    /// What the view is made of, each piece with its owner and its date.
    var evidence: [EvidencePiece] { get }
    var outages: OutageHistory { get }
    /// As the ledger has them, oldest first; the last may be going on.
    var outageReports: [OutageReport] { get }
    /// Outages of this run, as the ledger counts them.
    var outageCount: Int { get }
    /// The latest statements and transactions of which nobody knows whether they took effect, oldest first.
    var unknownOutcomes: [UnknownRow] { get }
    /// Of the availability log; nil where none is written.
    var ledgerFacts: LedgerFacts? { get }
    var activity: Activity { get }
    var isPaused: Bool { get }
    func pause()
    func resume()
    /// The administrator's pause has come to the end of its time.
    func pauseRanOut(after limit: Instant.Span)
    /// What an administrator says of a node.
    func set(_ node: NodeID, administrative state: AdministrativeState)
    /// Until the next check.
    func declare(_ node: NodeID, _ word: HealthWord)
    func setChecked(_ node: NodeID, _ isChecked: Bool)
    /// Whether the word of the node's agent counts.
    func setAgent(_ node: NodeID, isHeard: Bool)
    /// Until the agent's next word.
    func declareAgent(_ node: NodeID, isUp: Bool)
    /// Ends a session; one that is not there is nothing.
    func endSession(_ id: UInt32)
    func endSessions(on node: NodeID)
    /// Sessions at most from now on; those above it stay. Zero takes no new ones.
    func setConnectionsMax(_ count: Int)
    /// New connections per second from now on; zero for any number.
    func setConnectionRateMax(_ perSecond: Int)
    /// Whether new connections are taken; `stopped` is for good. Calls back once, when it is so, or could not be.
    func setFrontend(_ state: FrontendState, _ completion: @escaping (Bool) -> Void)
    /// One sentence for the log.
    func note(_ sentence: String)
    /// Reads the configuration again. A sentence that says what came of it, or why nothing did; calls back exactly once,
    /// later or at once: another service account is tried first.
    func reload(_ completion: @escaping (Result<String, ReloadFailure>) -> Void)
    /// Calls back exactly once, on the loop's thread, later or at once.
    func sessions(_ completion: @escaping ([SessionRow]) -> Void)
    /// Makes that node the primary; calls back once, at the end, with whether it is and all that was said. False where
    /// another switchover is under way.
    func switchover(to node: String, isDry: Bool, _ completion: @escaping (Bool, [String]) -> Void) -> Bool
    /// What the latest switchover said so far, and whether it succeeded; nil before its end.
    var latestSwitchover: (lines: [String], isDone: Bool?) { get }
}

/// One line of `show unknown`.
public struct UnknownRow: Sendable, Hashable {
    /// When its answer was given up: milliseconds since 1970 (UTC).
    public var told: Int64
    public var outcome: UnknownOutcome
    /// Of a run before this one.
    public var isEarlier = false

    public init(told: Int64, outcome: UnknownOutcome) {
        self.told = told
        self.outcome = outcome
    }
}

/// What becomes of the availability log.
public struct LedgerFacts: Sendable, Hashable {
    public var file: String
    /// Rows that are in the file, whatever becomes of this process; of all kinds, and seconds among them.
    public var written: UInt64 = 0
    public var secondsWritten: UInt64 = 0
    /// Rows in memory, to be written.
    public var waiting = 0
    /// Given up.
    public var dropped: UInt64 = 0
    /// Why nothing is written now; nil while all is well.
    public var failure: String?

    public init(file: String) { self.file = file }
}

/// Whether the frontend takes new connections.
public enum FrontendState: String, Sendable, Hashable {
    case open, paused, stopped
}

/// Where there is no log.
extension AdminSource {
    public var ledgerFacts: LedgerFacts? { nil }
    public var unknownOutcomes: [UnknownRow] { [] }
}

/// Where there are no agents.
extension AdminSource {
    public var evidence: [EvidencePiece] { [] }

    public func switchover(to node: String, isDry: Bool, _ completion: @escaping (Bool, [String]) -> Void) -> Bool {
        completion(false, ["Not possible: there are no agents here."])
        return true
    }

    public var latestSwitchover: (lines: [String], isDone: Bool?) { ([], nil) }
}

public struct ReloadFailure: Error, Sendable, Hashable {
    public var message: String

    public init(_ message: String) { self.message = message }
}

public struct ProcessFacts: Sendable, Hashable {
    public var version: String
    public var pid: Int32
    public var startedAt: Instant
    public var workers: Int
    public var connectionsMax: Int
    public var descriptorsMax: Int
    public var hostname: String
    public var isStopping: Bool
    /// How HAProxy's tables call the one proxy, frontend and backend.
    public var proxyName = "mariadb"
    /// What the limit of connections was at the start; zero: the same as ``connectionsMax``.
    public var connectionsConfigured = 0
    /// What the configuration asks for; more than ``connectionsConfigured`` where there are not descriptors enough.
    /// Zero: the same.
    public var connectionsWanted = 0
    /// As far as the limit can be raised with the descriptors that there are; zero where that is not told.
    public var connectionsAffordable = 0
    public var frontend = FrontendState.open
    /// Checks in a row that bring a node up or down.
    public var rise = 1
    public var fall = 2
    /// Lines of the log that nobody took.
    public var logLinesLost: UInt64 = 0

    var connectionsAtStart: Int { connectionsConfigured > 0 ? connectionsConfigured : connectionsMax }

    var connectionsAskedFor: Int { connectionsWanted > 0 ? connectionsWanted : connectionsAtStart }

    /// As far as `connectionsMax` can be raised: every session may need two descriptors.
    var connectionsHardMax: Int {
        connectionsAffordable > 0
            ? connectionsAffordable : max(connectionsMax, connectionsConfigured, (descriptorsMax - 64) / 2)
    }

    /// Tools look at what HAProxy's version can do: the tables are those of 3.0.
    var compatibleVersion: String { "3.0.0-haproxydb-\(version)" }
    /// Of the HAProxy version whose tables these are.
    var releaseDate: String { "2024/05/29" }

    public init(
        version: String, pid: Int32, startedAt: Instant, workers: Int, connectionsMax: Int, descriptorsMax: Int,
        hostname: String, isStopping: Bool
    ) {
        self.version = version
        self.pid = pid
        self.startedAt = startedAt
        self.workers = workers
        self.connectionsMax = connectionsMax
        self.descriptorsMax = descriptorsMax
        self.hostname = hostname
        self.isStopping = isStopping
    }
}

/// What goes on: present values, and sums since the start.
public struct Activity: Sendable, Hashable {
    public var sessions = 0
    public var sessionsHeld = 0
    /// Of those: as long as the primary has no seat for them.
    public var sessionsWithoutSeat = 0
    public var sessionsInTransaction = 0
    public var sessionsTotal: UInt64 = 0
    /// To another node; to the same one by a connection made anew.
    public var sessionsMoved: UInt64 = 0
    public var sessionsReconnected: UInt64 = 0
    public var loginsRefused: UInt64 = 0
    public var statementsBegun: UInt64 = 0
    public var statementsAnswered: UInt64 = 0
    public var statementsFailed: UInt64 = 0
    /// Statements and transactions of which nobody knows whether they took effect.
    public var statementsUnknown: UInt64 = 0
    public var statementsHeld: UInt64 = 0
    public var statementsRerun: UInt64 = 0
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0
    /// Bytes kept for sessions, and how many there may be.
    public var memoryKept = 0
    public var memoryMax = 0
    /// How often something was not kept, or a session ended, for want of room.
    public var memoryRefusals: UInt64 = 0
    /// By the nodes' ids; empty where that is not told.
    public var nodes: [NodeActivity] = []

    public init() {}

    func of(_ node: NodeID) -> NodeActivity {
        nodes.indices.contains(node.rawValue) ? nodes[node.rawValue] : NodeActivity()
    }
}

/// One line of `show sessions`.
public struct SessionRow: Sendable, Hashable {
    public var id: UInt32
    public var client: String
    public var user: String
    public var database: String
    public var state: String
    public var node: String
    /// The node's own id of the connection; 0 while there is none.
    public var thread: UInt32
    public var age: Instant.Span
    public var idle: Instant.Span
    public var statements: UInt64
    public var bytesIn: UInt64
    public var bytesOut: UInt64
    public var moves: UInt32
    /// What a failover would keep of it as it stands: `default schema`, `user variables (3)`.
    public var keeps: [String]
    /// What a failover would lose: why it is pinned to its node. None: it can be moved, and nobody notices.
    public var loses: [String]

    public init(
        id: UInt32, client: String, user: String, database: String, state: String, node: String, thread: UInt32,
        age: Instant.Span, idle: Instant.Span, statements: UInt64, bytesIn: UInt64, bytesOut: UInt64, moves: UInt32,
        keeps: [String] = [], loses: [String] = []
    ) {
        self.id = id
        self.client = client
        self.user = user
        self.database = database
        self.state = state
        self.node = node
        self.thread = thread
        self.age = age
        self.idle = idle
        self.statements = statements
        self.bytesIn = bytesIn
        self.bytesOut = bytesOut
        self.moves = moves
        self.keeps = keeps
        self.loses = loses
    }
}
