import CLibevent
import Cluster
import Glibc
import MySQLWire
import Reactor
import Routing

/// Logging a session in to the primary, for the first time or to rebuild it there.
extension Worker {
    /// Begins to connect. The session has left every queue.
    ///
    /// - Parameter isSeated: it has taken a seat at the primary already.
    func attach(_ s: SessionRef, isSeated: Bool = false) {
        guard let primary = view.primary, primary.rawValue < addresses.count,
            let address = addresses[primary.rawValue]
        else {
            if isSeated, let primary = view.primary { fleet.seats(of: primary) { $0.left(wasUnderWay: true) } }
            return hold(s)
        }
        if !isSeated { fleet.seats(of: primary) { $0.takeUnasked() } }
        if s.pointee.loggedIn, s.pointee.node != primary {
            s.pointee.nodeCounters.pointee.left.add()
            s.pointee.changesNode = true
        }
        s.pointee.node = primary
        s.pointee.nodeCounters = counters.node(primary)
        s.pointee.nodeCounters.pointee.connects.add()
        if s.pointee.generation != view.generation { s.pointee.failedRestorations = 0 }
        s.pointee.generation = view.generation
        s.pointee.deadline = now + options.connectTimeout
        attaching.append(s)
        governor.attachStarted()
        do {
            s.pointee.nodeFD = try Sockets.connect(to: address)
        } catch {
            fleet.seats(of: primary) { $0.left(wasUnderWay: true) }
            reportConnect(s, error)
            return attachFailed(s)
        }
        s.pointee.backend = .connecting
        event_assign(
            nodeReadEvent(s), base, s.pointee.nodeFD, Int16(EV_READ | EV_PERSIST), nodeReadableEvent,
            UnsafeMutableRawPointer(s))
        setNodeWriting(s, true)
    }

    func nodeConnected(_ s: SessionRef) {
        now = MonotonicClock.now()
        setNodeWriting(s, false)
        if let error = Sockets.pendingError(s.pointee.nodeFD) {
            reportConnect(s, error)
            return attachFailed(s)
        }
        let descriptor = s.pointee.nodeFD
        _ = try? Sockets.setNoDelay(descriptor)
        _ = try? Sockets.setKeepalive(descriptor, idle: 30, interval: 5, count: 3)
        _ = try? Sockets.setUserTimeout(descriptor, milliseconds: Int32(clamping: options.nodeTimeout.milliseconds))
        s.pointee.backend = .greeting
        setNodeReading(s, true)
        if options.proxyProtocol, let local = Sockets.local(of: s.pointee.clientFD) {
            writeNode(s, ProxyProtocol.header(client: s.pointee.peer, local: local))
        }
    }

    /// What a connection that could not be made says of the node: nothing, where it is this host that has no room for one.
    private func reportConnect(_ s: SessionRef, _ error: SystemError) {
        switch error.errno {
        case ECONNREFUSED: report(s, .refused)
        case EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL, EAGAIN, EACCES, EPERM: break
        case _: report(s, .lost)
        }
    }

    /// The attempt failed for a reason that may pass: the session keeps its place in the queue.
    func attachFailed(_ s: SessionRef, after pause: Instant.Span = ReleaseGovernor.retryPause) {
        if s.pointee.frontend == .leaving { return destroy(s, reset: true) }
        s.pointee.nodeCounters.pointee.connectsFailed.add()
        closeNode(s, reset: true)
        if s.pointee.queue == .attaching {
            attaching.remove(s)
            governor.attachFailed(at: now, pause: pause)
        }
        leaveQueue(s)
        switch s.pointee.frontend {
        case .login where s.pointee.hasRelayed, .relaying:
            // The client is in the middle of an exchange that began on a node that is gone.
            loginFailed(s, .loginInterrupted)
        case .login, .held: hold(s, first: true)
        case .ungreeted, .handshake, .penalized, .idle, .streaming, .discarding, .waiting, .infile, .closing, .leaving:
            break
        }
    }

    /// The attempt took too long, and is cut off in the middle of its login.
    func attachTimedOut(_ s: SessionRef) {
        report(s, .loginAborted)
        attachFailed(s)
    }

    /// The node refuses this session for a reason of its own, which may pass. It waits apart, so that nobody waits behind
    /// it, as long as it would have waited for a primary.
    private func postpone(_ s: SessionRef, _ error: ErrorPacket?) {
        s.pointee.nodeCounters.pointee.connectsFailed.add()
        closeNode(s, reset: false)
        leaveQueue(s)
        beginHolding(s)
        waitApart(s, until: now + AccountLimits.pause, error)
    }

    private func waitApart(_ s: SessionRef, until: Instant, _ error: ErrorPacket?) {
        s.pointee.loginError = error
        s.pointee.deadline = until
        postponed.append(s)
        counters.heldNow.add()
    }

