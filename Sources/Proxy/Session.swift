import CLibevent
import Cluster
import MySQLWire
import Reactor
import Routing

/// A raw pointer, since libevent's events are part of a session and know it by nothing else. It is good from
/// ``Worker/admit(_:_:isTooMany:)`` until ``Worker/bury()``, a tick after the session's end at the earliest.
typealias SessionRef = UnsafeMutablePointer<Session>

/// Where the conversation with the client stands. See docs/session.md for the table of transitions.
enum Frontend: UInt8 {
    /// No greeting sent: no primary has been seen yet, so nothing is known to greet with. Can transition to:
    /// handshake, closing.
    case ungreeted
    /// Greeted; the client's handshake response is awaited. Can transition to: login, closing.
    case handshake
    /// Authenticated as far as the proxy can tell; a node's word is awaited. Can transition to: relaying, idle,
    /// penalized, closing, leaving.
    case login
    /// A node's authentication exchange is passed on to the client. Can transition to: login, closing, leaving.
    case relaying
    /// A COM_CHANGE_USER was refused: its client is told after a second, so that passwords are not guessed by it. Can
    /// transition to: idle, closing.
    case penalized
    /// Between statements. Can transition to: held, streaming, waiting, login (COM_CHANGE_USER), closing.
    case idle
    /// A statement is here and not sent. Can transition to: streaming, waiting, idle, closing.
    case held
    /// A statement too large for the buffer is on its way to the node. Can transition to: waiting, discarding, closing.
    case streaming
    /// The rest of a large statement is read and thrown away: it has been answered already. Can transition to: idle.
    case discarding
    /// A statement is with the node. Can transition to: idle, infile, held (run again), closing.
    case waiting
    /// The client sends the file of a LOAD DATA LOCAL. Can transition to: waiting, closing.
    case infile
    /// Only what is queued for the client is still written. Can transition to: (freed).
    case closing
    /// The client is gone in the middle of a login at a node, which is brought to its end there: servers count logins
    /// that break off, and refuse the host after some. Can transition to: (freed).
    case leaving
}

/// Where the conversation with the node stands.
enum Backend: UInt8 {
    /// No connection. Can transition to: connecting.
    case detached
    /// TCP connect under way. Can transition to: greeting, detached.
    case connecting
    /// The node's greeting is awaited. Can transition to: login, detached.
    case greeting
    /// The node's word on the login is awaited. Can transition to: restoring, attached, detached.
    case login
    /// Logged in; the session's state is being rebuilt. Can transition to: attached, detached.
    case restoring
    /// Ready for statements. Can transition to: detached.
    case attached
}

/// A command that the proxy itself sent to the node; its answer is not the client's.
enum OwnCommand {
    /// Sets the character sets that a login can't ask for.
    case collation
    /// Asks for what the session has from its login.
    case loginValues
    /// Asks the server to report changes of the session.
    case tracking
    /// Asks for what the server has not reported, or makes room for that.
    case question(SessionJournal.Question.Answer)
    /// Guards a statement that is run again, and ends that.
    case guardBegin, guardEnd
    /// Rebuilds a part of the session's state.
    case restoration(RestorationPart)
    /// Brings about what the statements behind it were prepared under: the first of its texts, or a further one.
    case context(isFirst: Bool)
    /// PREPARE … FROM under this name.
    case preparedName([UInt8])
    /// Takes back a PREPARE that was run under another context than it should have been.
    case deallocation
    /// Prepares the statement with this client id again.
    case preparation(UInt32)
    /// Binds its parameters' types, and is refused (1210).
    case binding(UInt32)
}

/// What the client told in its login, enough to log in again elsewhere.
struct Credentials {
    /// Overwrites what a password could be found by.
    mutating func wipe() {
        for i in (stage1 ?? []).indices { stage1?[i] = 0 }
        for i in authResponse.indices { authResponse[i] = 0 }
        for i in relayedToken.indices { relayedToken[i] = 0 }
    }

