import Cluster

/// What stored programs and triggers do, each with all that it calls and sets off.
struct EffectGraph {
    /// By name, lower case. Of equal names in several schemas it is the one or the other.
    private(set) var programs: [[UInt8]: ProgramEffects] = [:]
    let triggers: TriggerKnowledge

    init(programs: [StoredProgram], triggers: [TableTrigger], views: NameSet?) {
        var texts: [Node: Text] = [:]
        var newColumns: [[UInt8]: Set<[UInt8]>] = [:]
        for program in programs {
            let node = Node.program(ASCII.lowercased(Array(program.name.utf8)))
            texts[node, default: Text()].formUnion(Text(program.body, sqlMode: program.sqlMode, isTrigger: false))
        }
        for trigger in triggers {
            let table = ASCII.lowercased(Array(trigger.table.utf8))
            let text = Text(trigger.body, sqlMode: trigger.sqlMode, isTrigger: true)
            texts[.trigger(table, trigger.event), default: Text()].formUnion(text)
            if trigger.isBefore, trigger.event == .insert {
                newColumns[table, default: []].formUnion(text.newColumns)
            }
        }
        var names: [[UInt8]: Bool] = [:]
        for name in texts.values.reduce(into: Set<[UInt8]>(), { $0.formUnion($1.names) }) {
            names[name] = name.withUnsafeBytes { views?.contains($0) ?? false }
        }
        Self.complete(&texts, isView: { names[$0] ?? false })
        var tables: [[UInt8]: [TableTrigger.Event: ProgramEffects]] = [:]
        for (node, text) in texts {
            switch node {
            case .program(let name): self.programs[name] = text.effects
            case .trigger(let table, let event): tables[table, default: [:]][event] = text.effects
            }
        }
        self.triggers = TriggerKnowledge(tables, newColumns: newColumns)
    }

    private enum Node: Hashable {
        case program([UInt8])
        case trigger([UInt8], TableTrigger.Event)
    }

    private struct Text {
        var effects = ProgramEffects()
        /// Every name in it, lower case.
        var names: Set<[UInt8]> = []
        var events: Set<TableTrigger.Event> = []
        var newColumns: Set<[UInt8]> = []

        init() {}

        init(_ body: String, sqlMode: String, isTrigger: Bool) {
            let modes = sqlMode.split(separator: ",")
            let dialect = Dialect(
                backslashEscapes: !modes.contains("NO_BACKSLASH_ESCAPES"), ansiQuotes: modes.contains("ANSI_QUOTES"),
                characterSet: .safe)
            Array(body.utf8).withUnsafeBytes {
                guard let reader = StatementReader($0, dialect: dialect) else { return effects.isUnknown = true }
                let text = ProgramText(reader: reader, isTrigger: isTrigger)
                effects = text.effects
                names = text.names
                events = text.events
                newColumns = isTrigger ? text.newColumns : []
            }
            // It assigns without SET.
            if isTrigger, modes.contains("ORACLE") { effects.mayBeReported = true }
        }

        mutating func formUnion(_ other: Text) {
            effects.formUnion(other.effects)
            names.formUnion(other.names)
            events.formUnion(other.events)
            newColumns.formUnion(other.newColumns)
        }
    }

    /// What they call, and those call, until nothing is added.
    private static func complete(_ texts: inout [Node: Text], isView: ([UInt8]) -> Bool) {
        // Who has which of the others in it.
        var others: [Node: [Node]] = [:]
        let triggers = texts.keys.filter { if case .trigger = $0 { true } else { false } }
        for (node, text) in texts {
            var found: Set<Node> = []
            for name in text.names {
                if texts[.program(name)] != nil { found.insert(.program(name)) }
                for event in text.events where texts[.trigger(name, event)] != nil {
                    found.insert(.trigger(name, event))
                }
                guard isView(name) else { continue }
                // What it calls is not read; and what is written by its name is in a table that is not named.
                texts[node]?.effects.mayBeReported = true
                for case .trigger(let table, let event) in triggers where text.events.contains(event) {
                    found.insert(.trigger(table, event))
                }
            }
            others[node] = Array(found)
        }
        var isComplete = false
        while !isComplete {
            isComplete = true
            for (node, called) in others {
                guard var own = texts[node]?.effects else { continue }
                let before = own
                for other in called {
                    guard var effects = texts[other]?.effects else { continue }
                    if case .trigger = other { effects.mayInsert = false }
                    own.formUnion(effects)
                }
                guard own != before else { continue }
                texts[node]?.effects = own
                isComplete = false
            }
        }
    }
}