    /// Others of the same account were refused, and it is not time to try again: it waits behind them. The session has left
    /// every queue.
    func waitsForAccount(_ s: SessionRef) -> Bool {
        guard let wait = accountLimits.wait(s.pointee.credentials.user, at: now) else { return false }
        beginHolding(s)
        waitApart(s, until: wait.until, wait.error)
        return true
    }

    /// It is the one of its account that is tried: nothing holds it up in the queue.
    private func tryForAccount(_ s: SessionRef) {
        accountLimits.tries(s.pointee.credentials.user, at: now)
        s.pointee.loginError = nil
        s.pointee.triesAccount = true
        hold(s, first: true)
    }

    /// A session of the account was let in, or has left: the one that has waited longest may be let in now.
    func tryNext(of user: [UInt8]) {
        guard accountLimits.isLimited(user) else { return }
        var next = postponed.first
        while let s = next {
            next = s.pointee.queueNext
            guard s.pointee.loginError != nil, s.pointee.credentials.user == user, s.pointee.holdDeadline > now else {
                continue
            }
            leaveQueue(s)
            tryForAccount(s)
            releaseDue = true
            return
        }
    }

    /// Its time has come: the next attempt, or, where it has waited as long as it may, the node's own words.
    func retryPostponed(_ s: SessionRef) {
        leaveQueue(s)
        guard s.pointee.holdDeadline <= now else {
            if s.pointee.loginError != nil {
                if waitsForAccount(s) { return }
                return tryForAccount(s)
            }
            return hold(s, first: true)
        }
        s.pointee.holdDeadline = Instant(nanoseconds: 0)
        let error = s.pointee.loginError ?? expired(s, login: s.pointee.frontend != .held).packet
        s.pointee.loginError = nil
        guard s.pointee.frontend == .held else { return loginFailed(s, error) }
        let told = ErrorPacket(
            code: error.code, sqlState: error.sqlState,
            message: "HAProxyDB: statement not executed, the primary refuses this session: \(error.message)")
        noteFailed(s, told)
        answer(s, told)
    }

    // MARK: packets of a node that has not let us in yet

    func nodeGreeted(_ s: SessionRef, _ payload: UnsafeRawBufferPointer, sequence: UInt8) {
        if payload.first == 0xFF { return nodeRefused(s, payload) }
        // What follows is the node's login; its client may be gone, and then it only has to end well.
        guard let greeting = try? Greeting(payload: payload) else { return attachFailed(s) }
        s.pointee.nodeThreadID = greeting.connectionID
        let offered = greeting.capabilities.intersection(.supported).union(.longPassword)
        var capabilities = s.pointee.capabilities
            .union([.protocol41, .secureConnection, .pluginAuth, .sessionTrack])
            .subtracting([.connectWithDB, .multiStatements, .connectAttributes])
        if s.pointee.multiStatements { capabilities.insert(.multiStatements) }
        // On a move the schema comes after: it may be gone, or its name may mean nothing under the login's character set.
        let database = s.pointee.loggedIn ? nil : s.pointee.journal.database
        if database != nil { capabilities.insert(.connectWithDB) }
        if s.pointee.credentials.attributes != nil { capabilities.insert(.connectAttributes) }
        s.pointee.nodeCapabilities = capabilities.intersection(offered)
        // The framing of every answer hangs on these: a node without them can't stand in for the one before it.
        let framing: Capabilities = [.deprecateEOF, .cacheMetadata, .extendedMetadata]
        guard s.pointee.capabilities.intersection(framing).isSubset(of: s.pointee.nodeCapabilities) else {
            return cannotAttach(
                s, ErrorPacket(code: 1105, sqlState: "08S02", message: "HAProxyDB: the new primary is of an older kind")
            )
        }
        s.pointee.nodeSequence = sequence &+ 1
        s.pointee.isCollationSaid = false
        proveRelayed(s)
        let stage1 = s.pointee.credentials.stage1
        let token = Self.token(stage1, s.pointee.credentials.stage2, greeting.scramble)
        let response = HandshakeResponse(
            capabilities: s.pointee.nodeCapabilities, maxPacketSize: s.pointee.credentials.packetMax,
            collation: UInt8(exactly: s.pointee.credentials.collation)
                ?? (stage1 == nil ? 0 : s.pointee.credentials.loginCollation),
            user: s.pointee.credentials.user,
            authResponse: token,
            database: database,
            // This makes the node start the exchange, which then is the client's own.
            plugin: stage1 == nil ? Self.noPlugin : NativePassword.pluginName,
            attributes: s.pointee.credentials.attributes)
        s.pointee.backend = .login
        writeNode(s, PacketWriter.packet(sequence: s.pointee.nodeSequence, payload: response.payload()))
    }