    var user: [UInt8] = []
    /// SHA1(password), proven by the client; nil where it is not known (relayed login), empty for no password.
    var stage1: [UInt8]?
    /// SHA1(SHA1(password)).
    var stage2: [UInt8] = []
    /// A relayed native exchange, from which `stage1` follows once the account's hash is known.
    var relayedToken: [UInt8] = []
    var relayedScramble: [UInt8] = []
    /// The scramble that the client was sent last, by this proxy or by a node.
    var scramble: [UInt8] = []
    /// Of the login, or of COM_CHANGE_USER, which alone can say one above 255.
    var collation: UInt16 = 0
    /// The last one that a login can say: the server goes back to it on COM_RESET_CONNECTION where it does not know the
    /// other.
    var loginCollation: UInt8 = 0
    /// The session has been reset since.
    var isReset = false
    var packetMax: UInt32 = 0
    var attributes: [UInt8]?
    /// Plugin that the client answered with.
    var plugin = NativePassword.pluginName
    var authResponse: [UInt8] = []
}

/// One frontend and at most one backend. Lives in memory that its worker allocated and never moves: libevent holds
/// pointers into it. Only the worker's own thread touches it. The fields of the path that every statement takes come
/// first and are plain values; everything with a reference count is behind them.
struct Session {
    var clientRead = event()
    var nodeRead = event()
    let worker: Unmanaged<Worker>

    let id: UInt32
    var clientFD: Int32
    var nodeFD: Int32 = -1
    var frontend = Frontend.ungreeted
    var backend = Backend.detached
    var tracker = ResponseTracker()

    /// The command in flight or held; meaningful in `held`, `streaming`, `waiting`, `infile`.
    var command = Command.sleep
    /// Sequence number of the packet last passed to the client.
    var sequence: UInt8 = 0
    /// Bytes of the answer in flight went to the client.
    var answerBegun = false
    /// The statement in flight changes the session in a way that the server does not report in full.
    var hasChange = false
    /// ``SessionChangeKind/explainsAll`` of the statement in flight, whose first answers have come.
    var explainsAll = false
    /// The statement in flight may create or alter a table.
    var changesSchema = false
    /// Or a program, a trigger or a view.
    var changesPrograms = false
    /// Is read from and written to (an armed write event).
    var clientReading = false
    var nodeReading = false
    var clientWriting = false
    var nodeWriting = false
    /// Nothing can be sent to the client any more, or its socket can't be watched: ended when the event is over.
    var clientIsGone = false
    /// The client has sent its FIN: it reads on, and is closed after the answer.
    var clientHalfClosed = false
    /// The statement in flight is run again, where a write of its would be refused.
    var isGuarded = false
    /// The node may still keep our characteristics of the next transaction: COMMIT goes before the next command.
    var guardLeft = false
    /// The node has been told of that: it ends what nobody waits for, and the connection.
    var endPassed = false
    /// Stands in the worker's list of those whose turn it is.
    var isReady = false
    /// Our own commands stand before the client's: `own` is not empty.
    var hasOwn = false
    /// The execution in flight asks for a cursor.
    var asksForCursor = false
    /// The server has refused to report changes so far (1820): that goes out with the session's next command.
    var tracksWithNext = false
    /// Questions of the journal go out with the next command that does not ask what the one before has left.
    var asksWithNext = false
    /// Behind the answer under way, where that is known.
    var rowCountLeft: RowCountLeft?
    /// The statement that has just been answered has warnings to show, or may have.
    var isWarned = true
    /// The journal keeps something that a transaction's beginning or end changes.
    var journalWatchesTransactions = false
    /// The answer ended with an error of the server's.
    var answerFailed = false
    /// The server's code, where it did.
    var failure: UInt16 = 0
    /// What statements before the session's move left, and nobody has overwritten or been told of yet.
    var leftovers: Leftovers = []
    /// What the statement in flight overwrites of them where it succeeds.
    var overwritten: Leftovers = []
    /// Of the statements of the text in flight, whose answer is under way; counted from 0.
    var answerNumber: UInt16 = 0
    /// character_set_client
    var characterSet = ClientCharacterSet.unknown
    /// How often a node has refused the statement in flight because it is not the primary.
    var demotions: UInt8 = 0
    /// How often the statement in flight has been run again.
    var reruns: UInt8 = 0
    /// Attempts to rebuild this session that its node has ended, in a row.
    var failedRestorations: UInt8 = 0
    /// Of all that wait for a seat of its account it is the one that is tried.
    var triesAccount = false
    /// COM_CHANGE_USER that were refused, up to ``Worker/changeUserFailuresMax``.
    var changeUserFailures: UInt8 = 0
    /// The packet that ends the answer is larger than the buffer and still flows.
    var finishesAfterSkip = false
    /// All of the session's state stands on its new node.
    var isRestored = false
    /// The new node is being asked what its login has; then the session is rebuilt.
    var isOpening = false
    /// The new node has refused a part of the state: now its parts are tried one by one.
    var restoresPiecewise = false
    /// The client sees no session tracking: OK packets are re-encoded for it.
    var stripsTracking = false
    /// The client's status flags, as last reported by a node.
    var status: StatusFlags = []
    var capabilities: Capabilities = []
    var nodeCapabilities: Capabilities = []
    /// It has a KILL in it.
    var executesKill = false
    /// The prepared statement that is executed.
    var statementID: UInt32 = 0

