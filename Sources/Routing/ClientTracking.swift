import MySQLWire

/// Reports that a direct server would still owe its client: of the schema, where a program in another one has run and the
/// answer, that ends in an EOF or an error, has no room for them; and of what SET STATEMENT has put back behind its answer.
/// They come with the next thing that is reported. To the proxy more is reported, and so they come earlier.
public struct OwedReports: Sendable, Hashable {
    private var isOfSchema = false
    private var names: [[UInt8]] = []
    /// Have come, and are not told yet.
    private var kept: [SessionChange] = []

    /// More are not told apart.
    private static let countMax = 16

    public init() {}

    public var isEmpty: Bool { !isOfSchema && names.isEmpty }

    public mutating func oweSchema() { isOfSchema = true }

    public mutating func owe(_ names: [[UInt8]]) {
        for name in names where self.names.count < Self.countMax && !self.names.contains(name) {
            self.names.append(name)
            if SessionVariables.mayShareReport(name), !self.names.contains(SessionVariables.autocommit) {
                self.names.append(SessionVariables.autocommit)
            }
        }
    }

    /// They have come with the answer to a command of the proxy's own.
    public mutating func keep(_ changes: [SessionChange]) {
        for change in changes where isOwed(change) && kept.count < Self.countMax {
            kept.removeAll { Self.isOfSame($0, change) }
            kept.append(change)
        }
    }

    /// What the client is told of `changes`, which it wants to know: nothing, where all of it is owed and has nothing to do
    /// with the statement; that waits for the next that there is to tell.
    public mutating func told(_ changes: [SessionChange], of change: SessionChangeKind?) -> [SessionChange] {
        if changes.isEmpty { return changes }
        if let change, change.staysInSchema, changes.allSatisfy({ isOwed($0) && !change.sets($0) }) {
            keep(changes)
            return []
        }
        defer {
            self = OwedReports()
            owe(change?.passing ?? [])
        }
        return changes + kept.filter { kept in !changes.contains { Self.isOfSame($0, kept) } }
    }

    private func isOwed(_ change: SessionChange) -> Bool {
        switch change {
        case .schema: isOfSchema
        case .systemVariable(let name, _): names.contains(ASCII.lowercased(name))
        case .stateChanged, .gtids, .transactionCharacteristics, .transactionState, .userVariable, .unknown: false
        }
    }

    private static func isOfSame(_ a: SessionChange, _ b: SessionChange) -> Bool {
        switch (a, b) {
        case (.schema, .schema): true
        case (.systemVariable(let a, _), .systemVariable(let b, _)): a == b
        case _: a == b
        }
    }
}

/// What a client has asked to be told of changes of its session (`session_track_…`); the proxy has the server report
/// more than that.
public struct ClientTracking: Sendable, Hashable {
    /// Names of variables with commas between, as the server has them; `*` for all.
    let list: [UInt8]
    let showsSchema: Bool
    let showsState: Bool

    /// A server's own, where that is not known.
    static let usual = ClientTracking(
        list: Array("autocommit,character_set_client,character_set_connection,character_set_results,time_zone".utf8),
        showsSchema: true, showsState: false)

    static func isOn(_ value: some Collection<UInt8>) -> Bool {
        value.elementsEqual("ON".utf8) || value.elementsEqual("1".utf8)
    }

    static func isOff(_ value: some Collection<UInt8>) -> Bool {
        value.elementsEqual("OFF".utf8) || value.elementsEqual("0".utf8)
    }

    /// Whether a direct connection would have been told.
    public func shows(_ change: SessionChange) -> Bool {
        switch change {
        case .systemVariable(let name, _): shows(name)
        case .schema: showsSchema
        case .stateChanged: showsState
        case .gtids, .transactionCharacteristics, .transactionState, .userVariable, .unknown: true
        }
    }

    private func shows(_ name: [UInt8]) -> Bool {
        let name = ASCII.lowercased(name)
        // Of ours these are not, so it is the client's list that has them.
        if ASCII.starts(name, "session_track_") { return true }
        return list.split(separator: 0x2c).contains { item in
            item.elementsEqual([0x2a]) || ASCII.lowercased(Array(item)).elementsEqual(name)
        }
    }

    /// Whether a change of state is shown even where the answer has no room for what it was.
    public var showsStates: Bool { showsState }

    /// The list for `SET session_track_system_variables`: the client's, and what the journal needs. The client's own
    /// comes first, since the first of several that share a report gives it its name. Where the client wants all, nothing
    /// is missing, and every name would be one that comes first.
    var trackedWithOurs: [UInt8] {
        var own = list.split(separator: 0x2c).map { ASCII.lowercased(Array($0)) }
        if own.contains([0x2a]) { return list }
        own.removeAll(where: \.isEmpty)
        return own.flatMap { $0 + [0x2c] } + Array(SessionVariables.tracked.utf8)
    }

    /// What a SET of one of the three has made of it; the same where that is no literal.
    func setting(_ change: SessionChangeKind.TrackingChange) -> ClientTracking {
        guard let value = change.value else { return self }
        switch String(decoding: change.name, as: UTF8.self) {
        case "session_track_system_variables":
            return ClientTracking(
                list: value.filter { $0 != 0x20 }, showsSchema: showsSchema, showsState: showsState)
        case "session_track_schema":
            return ClientTracking(list: list, showsSchema: Self.isOn(value), showsState: showsState)
        case "session_track_state_change":
            return ClientTracking(list: list, showsSchema: showsSchema, showsState: Self.isOn(value))
        case _: return self
        }
    }
}