    /// A name that no account has.
    private static let noPlugin = "relayed_by_proxy"

    private static func token(_ stage1: [UInt8]?, _ stage2: [UInt8], _ scramble: [UInt8]) -> [UInt8] {
        guard let stage1, !stage1.isEmpty else { return [] }
        return NativePassword.token(stage1: stage1, stage2: stage2, scramble: scramble)
    }

    /// A packet of the node's in the login: its word, or a step of the exchange.
    func nodeAnsweredLogin(_ s: SessionRef, _ payload: UnsafeRawBufferPointer, sequence: UInt8) {
        s.pointee.nodeSequence = sequence
        switch payload.first {
        case 0x00:
            if s.pointee.frontend == .leaving { return takeLeave(s) }
            guard let ok = try? OKPacket(payload: payload, capabilities: s.pointee.nodeCapabilities) else {
                return attachFailed(s)
            }
            if !saysCollation(s) { attached(s, ok) }
        case 0xFF: nodeRefused(s, payload)
        case 0xFE:
            guard let request = try? AuthSwitch(payload: payload) else { return attachFailed(s) }
            let isNative = request.plugin == NativePassword.pluginName
            // Anything longer would be kept with the session.
            if isNative, request.data.count > Greeting.scrambleSize { return attachFailed(s) }
            if isNative, let stage1 = s.pointee.credentials.stage1 {
                return answerNode(s, Self.token(stage1, s.pointee.credentials.stage2, request.data))
            }
            if s.pointee.frontend == .leaving { return answerNode(s, LoginFarewell.answer(to: request.plugin)) }
            guard LoginRelay.passesOn(request.plugin) else { return cannotAttach(s, .plainPassword(request.plugin)) }
            if s.pointee.loggedIn, awaitsAccounts(s) { return }
            s.pointee.relayedPlugin = request.plugin
            s.pointee.credentials.relayedScramble = isNative ? request.data : []
            if isNative { s.pointee.credentials.scramble = request.data }
            relay(s, payload)
        case _:
            if s.pointee.frontend == .leaving { return answerNode(s, LoginFarewell.answer(to: nil)) }
            // A further step of an exchange that nobody has begun.
            guard s.pointee.hasRelayed else { return attachFailed(s) }
            s.pointee.relayedPlugin = nil
            relay(s, payload)
        }
    }

    /// A collation above 255 has no room in a login: it is said as the client said it. True where the node's word on that
    /// is awaited. (No text does the same: the client's character set by its name is another collation's, which the
    /// columns of every result show.)
    private func saysCollation(_ s: SessionRef) -> Bool {
        guard s.pointee.credentials.collation > 0xFF, !s.pointee.isCollationSaid, s.pointee.credentials.stage1 != nil
        else { return false }
        s.pointee.isCollationSaid = true
        let request = ChangeUser(
            user: s.pointee.credentials.user, authResponse: [],
            database: s.pointee.loggedIn ? [] : s.pointee.journal.database ?? [],
            collation: s.pointee.credentials.collation, plugin: Self.noPlugin,
            attributes: s.pointee.credentials.attributes)
        let payload = request.payload(capabilities: s.pointee.nodeCapabilities)
        writeNode(s, PacketWriter.packet(sequence: 0, payload: payload))
        return true
    }

    func answerNode(_ s: SessionRef, _ payload: [UInt8]) {
        s.pointee.nodeSequence &+= 1
        writeNode(s, PacketWriter.packet(sequence: s.pointee.nodeSequence, payload: payload))
    }

    /// The node has let in a client that is gone.
    private func takeLeave(_ s: SessionRef) {
        if let thread = s.pointee.threadToKill { return killThread(s, thread) }
        writeNode(s, PacketWriter.packet(sequence: 0, payload: [Command.quit.rawValue]))
        s.pointee.backend = .detached
        destroy(s, reset: false)
    }

    /// Passes a step of the exchange on to the client, which is there to answer it only during its own login.
    private func relay(_ s: SessionRef, _ payload: UnsafeRawBufferPointer) {
        guard !s.pointee.loggedIn, s.pointee.capabilities.contains(.pluginAuth) else {
            return cannotAttach(
                s,
                ErrorPacket(
                    code: 1045, sqlState: s.pointee.loggedIn ? "08S02" : "28000",
                    message: "HAProxyDB: this account's authentication plugin needs the client's password again"))
        }
        s.pointee.frontend = .relaying
        s.pointee.hasRelayed = true
        if s.pointee.queue == .attaching {
            // Now it is the client that takes its time, and that must not keep others from the node.
            leaveQueue(s)
            s.pointee.deadline = now + options.loginTimeout
            logins.append(s)
        }
        writeClientPacket(s, payload: [UInt8](payload))
        resumeClient(s)
    }