    /// Rest of a packet that flows to the client unseen.
    var nodeSkip = 0
    /// Rest of a packet that flows to the node unseen, and whether another packet continues it.
    var clientSkip = 0
    var clientContinues = false
    /// Sequence number of the client's last packet, of a statement in several.
    var clientSequence: UInt8 = 0

    /// What the client sent and has not been looked at: the start of a packet, or what came ahead of its turn.
    var clientCarry: ByteBuffer
    /// The start of a packet whose end has not come.
    var nodeCarry: ByteBuffer
    /// What the peer's socket did not take.
    var clientPending: ByteBuffer
    var nodePending: ByteBuffer
    /// The statement in flight or held, with its packet header: what is sent, and what would be run again.
    var statement: ByteBuffer
    /// The whole statement is in `statement`.
    var statementKept = false
    /// The rest of a statement that flows is kept too.
    var keepsStream = false
    /// A COM_QUERY that flows, as far as it has passed, and bytes that are still to come and are none of its text.
    var flowing: FlowingStatement?
    var flowingSkip = 0

    var generation = Generation.none
    var node: NodeID?
    /// Of the node that the session has or had last.
    var nodeCounters: UnsafeMutablePointer<NodeCounters>
    var statementsBegun: UInt64 = 0
    var bytesIn: UInt64 = 0
    var bytesOut: UInt64 = 0
    var lastActive: Instant
    /// When the statement in flight arrived.
    var startedAt = Instant(nanoseconds: 0)
    /// The sample in which it was last held or had an error of ours.
    var affectedIn: UInt32 = 0
    /// The episode of trouble in which it was counted last.
    var episode: UInt32 = 0
    /// Since when it waits or has gone without an answer; zero while all is well.
    var affectedSince = Instant(nanoseconds: 0)
    let createdAt: Instant
    /// Until when it may stand in its queue.
    var deadline = Instant(nanoseconds: 0)
    /// When its held statement is given up; kept over failed attempts to attach.
    var holdDeadline = Instant(nanoseconds: 0)

    var queue = Queue.none
    var queuePrevious: SessionRef?
    var queueNext: SessionRef?
    var readyNext: SessionRef?
    var previous: SessionRef?
    var next: SessionRef?

    // Below: not touched while statements flow.

