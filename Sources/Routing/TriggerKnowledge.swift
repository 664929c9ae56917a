import Cluster

/// What the primary's triggers do to the session whose statement sets them off.
struct TriggerKnowledge: Sendable {
    /// By the table's name, lower case: of equal names in several schemas each does what any does. Those are not here of
    /// which nothing is left.
    let effects: [[UInt8]: [TableTrigger.Event: ProgramEffects]]
    /// Those of all tables: a view's text is not read for them.
    private let ofAny: [TableTrigger.Event: ProgramEffects]
    /// The columns that a BEFORE INSERT trigger may set, by table.
    private let newColumns: [[UInt8]: Set<[UInt8]>]

    init(_ effects: [[UInt8]: [TableTrigger.Event: ProgramEffects]], newColumns: [[UInt8]: Set<[UInt8]>]) {
        self.effects = effects.compactMapValues { events in
            let leaving = events.filter { !$0.value.leavesNothing }
            return leaving.isEmpty ? nil : leaving
        }
        var ofAny: [TableTrigger.Event: ProgramEffects] = [:]
        for events in effects.values {
            for (event, effects) in events { ofAny[event, default: ProgramEffects()].formUnion(effects) }
        }
        self.ofAny = ofAny
        self.newColumns = newColumns
    }

    /// One of them does what the server does not report.
    var leaveUnreported: Bool { ofAny.values.contains { !$0.changes.isEmpty } }

    /// What the triggers may leave that such a write sets off.
    func effects(of written: WrittenTables, views: NameSet?) -> ProgramEffects {
        var found = ProgramEffects()
        if effects.isEmpty || written.events.isEmpty { return found }
        for name in written.names {
            let known =
                name.withUnsafeBytes { views?.contains($0) ?? true } ? ofAny : effects[name]
            guard let known else { continue }
            for event in written.events { if let more = known[event] { found.formUnion(more) } }
        }
        // Behind it LAST_INSERT_ID() is the statement's own again.
        found.mayInsert = false
        return found
    }

    /// The tables of whose rows a trigger may set the number, `isNumber` of the columns in question.
    func numbering(_ isNumber: ([UInt8]) -> Bool) -> [String] {
        newColumns.filter { $0.value.contains(where: isNumber) }.map { String(decoding: $0.key, as: UTF8.self) }
    }
}