    /// A login that a node decided, and the account has not been read since: it may be by the next attempt. Once only; a
    /// proxy that may not read accounts would never be able to.
    private func awaitsAccounts(_ s: SessionRef) -> Bool {
        guard !s.pointee.credentials.relayedScramble.isEmpty, !s.pointee.hasAwaitedAccounts else { return false }
        s.pointee.hasAwaitedAccounts = true
        wantAccounts()
        postpone(s, nil)
        return true
    }

    private func nodeRefused(_ s: SessionRef, _ payload: UnsafeRawBufferPointer) {
        if s.pointee.frontend == .leaving { return destroy(s, reset: false) }
        guard let error = try? ErrorPacket(payload: payload) else { return attachFailed(s) }
        switch error.code {
        // ER_SERVER_SHUTDOWN
        case 1053: attachFailed(s)
        // ER_HOST_IS_BLOCKED: this host, for whatever reason; not this client.
        case 1129:
            report(s, .hostBlocked)
            attachFailed(s, after: .milliseconds(100))
        // ER_CON_COUNT_ERROR. Whoever has waited for a primary waits for a seat, too; a login that nobody delayed is told
        // what it is told without a proxy.
        case 1040:
            let now = now
            if let node = s.pointee.node { fleet.seats(of: node) { $0.refused(at: now) } }
            guard s.pointee.loggedIn || s.pointee.holdDeadline.nanoseconds != 0 else { return cannotAttach(s, error) }
            lacksSeat = true
            attachFailed(s, after: .milliseconds(100))
        // ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED: this account's own limit.
        case 1203, 1226:
            guard s.pointee.loggedIn || s.pointee.holdDeadline.nanoseconds != 0 else { return cannotAttach(s, error) }
            if accountLimits.refused(s.pointee.credentials.user, error, at: now) {
                var told = RefusedLogin(s, error)
                told.waits = true
                fleet.onRefusedLogin(told)
            }
            postpone(s, error)
        case _: cannotAttach(s, error)
        }
    }

    /// The node's no is final: it is the answer to the client, whose session ends.
    private func cannotAttach(_ s: SessionRef, _ error: ErrorPacket) {
        switch s.pointee.frontend {
        case .leaving: return destroy(s, reset: false)
        case .held:
            noteFailed(s, error)
            s.pointee.frontend = .idle
        case .ungreeted, .handshake, .login, .relaying, .penalized, .idle, .streaming, .discarding, .waiting, .infile,
            .closing:
            break
        }
        loginFailed(s, error)
    }

    /// The node ended the connection on which the session was being rebuilt. Once it may be the node's trouble; then it
    /// is the session's own.
    func restorationCutOff(_ s: SessionRef) {
        s.pointee.failedRestorations += 1
        switch s.pointee.failedRestorations {
        case 1:
            report(s, .lost)
            attachFailed(s)
        case 2: postpone(s, nil)
        case _:
            s.pointee.failedRestorations = 0
            closeNode(s, reset: true)
            leaveQueue(s)
            keepJournal(s, SessionJournal(database: s.pointee.journal.database))
            setCharacterSetOfLogin(s)
            budgetPrepared(s) { $0.removeAll() }
            answerHeld(s, .restorationFailed(code: 2013, message: "the server ended the connection"))
        }
    }

    // MARK: in

    private func attached(_ s: SessionRef, _ ok: OKPacket) {
        if s.pointee.queue == .attaching {
            attaching.remove(s)
            governor.attachSucceeded()
        }
        leaveQueue(s)
        if let node = s.pointee.node { fleet.seats(of: node) { $0.admitted() } }
        tryNext(of: s.pointee.credentials.user)
        fleet.set(thread: s.pointee.nodeThreadID, of: s.pointee.id)
        s.pointee.nodeCounters.pointee.sessionsNow.add()
        s.pointee.nodeCounters.pointee.sessionsTotal.add()
        releaseDue = true
        guard s.pointee.loggedIn else {
            s.pointee.backend = .attached
            loginSucceeded(s, ok)
            // At once: whoever says nothing for long has all the same what it has from this login.
            if s.pointee.backend == .attached { open(s) }
            return
        }
        // Sessions move when a statement of theirs waits for it.
        guard s.pointee.frontend == .held else { return closeNode(s, reset: false) }
        note(s, s.pointee.changesNode ? "has moved, and is rebuilt" : "has connected anew, and is rebuilt")
        if s.pointee.changesNode { counters.moved.add() } else { counters.reconnected.add() }
        s.pointee.changesNode = false
        s.pointee.moves += 1
        s.pointee.hasAwaitedAccounts = false
        loseLeftovers(s)
        setStatus(s, ok.status)
        s.pointee.restorationError = nil
        s.pointee.refusedParts = []
        s.pointee.backend = .restoring
        s.pointee.deadline = now + Worker.restorationTimeMax
        restoring.append(s)
        s.pointee.isOpening = true
        s.pointee.loginValues = nil
        writeNode(s, opening(s, s.pointee.journal.presentTrackingText))
    }

