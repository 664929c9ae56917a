/// The SET statements that gave user variables values that can be computed again, in order, without those that no
/// longer matter; and the names of the variables whose values only the server knows.
struct UserVariableLog: Sendable {
    /// One SET statement: all right-hand sides see the values from before it.
    struct Record: Sendable {
        var assignments: [SessionChangeKind.Assignment]
        /// The texts that bring back what its expressions were read under (sql_mode, character sets, …), once that has
        /// changed; nil while it is the session's present one.
        var context: [[UInt8]]?
        /// The values that the system variables had which its expressions read. Such a record has its context from the
        /// beginning.
        var values: [SystemValue] = []

        var isContextual: Bool { assignments.contains { $0.isContextual } }
    }

    struct SystemValue: Sendable, Hashable {
        var name: [UInt8]
        var value: [UInt8]
    }

    /// Lost, and yet to be asked for.
    struct Wanted: Sendable, Hashable {
        var name: [UInt8]
        /// As the server shows it, where that is not in lower case.
        var spelling: [UInt8]?
    }

    private(set) var records: [Record] = []
    private(set) var wanted: [Wanted] = []
    /// Variables with values that only the server knows.
    private(set) var lost: [[UInt8]] = []
    /// Under which names the server shows those that were lost; empty: under their own.
    private var spellings: [[UInt8]: [UInt8]] = [:]
    /// Values were lost, and nobody knows of which variables.
    private(set) var isBlind = false

    /// More assignments than this (a counter in a loop) make the variables lost.
    static let assignmentsMax = 512
    static let lostMax = 256
    /// No more are asked for at a time.
    static let wantedMax = 16

    var isLossy: Bool { isBlind || !lost.isEmpty }

    /// Whether a text reads this system variable, behind one that sets it.
    func reads(_ system: [UInt8]) -> Bool {
        records.contains { $0.values.contains { $0.name == system } }
    }

    /// What is kept, each text with ``SessionJournal/textOverhead``.
    var byteCount: Int {
        var sum = 0
        func add(_ text: [UInt8]) { sum += text.count + SessionJournal.textOverhead }
        for record in records {
            for assignment in record.assignments {
                add(assignment.name)
                if let spelling = assignment.spelling { add(spelling) }
                add(assignment.expression)
                for name in assignment.reads { add(name) }
            }
            for text in record.context ?? [] { add(text) }
            for value in record.values {
                add(value.name)
                add(value.value)
            }
        }
        for name in lost { add(name) }
        for one in wanted { add(one.name) }
        for (name, spelling) in spellings {
            add(name)
            add(spelling)
        }
        return sum
    }

    /// `context`, `values`: where system variables are read, all that there is of this.
    mutating func assign(
        _ assignments: [SessionChangeKind.Assignment], context: [[UInt8]]? = nil, values: [SystemValue] = []
    ) {
        var kept: [SessionChangeKind.Assignment] = []
        var unknown: [[UInt8]] = []
        let known = knownNames
        for var assignment in assignments {
            if let spelling = spelling(of: assignment.name) {
                assignment.spelling = spelling.isEmpty ? nil : spelling
            }
            // NULL leaves a variable of the type that it had.
            if Self.isNull(assignment), known.contains(assignment.name), let last = last(of: assignment.name),
                last.assignments.last(where: { $0.name == assignment.name }).map(Self.isNull) == true
            {
                continue
            }
            if mayGiveNull(assignment), isThere(assignment.name), !assignment.reads.contains(assignment.name) {
                assignment.reads.append(assignment.name)
            }
            if assignment.reads.allSatisfy(known.contains) {
                kept.append(assignment)
            } else {
                unknown.append(assignment.spelling ?? assignment.name)
            }
        }
        if !kept.isEmpty {
            records.append(Record(assignments: kept, context: context, values: values))
            let names = Set(kept.map(\.name))
            lost.removeAll { names.contains($0) }
            wanted.removeAll { names.contains($0.name) }
            for name in names { spellings[name] = nil }
        }
        prune()
        if !unknown.isEmpty { lose(unknown) }
        if records.reduce(0, { $0 + $1.assignments.count }) > Self.assignmentsMax {
            let names = records.flatMap { $0.assignments.map(\.name) }
            remember(names)
            records = []
            lose(names)
        }
    }

    /// The word, or a variable that has it. (Of what else may come to NULL little is kept: literals are no such thing.)
    private func mayGiveNull(_ assignment: SessionChangeKind.Assignment) -> Bool {
        if Self.isNull(assignment) { return true }
        return assignment.reads.contains { name in
            guard let last = last(of: name), let value = last.assignments.last(where: { $0.name == name }) else {
                return false
            }
            return !value.reads.isEmpty || Self.isNull(value)
        }
    }