    /// Present only while armed: a write event is rare. Raw, as everything that libevent keeps.
    var clientWrite: UnsafeMutablePointer<event>?
    var nodeWrite: UnsafeMutablePointer<event>?
    var own: [OwnCommand] = []
    var nodeThreadID: UInt32 = 0
    /// While a session leaves: what it left running on its node.
    var threadToKill: UInt32?
    /// The connection of that: its end before the KILL would end what only waits (SLEEP), and the statement go on.
    var nodeFDToKill: Int32 = -1
    /// Sequence number of the last packet of the login on the node, either way.
    var nodeSequence: UInt8 = 0
    var moves: UInt32 = 0
    /// The login under way, or that is still to succeed, is at another node than the session was at last.
    var changesNode = false
    /// A node's exchange was passed on in the login under way: there is no second one with another node.
    var hasRelayed = false
    /// Of a client that tracks its session.
    var owedReports = OwedReports()
    /// The node has been told the collation that its login has no room for.
    var isCollationSaid = false
    /// Waits at most once in a move for the account to be read.
    var hasAwaitedAccounts = false
    /// What the client was asked for last; nil for a further step of an exchange.
    var relayedPlugin: String?
    /// The client has had its OK.
    var loggedIn = false
    var multiStatements = false
    var credentials = Credentials()
    /// While a COM_CHANGE_USER is under way: whose session it was.
    var previousCredentials: Credentials?
    var previousDatabase: [UInt8]?
    var journal = SessionJournal()
    var prepared = PreparedStatements()
    var change: SessionChangeKind?
    /// What was in flight when the connection to the node ended, when that was, and whether the server said that it was
    /// killed: while it is not known whether the node has ended, too.
    var doubt: (inFlight: InFlight, since: Instant, isTold: Bool)?
    /// The sequences that have given a value since the last move.
    var sequencesTaken: [[UInt8]] = []
    /// What the next statement will be told (a lost transaction, lost state).
    var refusal: Refusal?
    /// The node went in the middle of a LOAD DATA LOCAL: the rest of the file is thrown away, then this is the answer.
    var fileRefusal: Refusal?
    /// Our answer to a statement whose rest is still to come: it follows the statement's last packet, as a server's does.
    var lateAnswer: ErrorPacket?
    let peer: ResolvedAddress
    /// The parts of the state that could not be rebuilt, and the first error.
    var refusedParts: [RestorationPart] = []
    var restorationError: ErrorPacket?
    /// Why the context could not be brought about for which statements are being prepared.
    var contextError: ErrorPacket?
    /// PREPARE names that stand on the node and must not.
    var misprepared: [[UInt8]] = []
    /// The last packet of rows among the answers to our own commands, and what it said of the present login.
    var ownRow: [UInt8] = []
    var loginValues: LoginValues?
    /// What the node said to the last login: for the client, in a while or when nothing else has come of it.
    var loginError: ErrorPacket?
    /// Of `journal`, as the budget has it.
    var journalBytes = 0

    init(
        worker: Unmanaged<Worker>, id: UInt32, clientFD: Int32, peer: ResolvedAddress,
        counters: UnsafeMutablePointer<NodeCounters>, budget: Unmanaged<MemoryBudget>, at now: Instant
    ) {
        self.worker = worker
        clientCarry = ByteBuffer(limit: ReceiveBuffer.size, need: .transit, budget: budget)
        nodeCarry = ByteBuffer(limit: ReceiveBuffer.size, need: .transit, budget: budget)
        clientPending = ByteBuffer(limit: 4 * ReceiveBuffer.size, need: .transit, budget: budget)
        nodePending = ByteBuffer(limit: SessionLimits.restorationMax, need: .transit, budget: budget)
        statement = ByteBuffer(limit: SessionLimits.statementBufferMax, need: .copy, budget: budget)
        nodeCounters = counters
        self.id = id
        self.clientFD = clientFD
        self.peer = peer
        self.createdAt = now
        self.lastActive = now
    }

    /// The transaction state as the client knows it.
    var inTransaction: Bool { status.contains(.inTransaction) }

    /// It has been ended; only what is still to be done for that is under way.
    var isEnding: Bool { frontend == .closing || frontend == .leaving }

    /// The command's text or parameters: what follows the command byte of `statement`, empty where nothing is kept.
    var statementText: UnsafeRawBufferPointer {
        let bytes = statement.bytes
        return bytes.part(from: min(bytes.count, PacketHeader.size + 1))
    }

    /// The same, without the comment that MariaDB runs, where it is all that there is.
    var statementRun: UnsafeRawBufferPointer { ExecutableComment.contents(statementText) ?? statementText }

    mutating func releaseBuffers() {
        clientCarry.release()
        nodeCarry.release()
        clientPending.release()
        nodePending.release()
        statement.release()
    }
}

/// What one session may grow to. All bounds of the program: docs/limits.md.
enum SessionLimits {
    /// A larger statement is not kept while it is in flight: it can't be run again.
    static let statementKeptMax = 1 << 20
    /// Of a kept statement with its head, and parameter types that are put into it.
    static let statementBufferMax = 2 << 20
    /// Prepared statements at a time, as many as a server's default allows all of its sessions together.
    static let preparedMax = 16_382
    /// Their texts, types and what it takes to keep them.
    static let preparedBytesMax = 8 << 20
    /// What rebuilds a session: the texts above, and those of its journal, which may be said in hexadecimal digits.
    static let restorationMax = 32 << 20
    /// Sequences that have given a value since the last move; of more it is not known.
    static let sequencesMax = 64
    /// A packet of a login.
    static let loginPacketMax = 16 * 1024
}