    /// Nothing is to be rebuilt: the client's commands go out behind our own.
    func open(_ s: SessionRef) { writeNode(s, opening(s)) }

    /// What a fresh login is told and asked first, for one write.
    private func opening(_ s: SessionRef, _ tracking: [UInt8] = SessionJournal.trackingText) -> [UInt8] {
        var commands: [UInt8] = []
        if s.pointee.credentials.collation > 0xFF, s.pointee.isCollationSaid {
            // A server that does not know it has taken its own, and that of the login when it was reset.
            if s.pointee.credentials.isReset, s.pointee.backend == .restoring {
                expect(s, .collation)
                commands += PacketWriter.packet(sequence: 0, payload: [Command.resetConnection.rawValue])
            }
        } else if s.pointee.credentials.collation > 0xFF {
            // Nobody can say it a second time but the client, which knows the password: as near as texts come.
            for text in LoginCollation.texts(s.pointee.credentials.collation) {
                expect(s, .collation)
                commands += Self.query(text)
            }
        }
        expect(s, .loginValues)
        expect(s, .tracking)
        return commands + Self.query(LoginValues.question) + Self.query(tracking)
    }

    /// Notes that the answer to a command of ours is the next to come, behind those that are due already.
    private func expect(_ s: SessionRef, _ command: OwnCommand) {
        s.pointee.own.append(command)
        guard !s.pointee.hasOwn else { return }
        s.pointee.hasOwn = true
        beginOwn(s, command)
    }

    private func beginOwn(_ s: SessionRef, _ command: OwnCommand) {
        switch command {
        case .restoration, .context(isFirst: true):
            // Another context, or the session's present one.
            s.pointee.contextError = nil
            s.pointee.tracker.begin(.query, capabilities: s.pointee.nodeCapabilities)
        case .collation, .loginValues, .tracking, .question, .context(isFirst: false), .preparedName, .deallocation,
            .guardBegin, .guardEnd:
            s.pointee.tracker.begin(.query, capabilities: s.pointee.nodeCapabilities)
        case .preparation: s.pointee.tracker.begin(.statementPrepare, capabilities: s.pointee.nodeCapabilities)
        case .binding: s.pointee.tracker.begin(.statementExecute, capabilities: s.pointee.nodeCapabilities)
        }
    }

    /// Everything that rebuilds the session, for one write; what is to come back is noted in `own`.
    private func restoration(_ s: SessionRef) -> [UInt8] {
        var commands: [UInt8] = []
        s.pointee.contextError = nil
        s.pointee.misprepared = []
        let steps = s.pointee.journal.restoration(
            of: s.pointee.prepared.contexts, onto: s.pointee.loginValues,
            isAutocommit: s.pointee.status.contains(.autocommit), piecewise: s.pointee.restoresPiecewise)
        for step in steps {
            switch step {
            case .text(let text, let part):
                commands += Self.query(text)
                expect(s, .restoration(part))
            case .context(let texts):
                for (i, text) in texts.enumerated() {
                    commands += Self.query(text)
                    expect(s, .context(isFirst: i == 0))
                }
            case .preparedName(let name, let text):
                commands += Self.query(text)
                expect(s, .preparedName(name))
            case .statements(let context):
                for i in s.pointee.prepared.all.indices where isOf(s, i, context) {
                    commands += PacketWriter.packet(
                        sequence: 0, payload: [Command.statementPrepare.rawValue] + s.pointee.prepared[i].text)
                    expect(s, .preparation(s.pointee.prepared[i].clientID))
                    guard let binding = binding(s.pointee.prepared[i]) else { continue }
                    commands += binding
                    expect(s, .binding(s.pointee.prepared[i].clientID))
                }
            case .lostStatements(let context):
                for i in s.pointee.prepared.all.indices where isOf(s, i, context) {
                    s.pointee.prepared[i].failure = Refusal.stateLost(.unknown).packet
                }
            }
        }
        if s.pointee.isGuarded {
            commands += Self.query(Array("SET TRANSACTION READ ONLY".utf8))
            expect(s, .guardBegin)
        }
        return commands
    }

    private func isOf(_ s: SessionRef, _ i: Int, _ context: PreparationContext) -> Bool {
        s.pointee.prepared.contexts[s.pointee.prepared[i].context] == context
    }

    /// Sends a command behind the end of what guarded the one before.
    func writeNodeBehindGuard(_ s: SessionRef, _ packet: UnsafeRawBufferPointer) {
        s.pointee.guardLeft = false
        expect(s, .guardEnd)
        writeNode(s, Self.query(Array("COMMIT".utf8)) + packet)
    }

