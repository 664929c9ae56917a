/// What a stored program, a trigger, or a compound statement does to its session and the server does not report.
struct ProgramEffects: Sendable, Hashable {
    /// GET_LOCK
    var takesLocks = false
    /// FLUSH TABLES WITH READ LOCK, BACKUP
    var locksServer = false
    /// `SET @@x = …` without a scope, lower case; SET TRANSACTION is among them as the first of
    /// ``SessionVariables/nextTransaction``.
    var systemVariables: [[UInt8]] = []
    /// Of the user's, as they are written: by INTO, `:=`, GET DIAGNOSTICS, CALL.
    var userVariables: [[UInt8]] = []
    /// CREATE TEMPORARY TABLE: not reported where it is filled from a SELECT.
    var temporaryTables: [[UInt8]] = []
    /// LAST_INSERT_ID() may be another behind it.
    var mayInsert = false
    /// It may do something that the server reports, as a change of state and no more.
    var mayBeReported = false
    /// It runs texts that do not stand in it: the server reports most of what these may do.
    var isDynamic = false
    /// It does more than is kept of it, or can't be read.
    var isUnknown = false

    /// What it does is all known, and the server reports none of it.
    var isUnreported: Bool { !mayBeReported && !isDynamic && !isUnknown }

    mutating func formUnion(_ other: ProgramEffects) {
        takesLocks = takesLocks || other.takesLocks
        locksServer = locksServer || other.locksServer
        mayInsert = mayInsert || other.mayInsert
        mayBeReported = mayBeReported || other.mayBeReported
        isDynamic = isDynamic || other.isDynamic
        isUnknown = isUnknown || other.isUnknown
        for name in other.systemVariables { note(systemVariable: name) }
        for name in other.userVariables { note(userVariable: name) }
        for name in other.temporaryTables { note(temporaryTable: name) }
    }

    func union(_ other: ProgramEffects) -> ProgramEffects {
        var both = self
        both.formUnion(other)
        return both
    }

    /// Nothing is left, reported or not.
    var leavesNothing: Bool { !mayBeReported && !isDynamic && changes.isEmpty }

    mutating func note(systemVariable name: [UInt8]) { add(name, to: \.systemVariables) }
    mutating func note(userVariable name: [UInt8]) { add(name, to: \.userVariables) }

    mutating func note(temporaryTable name: [UInt8]) { add(name, to: \.temporaryTables) }

    private mutating func add(_ name: [UInt8], to names: WritableKeyPath<ProgramEffects, [[UInt8]]>) {
        if self[keyPath: names].contains(name) { return }
        if self[keyPath: names].count == StatementReader.namesMax {
            isUnknown = true
        } else {
            self[keyPath: names].append(name)
        }
    }

    /// For the journal, but for what it does to LAST_INSERT_ID().
    var changes: [SessionChangeKind] {
        var changes: [SessionChangeKind] = []
        if takesLocks { changes.append(.userLock(nil)) }
        if locksServer { changes.append(.lockServer) }
        if !systemVariables.isEmpty { changes.append(.setInside(systemVariables)) }
        if !userVariables.isEmpty { changes.append(.loseUserVariables(userVariables)) }
        for table in temporaryTables {
            changes.append(.createTemporaryTable(SessionChangeKind.TableName(table: table)))
        }
        if isUnknown { changes.append(.unknown) }
        return changes
    }
}