    static func isNull(_ assignment: SessionChangeKind.Assignment) -> Bool {
        ASCII.lowercased(assignment.expression) == Array("null".utf8)
    }

    private func last(of name: [UInt8]) -> Record? { records.last { $0.assignments.contains { $0.name == name } } }

    private func isThere(_ name: [UInt8]) -> Bool { isBlind || lost.contains(name) || last(of: name) != nil }

    /// The values of these, as they are written, are known to the server only; empty: of any.
    mutating func lose(_ names: [[UInt8]]) {
        guard !names.isEmpty else {
            isBlind = true
            return
        }
        var known = Set(lost)
        for written in names {
            let name = ASCII.lowercased(written)
            guard known.insert(name).inserted else { continue }
            // Whoever is blind need not know more.
            if lost.count == Self.lostMax {
                isBlind = true
                break
            }
            spellings[name] = spelling(of: name) ?? (written == name ? [] : written)
            lost.append(name)
        }
        for written in names { want(ASCII.lowercased(written)) }
        prune()
    }

    private mutating func want(_ name: [UInt8]) {
        guard wanted.count < Self.wantedMax, !wanted.contains(where: { $0.name == name }) else { return }
        let spelling = spelling(of: name) ?? []
        wanted.append(Wanted(name: name, spelling: spelling.isEmpty ? nil : spelling))
    }

    /// What is to be asked for now; that it has been said is for ``found(_:_:)``.
    mutating func takeWanted() -> [Wanted] {
        defer { wanted = [] }
        return wanted
    }

    /// The server has said what the variable's value is: what this expression gives.
    mutating func found(_ one: Wanted, _ expression: [UInt8]) {
        guard lost.contains(one.name) else { return }
        assign([SessionChangeKind.Assignment(name: one.name, expression: expression, spelling: one.spelling)])
    }

    /// These were not made after all. A number that was to become another one has not changed, and anything else may have
    /// another character set.
    mutating func loseUnlessNumbers(_ assignments: [SessionChangeKind.Assignment]) {
        let names = assignments.filter { !Self.isNumber($0) || !isNumber($0.name) }.map(\.name)
        if !names.isEmpty { lose(names) }
    }

    private static func isNumber(_ assignment: SessionChangeKind.Assignment) -> Bool {
        // What the server has said is a string where it has an introducer.
        !assignment.isContextual && assignment.reads.isEmpty && assignment.expression.first != 0x5f
    }

    private func isNumber(_ name: [UInt8]) -> Bool {
        guard !isBlind, !lost.contains(name) else { return false }
        return last(of: name)?.assignments.last { $0.name == name }.map(Self.isNumber) ?? false
    }

    private mutating func remember(_ names: [[UInt8]]) {
        for name in names { spellings[name] = spelling(of: name) }
    }

    /// Something happened to the values of these, if they have any. `isAny`: to those of all.
    mutating func disturb(_ written: [[UInt8]], isAny: Bool) {
        let known = knownNames
        let names = written.map(ASCII.lowercased)
        let disturbed =
            isAny ? Array(known).sorted { $0.lexicographicallyPrecedes($1) } : names.filter(known.contains)
        if !disturbed.isEmpty { lose(disturbed) }
    }

    /// The session has moved without them: what `records` say is all there is.
    mutating func forgetLost() {
        lost = []
        wanted = []
        spellings = [:]
        isBlind = false
    }

    /// sql_mode, a character set or the like changed: texts that depend on it would now give other values. `before`
    /// brings back what it was; nil where that can't be said, and then the variables are lost. `ofClock`: it was the
    /// clock, which is nothing to a literal.
    mutating func contextChanged(from before: [[UInt8]]?, ofClock: Bool = false) {
        guard let before else { return loseContextual(ofClock: ofClock) }
        for i in records.indices where records[i].context == nil && records[i].isContextual {
            records[i].context = before
        }
    }

    /// Whether ``contextChanged(from:)`` has anything to do.
    var dependsOnContext: Bool { records.contains(where: \.isContextual) }