    private static func query(_ text: [UInt8]) -> [UInt8] {
        PacketWriter.packet(sequence: 0, payload: [Command.query.rawValue] + text)
    }

    /// Sends a command of a session that could not be opened before behind our own, in one write.
    func writeNodeWithTracking(_ s: SessionRef, _ packet: UnsafeRawBufferPointer) {
        s.pointee.tracksWithNext = false
        writeNode(s, opening(s) + packet)
    }

    /// The client's last command set what the server has not reported. The server is asked at once where that takes nothing
    /// of what the command has left.
    func askOrWait(_ s: SessionRef) {
        let leavesRowCount = s.pointee.command == .query || s.pointee.command == .statementExecute
        guard leavesRowCount, !s.pointee.asksForCursor || s.pointee.command == .query,
            // Not in the middle of something else that the client sends.
            s.pointee.frontend == .waiting, let left = s.pointee.rowCountLeft,
            !isDiagnostic(s)
        else {
            s.pointee.asksWithNext = true
            return
        }
        ask(s, left: left, tables: false)
        s.pointee.asksWithNext = s.pointee.journal.asksTables
    }

    /// GET DIAGNOSTICS and the like leave all of it as it was.
    private func isDiagnostic(_ s: SessionRef) -> Bool {
        withStatement(s) { StatementClassifier.classify($0, dialect: dialect(s)).reads.contains(.warnings) } ?? true
    }

    /// A statement is about to be sent: what has waited for it is asked before. A statement that asks for what the one
    /// before has left comes first, and an insert, where it is LAST_INSERT_ID() that is not known.
    func askBeforeStatement(_ s: SessionRef) {
        if leavesRowCount(s.pointee.command) || readsPrevious(s) { return }
        if !s.pointee.journal.asks {
            if mayInsert(s) { return }
            guard asksInsertID(s) else {
                s.pointee.asksWithNext = false
                return
            }
        }
        let tables = s.pointee.journal.asksTables && overwritesAll(s)
        ask(s, tables: tables)
        s.pointee.asksWithNext = s.pointee.journal.asksTables
    }

    /// The statement about to be sent leaves nothing of what a question takes that reads a table.
    private func overwritesAll(_ s: SessionRef) -> Bool {
        withStatement(s) {
            StatementClassifier.classify($0, dialect: dialect(s)).overwrites.isSuperset(of: .ofTable)
        } ?? false
    }

    /// ROW_COUNT() is still that of the statement before behind these.
    private func leavesRowCount(_ command: Command) -> Bool {
        switch command {
        case .statementPrepare, .statementClose, .statementReset, .statementSendLongData, .statementFetch, .statistics,
            .setOption:
            true
        case _: false
        }
    }

    /// Where it has been lost by a move the server does not know it either.
    func asksInsertID(_ s: SessionRef) -> Bool {
        s.pointee.journal.asksInsertID && !s.pointee.leftovers.contains(.insertID)
    }

    /// The connection to the node is about to be given up in good order: what has not been told yet is asked now. What the
    /// client's last statement has left is gone with that.
    func askBeforeLeaving() {
        var next = sessions
        while let s = next {
            next = s.pointee.next
            askBeforeLeaving(s)
        }
    }

    private func askBeforeLeaving(_ s: SessionRef) {
        guard s.pointee.asksWithNext, s.pointee.frontend == .idle, s.pointee.backend == .attached,
            !s.pointee.hasOwn, s.pointee.generation == view.generation
        else { return }
        s.pointee.leftovers.formUnion(s.pointee.journal.asksTables ? .ofTable : [.rowCount, .warnings])
        s.pointee.overwritten = []
        ask(s)
    }

    func ask(_ s: SessionRef, left: RowCountLeft = .nothing, tables: Bool = true) {
        s.pointee.asksWithNext = false
        var commands: [UInt8] = []
        for question in s.pointee.journal.questions(left: left, tables: tables) {
            commands += Self.query(question.text)
            expect(s, .question(question.answer))
        }
        if commands.isEmpty { s.pointee.journal.questionsAnswered() } else { writeNode(s, commands) }
    }

