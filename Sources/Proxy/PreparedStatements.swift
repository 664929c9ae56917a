import MySQLWire

/// A prepared statement of the client's: the id that it knows, the id on the present node, and what is needed to
/// prepare it again on another.
struct PreparedStatement {
    let clientID: UInt32
    var nodeID: UInt32
    /// The text as the client prepared it.
    let text: [UInt8]
    let parameters: Int
    /// The parameters' types as last bound, 2 bytes each; empty while never bound.
    var types: [UInt8] = []
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
}

/// A session's prepared statements in the order of their client ids, which only ever grow.
struct PreparedStatements {
    private(set) var all: [PreparedStatement] = []
    private var lastID: UInt32 = 0
    private var lastIndex = 0
    private(set) var textBytes = 0
    /// The last COM_STMT_PREPARE failed: "the statement prepared last" is none.
    var lastFailed = false

    var isEmpty: Bool { all.isEmpty }

    /// The id that MariaDB takes for "the statement prepared last" (COM_STMT_EXECUTE after a pipelined prepare).
    static let lastPrepared = CommandPacket.lastPrepared

    /// Adds a statement and returns the id for the client.
    mutating func add(nodeID: UInt32, text: UnsafeRawBufferPointer, parameters: Int) -> UInt32 {
        lastID += 1
        all.append(
            PreparedStatement(
                clientID: lastID, nodeID: nodeID, text: [UInt8](text), parameters: parameters))
        lastIndex = all.count - 1
        lastFailed = false
        textBytes += text.count
        return lastID
    }

    /// Index of a client's id, nil if there is no such statement.
    @inline(__always)
    mutating func index(of clientID: UInt32) -> Int? {
        if lastIndex < all.count, all[lastIndex].clientID == clientID { return lastIndex }
        return search(clientID)
    }

    private mutating func search(_ clientID: UInt32) -> Int? {
        if clientID == Self.lastPrepared {
            return all.isEmpty || lastFailed ? nil : all.count - 1
        }
        var low = 0
        var high = all.count
        while low < high {
            let middle = (low + high) / 2
            if all[middle].clientID < clientID { low = middle + 1 } else { high = middle }
        }
        guard low < all.count, all[low].clientID == clientID else { return nil }
        lastIndex = low
        return low
    }

    subscript(_ index: Int) -> PreparedStatement {
        @inline(__always) _read { yield all[index] }
        @inline(__always) _modify { yield &all[index] }
    }

    mutating func remove(at index: Int) {
        textBytes -= all[index].text.count
        all.remove(at: index)
    }

    mutating func removeAll() {
        all.removeAll()
        textBytes = 0
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