    private mutating func loseContextual(ofClock: Bool) {
        var stale: Set<[UInt8]> = []
        // In the order in which they went.
        var order: [[UInt8]] = []
        var kept: [Record] = []
        for record in records {
            var known: [SessionChangeKind.Assignment] = []
            var gone: [[UInt8]] = []
            for assignment in record.assignments {
                let isGone = assignment.isContextual && (ofClock ? !assignment.isBare : record.context == nil)
                if isGone || assignment.reads.contains(where: stale.contains) {
                    gone.append(assignment.name)
                } else {
                    known.append(assignment)
                }
            }
            for assignment in known { stale.remove(assignment.name) }
            for name in gone where stale.insert(name).inserted { order.append(name) }
            if !known.isEmpty {
                var record = record
                record.assignments = known
                kept.append(record)
            }
        }
        let names = order.filter(stale.contains)
        remember(names)
        records = kept
        if !names.isEmpty { lose(names) }
    }

    /// The expression last given to the variable, if it reads no other.
    func expression(of name: [UInt8]) -> [UInt8]? {
        if isBlind || lost.contains(name) { return nil }
        for record in records.reversed() {
            for assignment in record.assignments.reversed() where assignment.name == name {
                return assignment.reads.isEmpty && record.context == nil ? assignment.expression : nil
            }
        }
        return nil
    }

    /// What has to be said before the session's present context is set: everything up to the last statement that was
    /// read under an earlier one, each behind the texts that bring its context back.
    func statementsBefore() -> [[UInt8]] {
        var texts: [[UInt8]] = []
        var present: [[UInt8]]?
        var begun = 0
        let early = records[..<presentStart]
        for i in early.indices {
            guard var context = early[i].context else { continue }
            if !early[i].values.isEmpty {
                let items = early[i].values.map { SessionVariables.assignment($0.name, $0.value) }
                context.append(Array("SET ".utf8) + items.joined(separator: Array(", ".utf8)))
            }
            guard context != present else { continue }
            texts += statements(early[begun..<i]) + context
            present = context
            begun = i
        }
        return texts + statements(early[begun...])
    }

    /// What has to be said under the session's present context.
    func statements() -> [[UInt8]] { statements(records[presentStart...]) }

    private var presentStart: Int { (records.lastIndex { $0.context != nil } ?? -1) + 1 }

    /// `SET @a = …, @b = …` texts in order; neighbours that read no variable share one.
    private func statements(_ records: ArraySlice<Record>) -> [[UInt8]] {
        var texts: [[UInt8]] = []
        var isOpen = false
        for record in records {
            let isPure = record.assignments.allSatisfy { $0.reads.isEmpty }
            if !isOpen || !isPure { texts.append(Array("SET ".utf8)) }
            var isFirst = !isOpen || !isPure
            for assignment in record.assignments {
                if !isFirst { texts[texts.count - 1] += Array(", ".utf8) }
                isFirst = false
                let name = assignment.spelling ?? assignment.name
                texts[texts.count - 1] += SQLText.userVariable(name) + Array(" = ".utf8)
                texts[texts.count - 1] += assignment.expression
            }
            isOpen = isPure
        }
        return texts
    }

    /// The name under which the variable came about, empty where that is in lower case; nil where it is not known to be
    /// there.
    private func spelling(of name: [UInt8]) -> [UInt8]? {
        for record in records {
            for assignment in record.assignments where assignment.name == name { return assignment.spelling ?? [] }
        }
        return spellings[name]
    }

    /// The names, as the server shows them, of those with a value here.
    var spelled: [[UInt8]] {
        var names: [[UInt8]] = []
        var known: Set<[UInt8]> = []
        for record in records {
            for assignment in record.assignments where known.insert(assignment.name).inserted {
                names.append(assignment.spelling ?? assignment.name)
            }
        }
        return names
    }

    /// How many variables have a value here.
    var knownCount: Int { knownNames.count }

    /// The variables with a value here.
    private var knownNames: Set<[UInt8]> {
        if isBlind { return [] }
        var names: Set<[UInt8]> = []
        for record in records {
            for assignment in record.assignments { names.insert(assignment.name) }
        }
        for name in lost { names.remove(name) }
        return names
    }

    /// Drops records that no variable's present value depends on.
    private mutating func prune() {
        var settled = Set(lost)
        var wanted: Set<[UInt8]> = []
        var kept: [Record] = []
        for record in records.reversed() {
            let isNeeded = record.assignments.contains {
                !settled.contains($0.name) || wanted.contains($0.name)
            }
            guard isNeeded else { continue }
            for assignment in record.assignments {
                wanted.remove(assignment.name)
                settled.insert(assignment.name)
            }
            for assignment in record.assignments { wanted.formUnion(assignment.reads) }
            kept.append(record)
        }
        records = kept.reversed()
    }
}