    /// The server has done what we asked of it.
    private func ownSucceeded(_ s: SessionRef, _ command: OwnCommand, _ payload: UnsafeRawBufferPointer) {
        switch command {
        case .loginValues:
            let said = loginValues.values(ofRow: s.pointee.ownRow)
            s.pointee.ownRow = []
            guard let said else { return }
            if s.pointee.backend == .attached {
                // Nobody has asked before: that is what the session has.
                s.pointee.journal.loggedIn(said.values, schema: said.schema)
            } else {
                s.pointee.loginValues = said.values
            }
        case .question(.login):
            let said = loginValues.values(ofRow: s.pointee.ownRow)
            s.pointee.ownRow = []
            if let said { s.pointee.journal.answered(said.values) }
            budgetJournal(s)
        case .question(.userVariable(let variable)):
            s.pointee.journal.answered(row: s.pointee.ownRow, about: variable)
            s.pointee.ownRow = []
            budgetJournal(s)
        case .question(let answer):
            guard let ok = try? OKPacket(payload: payload, capabilities: s.pointee.nodeCapabilities) else { return }
            if !s.pointee.owedReports.isEmpty {
                s.pointee.owedReports.keep(ok.changes.filter(s.pointee.journal.clientTracking.shows))
            }
            switch answer {
            case .reports:
                s.pointee.journal.applyQuestion()
                note(s, ok.changes)
            case .values(let names):
                if let value = Self.carried(ok) { s.pointee.journal.answered(value, about: names) }
            case .insertID:
                if let value = Self.carried(ok) { s.pointee.journal.answeredInsertID(value) }
            case .tracking:
                if let value = Self.carried(ok) { s.pointee.journal.answeredTracking(value) }
            case .triggers: if let value = Self.carried(ok) { s.pointee.journal.answeredTriggers(value) }
            case .role: if let value = Self.carried(ok) { s.pointee.journal.answeredRole(value) }
            case .userVariable: break
            case .login, .none: break
            }
            budgetJournal(s)
        case .preparedName(let name) where s.pointee.contextError != nil:
            s.pointee.journal.forgetPrepared(name)
            s.pointee.misprepared.append(name)
        case .collation, .tracking, .restoration, .context, .preparedName, .deallocation, .guardBegin, .guardEnd,
            .preparation, .binding:
            break
        }
    }

    /// The answer that the server's report carries.
    private static func carried(_ ok: OKPacket) -> [UInt8]? {
        for case .systemVariable(let name, let value) in ok.changes where name == SessionJournal.carrier {
            return value
        }
        return nil
    }

    private func ownRefused(_ s: SessionRef, _ command: OwnCommand, _ error: ErrorPacket?) {
        switch command {
        // A server that does not know one of the variables: then nobody knows what the login has.
        case .loginValues: s.pointee.ownRow = []
        case .tracking:
            if s.pointee.backend == .attached {
                // ER_MUST_CHANGE_PASSWORD: that comes first.
                s.pointee.tracksWithNext = error?.code == 1820
            } else {
                s.pointee.restorationError = s.pointee.restorationError ?? error
            }
        case .question: s.pointee.ownRow = []
        // A server that does not know that collation would have taken its own in the login as well.
        case .collation: break
        case .restoration(let part):
            s.pointee.restorationError = s.pointee.restorationError ?? error
            if s.pointee.refusedParts.last != part { s.pointee.refusedParts.append(part) }
        case .deallocation, .guardBegin, .guardEnd:
            s.pointee.restorationError = s.pointee.restorationError ?? error
        // The schema may be gone for good: all that was prepared in it is lost, as it is without a move.
        case .context: s.pointee.contextError = s.pointee.contextError ?? error
        // EXECUTE will say that there is none of that name.
        case .preparedName(let name): s.pointee.journal.forgetPrepared(name)
        case .preparation(let clientID):
            // Its table may be gone for good: only this statement is lost, and says so when it is used.
            if let i = s.pointee.prepared.index(of: clientID) {
                s.pointee.prepared[i].failure = s.pointee.contextError ?? error
            }
        // ER_WRONG_ARGUMENTS: it has them now.
        case .binding(let clientID):
            if error?.code == 1210, let i = s.pointee.prepared.index(of: clientID) {
                s.pointee.prepared[i].typesSent = true
            }
        }
    }

