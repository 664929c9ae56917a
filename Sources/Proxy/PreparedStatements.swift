import MySQLWire
import Routing

/// A prepared statement of the client's: the id that it knows, the id on the present node, and what is needed to
/// prepare it again on another.
struct PreparedStatement {
    /// What a statement costs beside its text and types, bytes.
    static let overhead = 176

    let clientID: UInt32
    var nodeID: UInt32
    /// The text as the client prepared it.
    let text: [UInt8]
    /// How it was read then.
    let dialect: Dialect
    /// Of ``PreparedStatements/contexts``; 0 where there were too many.
    let context: UInt32
    /// What its execution changes in the session beyond what the server reports; nil for nearly all.
    let change: SessionChangeKind?
    /// That depends on its parameters.
    let isChangeOfParameters: Bool
    let parameters: Int
    /// There is a KILL in it, whose id has to be looked at with every execution.
    let isKill: Bool
    /// The parameters' types as last bound, 2 bytes each; empty while never bound.
    var types: [UInt8] = []
    /// ``SessionJournal/characterSetChanges`` when they were bound: the server takes strings for what they were then.
    var boundUnder: UInt32 = 0
    /// The same when it was prepared: that it can be brought back to.
    let preparedUnder: UInt32
    /// The present node has seen `types`.
    var typesSent = false
    /// COM_STMT_SEND_LONG_DATA has been sent since the last execution.
    var hasLongData = false
    var hasCursor = false
    /// Long data or a cursor went down with a node; the client is told at its next use.
    var lostLongData = false
    var lostCursor = false
    /// The node it moved to refused to prepare it.
    var failure: ErrorPacket?

    /// What it costs to keep, but for its context. A change is made of pieces of the text.
    var byteCount: Int { Self.overhead + text.count + types.count + (change == nil ? 0 : text.count) }
}

/// A session's prepared statements in the order of their client ids. Those only grow, until after some four billion of
/// them they begin anew; an id that is in use is passed over.
struct PreparedStatements {
    private(set) var all: [PreparedStatement] = []
    private var lastID: UInt32 = 0
    private var lastIndex = 0
    /// What they cost.
    var byteCount: Int { statementBytes + contexts.byteCount }
    private var statementBytes = 0
    /// What they were prepared under.
    private(set) var contexts = PreparationContexts()
    /// The last COM_STMT_PREPARE failed: "the statement prepared last" is none.
    var lastFailed = false

    init() {}

    /// As if so many had been there before: for tests.
    mutating func setLastID(_ id: UInt32) { lastID = id }

    var isEmpty: Bool { all.isEmpty }

    /// The one added or looked for last.
    var last: PreparedStatement? { lastIndex < all.count ? all[lastIndex] : nil }

    /// The id that MariaDB takes for "the statement prepared last" (COM_STMT_EXECUTE after a pipelined prepare).
    static let lastPrepared = CommandPacket.lastPrepared

    /// Adds a statement and returns the id for the client.
    mutating func add(
        nodeID: UInt32, text: UnsafeRawBufferPointer, parameters: Int,
        context: PreparationContext = PreparationContext(), characterSetChanges: UInt32 = 0, dialect: Dialect = .unknown
    ) -> UInt32 {
        let id = nextID()
        let contextID = contexts.take(context) ?? 0
        let change =
            // INSERT … RETURNING is as plain as any.
            StatementClassifier.isPlain(text) && !InsertedID.mayInsert(text)
            ? nil : StatementClassifier.classify(text, dialect: dialect).change
        let statement = PreparedStatement(
            clientID: id, nodeID: nodeID, text: [UInt8](text), dialect: dialect, context: contextID,
            change: change, isChangeOfParameters: parameters > 0 && change?.isOfValues == true, parameters: parameters,
            isKill: KillStatement.isMentioned(in: text), preparedUnder: characterSetChanges)
        lastIndex = place(of: id)
        all.insert(statement, at: lastIndex)
        lastID = id
        lastFailed = false
        statementBytes += statement.byteCount
        return id
    }

    /// There are far more ids than statements may be at a time.
    private func nextID() -> UInt32 {
        var id = lastID
        repeat {
            id = id >= Self.lastPrepared - 1 ? 1 : id + 1
        } while isUsed(id)
        return id
    }

    private func isUsed(_ id: UInt32) -> Bool {
        let place = place(of: id)
        return place < all.count && all[place].clientID == id
    }

    /// Where a statement with that id stands, or would.
    private func place(of id: UInt32) -> Int {
        guard let last = all.last, last.clientID >= id else { return all.count }
        var low = 0
        var high = all.count
        while low < high {
            let middle = (low + high) / 2
            if all[middle].clientID < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Index of a client's id, nil if there is no such statement.
    @inline(__always)
    mutating func index(of clientID: UInt32) -> Int? {
        if lastIndex < all.count, all[lastIndex].clientID == clientID { return lastIndex }
        return search(clientID)
    }

    private mutating func search(_ clientID: UInt32) -> Int? {
        if clientID == Self.lastPrepared {
            // It may have been closed: then there is none that was prepared last.
            return !lastFailed && isUsed(lastID) ? place(of: lastID) : nil
        }
        let place = place(of: clientID)
        guard place < all.count, all[place].clientID == clientID else { return nil }
        lastIndex = place
        return place
    }

    subscript(_ index: Int) -> PreparedStatement {
        @inline(__always) _read { yield all[index] }
        @inline(__always) _modify { yield &all[index] }
    }

    mutating func set(types: [UInt8], at index: Int) {
        statementBytes += types.count - all[index].types.count
        all[index].types = types
    }

    mutating func remove(at index: Int) {
        statementBytes -= all[index].byteCount
        contexts.give(back: all[index].context)
        all.remove(at: index)
    }

    mutating func removeAll() {
        all.removeAll()
        statementBytes = 0
        contexts.removeAll()
    }

    /// The node is gone, and with it ids, bound types, half-sent long data and cursors.
    mutating func detach() {
        for i in all.indices {
            all[i].typesSent = false
            all[i].failure = nil
            if all[i].hasLongData { all[i].lostLongData = true }
            if all[i].hasCursor { all[i].lostCursor = true }
            all[i].hasLongData = false
            all[i].hasCursor = false
        }
    }
}