    /// A packet of the answer to one of our own commands.
    func ownAnswered(_ s: SessionRef, _ step: Step, _ payload: UnsafeRawBufferPointer) {
        guard let command = s.pointee.own.first else { return }
        let ended: Bool
        switch step {
        case .flows:
            ended = false
            switch command {
            case .loginValues, .question(.login), .question(.userVariable): s.pointee.ownRow = [UInt8](payload)
            case .collation, .tracking, .question, .guardBegin, .guardEnd, .restoration, .context, .preparedName,
                .deallocation, .preparation, .binding:
                break
            }
        case .ok(let more):
            ended = !more
            ownSucceeded(s, command, payload)
        case .eof(let more):
            ended = !more
            ownSucceeded(s, command, payload)
        case .prepared(let nodeID, _, _, let more):
            ended = !more
            if case .preparation(let clientID) = command, let i = s.pointee.prepared.index(of: clientID) {
                s.pointee.prepared[i].nodeID = nodeID
                // Under another context than it should have been.
                s.pointee.prepared[i].failure = s.pointee.contextError
            }
        case .error:
            ended = true
            ownRefused(s, command, try? ErrorPacket(payload: payload))
        case .done: ended = true
        case .localInfile, .malformed: return nodeLost(s)
        }
        guard ended else { return }
        if s.pointee.backend == .attached { noteAutocommit(s, s.pointee.tracker.status) }
        setStatus(s, s.pointee.tracker.status)
        s.pointee.own.removeFirst()
        if s.pointee.own.isEmpty, !s.pointee.misprepared.isEmpty { deallocate(s) }
        if let next = s.pointee.own.first { return beginOwn(s, next) }
        s.pointee.hasOwn = false
        if s.pointee.backend == .attached {
            s.pointee.journal.questionsAnswered()
            if s.pointee.journal.asks { s.pointee.asksWithNext = true }
            // Other questions were under way when the pause began.
            if paused { askBeforeLeaving(s) }
        }
        if s.pointee.isOpening {
            s.pointee.isOpening = false
            let commands = s.pointee.restorationError == nil ? restoration(s) : []
            if !commands.isEmpty { return writeNode(s, commands) }
        }
        switch s.pointee.frontend {
        case .waiting, .streaming, .infile:
            // The client's command is with the node already: the next packets are its answer.
            s.pointee.tracker.begin(
                s.pointee.command, capabilities: s.pointee.nodeCapabilities, asksForCursor: s.pointee.asksForCursor)
        case .held where s.pointee.backend == .restoring: s.pointee.isRestored = true
        case .ungreeted, .handshake, .login, .relaying, .penalized, .idle, .held, .discarding, .closing, .leaving: break
        }
    }

    /// PREPARE … FROM that followed a context that could not be brought about was sent with it: it is taken back.
    private func deallocate(_ s: SessionRef) {
        var commands: [UInt8] = []
        for name in s.pointee.misprepared {
            commands += Self.query(SessionJournal.deallocation(of: name))
            s.pointee.own.append(.deallocation)
        }
        s.pointee.misprepared = []
        writeNode(s, commands)
    }

    /// Whether the statement about to be sent asks what the one before has left.
    func readsPrevious(_ s: SessionRef) -> Bool {
        switch s.pointee.command {
        case .query:
            // Of a large one nobody knows.
            return !s.pointee.statementKept
                || StatementClassifier.classify(s.pointee.statementText, dialect: dialect(s)).readsPrevious
        case .statementExecute, .bulkExecute:
            guard let i = s.pointee.prepared.index(of: s.pointee.statementID) else { return true }
            return s.pointee.prepared[i].text.withUnsafeBytes {
                StatementClassifier.classify($0, dialect: dialect(s)).readsPrevious
            }
        case _: return false
        }
    }

    /// The session stands on its new node: what was held goes on, or is told what could not be rebuilt.
    func restored(_ s: SessionRef) {
        if let error = s.pointee.restorationError {
            // What was said after a refusal was said in a session that was not the client's. Nobody goes on in that: all of
            // it is done once more, each part for itself; of what is then refused the others do not depend, or say so too.
            guard s.pointee.restoresPiecewise, !s.pointee.refusedParts.isEmpty else {
                return s.pointee.restoresPiecewise ? loseState(s, error) : restoreAgain(s)
            }
            for part in s.pointee.refusedParts { s.pointee.journal.giveUp(part, onto: s.pointee.loginValues) }
            budgetJournal(s)
        }
        s.pointee.backend = .attached
        s.pointee.failedRestorations = 0
        s.pointee.restoresPiecewise = false
        s.pointee.journal.restored(onto: s.pointee.loginValues)
        s.pointee.loginValues = nil
        leaveQueue(s)
        note(s, "is rebuilt" + (s.pointee.restorationError.map { ", but for what was refused with \($0.code)" } ?? ""))
        if let error = s.pointee.restorationError {
            let parts = s.pointee.refusedParts
            s.pointee.refusedParts = []
            s.pointee.restorationError = nil
            return answerHeld(s, .restorationFailed(parts, code: error.code, message: error.message))
        }
        sendHeld(s)
    }

    /// From the start, on a fresh connection, part by part.
    private func restoreAgain(_ s: SessionRef) {
        s.pointee.restoresPiecewise = true
        closeNode(s, reset: false)
        leaveQueue(s)
        hold(s, first: true)
        releaseDue = true
    }

    /// Nothing could be rebuilt: the session goes on with what a login has.
    private func loseState(_ s: SessionRef, _ error: ErrorPacket) {
        s.pointee.restoresPiecewise = false
        s.pointee.restorationError = nil
        closeNode(s, reset: false)
        leaveQueue(s)
        keepJournal(s, SessionJournal(database: s.pointee.journal.database))
        budgetPrepared(s) { $0.removeAll() }
        answerHeld(s, .restorationFailed(code: error.code, message: error.message))
    }
}
