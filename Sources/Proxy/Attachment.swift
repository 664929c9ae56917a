import CLibevent
import Cluster
import Glibc
import MySQLWire
import Reactor
import Routing

/// Logging a session in to the primary, for the first time or to rebuild it there.
extension Worker {
    /// Begins to connect. The session has left every queue.
    func attach(_ s: SessionRef) {
        guard let primary = view.primary, primary.rawValue < addresses.count,
            let address = addresses[primary.rawValue]
        else { return hold(s) }
        if s.pointee.loggedIn, s.pointee.node != primary { s.pointee.nodeCounters.pointee.left.add() }
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

    /// How long a session whose own trouble it is waits apart before it is tried again.
    private static let postponedFor = Instant.Span.milliseconds(500)

    /// The node refuses this session for a reason of its own, which may pass. It waits apart, so that nobody waits behind
    /// it, as long as it would have waited for a primary.
    private func postpone(_ s: SessionRef, _ error: ErrorPacket?) {
        s.pointee.nodeCounters.pointee.connectsFailed.add()
        closeNode(s, reset: false)
        leaveQueue(s)
        beginHolding(s)
        s.pointee.loginError = error
        s.pointee.deadline = now + Self.postponedFor
        postponed.append(s)
        counters.heldNow.add()
    }

    /// Its time has come: the next attempt, or, where it has waited as long as it may, the node's own words.
    func retryPostponed(_ s: SessionRef) {
        leaveQueue(s)
        guard s.pointee.holdDeadline <= now else { return hold(s, first: true) }
        s.pointee.holdDeadline = Instant(nanoseconds: 0)
        let error = s.pointee.loginError ?? expired(s, login: s.pointee.frontend != .held).packet
        s.pointee.loginError = nil
        guard s.pointee.frontend == .held else { return loginFailed(s, error) }
        noteFailed(s)
        answer(
            s,
            ErrorPacket(
                code: error.code, sqlState: error.sqlState,
                message: "HAProxyDB: statement not executed, the primary refuses this session: \(error.message)"))
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
        if s.pointee.journal.loginDatabase != nil { capabilities.insert(.connectWithDB) }
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
        proveRelayed(s)
        let stage1 = s.pointee.credentials.stage1
        let token = Self.token(stage1, s.pointee.credentials.stage2, greeting.scramble)
        let response = HandshakeResponse(
            capabilities: s.pointee.nodeCapabilities, maxPacketSize: s.pointee.credentials.packetMax,
            collation: s.pointee.credentials.collation, user: s.pointee.credentials.user, authResponse: token,
            database: s.pointee.journal.loginDatabase,
            // A name that no account has makes the node start the exchange, which then is the client's own.
            plugin: stage1 == nil ? "relayed_by_proxy" : NativePassword.pluginName,
            attributes: s.pointee.credentials.attributes)
        s.pointee.backend = .login
        writeNode(s, PacketWriter.packet(sequence: s.pointee.nodeSequence, payload: response.payload()))
    }

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
            attached(s, ok)
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

    func answerNode(_ s: SessionRef, _ payload: [UInt8]) {
        s.pointee.nodeSequence &+= 1
        writeNode(s, PacketWriter.packet(sequence: s.pointee.nodeSequence, payload: payload))
    }

    /// The node has let in a client that is gone.
    private func takeLeave(_ s: SessionRef) {
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
        // ER_CON_COUNT_ERROR
        case 1040 where s.pointee.loggedIn: attachFailed(s, after: .milliseconds(100))
        // ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED: this account's own limit.
        case 1203 where s.pointee.loggedIn, 1226 where s.pointee.loggedIn: postpone(s, error)
        case _: cannotAttach(s, error)
        }
    }

    /// The node's no is final: it is the answer to the client, whose session ends.
    private func cannotAttach(_ s: SessionRef, _ error: ErrorPacket) {
        switch s.pointee.frontend {
        case .leaving: return destroy(s, reset: false)
        case .held:
            noteFailed(s)
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
        fleet.set(thread: s.pointee.nodeThreadID, of: s.pointee.id)
        s.pointee.nodeCounters.pointee.sessionsNow.add()
        s.pointee.nodeCounters.pointee.sessionsTotal.add()
        releaseDue = true
        guard s.pointee.loggedIn else {
            s.pointee.backend = .attached
            // Nothing is to be rebuilt, and nothing happens before the client's first command: it goes out behind it.
            s.pointee.tracksWithNext = true
            return loginSucceeded(s, ok)
        }
        counters.moved.add()
        s.pointee.moves += 1
        loseLeftovers(s)
        setStatus(s, ok.status)
        s.pointee.restorationError = nil
        s.pointee.backend = s.pointee.frontend == .held ? .restoring : .attached
        if s.pointee.backend == .restoring {
            s.pointee.deadline = now + Worker.restorationTimeMax
            restoring.append(s)
        }
        writeNode(s, restoration(s))
    }

    /// Everything that rebuilds the session, for one write; what is to come back is noted in `own`.
    private func restoration(_ s: SessionRef) -> [UInt8] {
        var commands = expectTracking(s)
        for text in s.pointee.journal.restoration() {
            commands += Self.query(text)
            s.pointee.own.append(.restoration)
        }
        for i in s.pointee.prepared.all.indices {
            commands += PacketWriter.packet(
                sequence: 0, payload: [Command.statementPrepare.rawValue] + s.pointee.prepared[i].text)
            s.pointee.own.append(.preparation(s.pointee.prepared[i].clientID))
        }
        return commands
    }

    /// The packet that asks the server to report every change of the session; its answer is the next to come.
    private func expectTracking(_ s: SessionRef, _ text: [UInt8] = SessionJournal.trackingText) -> [UInt8] {
        s.pointee.own = [.tracking]
        s.pointee.hasOwn = true
        s.pointee.tracker.begin(.query, capabilities: s.pointee.nodeCapabilities)
        return Self.query(text)
    }

    private static func query(_ text: [UInt8]) -> [UInt8] {
        PacketWriter.packet(sequence: 0, payload: [Command.query.rawValue] + text)
    }

    /// Sends the first command of a session behind our own, in one write.
    func writeNodeWithTracking(_ s: SessionRef, _ packet: UnsafeRawBufferPointer) {
        s.pointee.tracksWithNext = false
        writeNode(s, expectTracking(s) + packet)
    }

    /// The client's last command changed what the server reports (COM_RESET_CONNECTION does, and whoever sets
    /// `session_track_…`): asks for everything once more.
    func trackAgain(_ s: SessionRef, _ text: [UInt8]) {
        s.pointee.journal.trackingRestored()
        writeNode(s, expectTracking(s, text))
    }

    /// What the server reports with its answer to a request for tracking is news only when the session stood before.
    private func noteTracking(_ s: SessionRef, _ command: OwnCommand, _ payload: UnsafeRawBufferPointer) {
        guard case .tracking = command, s.pointee.backend == .attached,
            let ok = try? OKPacket(payload: payload, capabilities: s.pointee.nodeCapabilities)
        else { return }
        s.pointee.journal.apply(.systemVariables)
        note(s, ok.changes)
    }

    /// A packet of the answer to one of our own commands.
    func ownAnswered(_ s: SessionRef, _ step: Step, _ payload: UnsafeRawBufferPointer) {
        guard let command = s.pointee.own.first else { return }
        let ended: Bool
        switch step {
        case .flows: ended = false
        case .ok(let more):
            ended = !more
            noteTracking(s, command, payload)
        case .eof(let more): ended = !more
        case .prepared(let nodeID, _, _, let more):
            ended = !more
            if case .preparation(let clientID) = command, let i = s.pointee.prepared.index(of: clientID) {
                s.pointee.prepared[i].nodeID = nodeID
            }
        case .error:
            ended = true
            let error = try? ErrorPacket(payload: payload)
            switch command {
            case .tracking, .restoration: s.pointee.restorationError = s.pointee.restorationError ?? error
            case .preparation(let clientID):
                // Its table may be gone for good: only this statement is lost, and says so when it is used.
                if let i = s.pointee.prepared.index(of: clientID) { s.pointee.prepared[i].failure = error }
            }
        case .done: ended = true
        case .localInfile, .malformed: return nodeLost(s)
        }
        guard ended else { return }
        setStatus(s, s.pointee.tracker.status)
        s.pointee.own.removeFirst()
        if let next = s.pointee.own.first {
            switch next {
            case .tracking, .restoration: s.pointee.tracker.begin(.query, capabilities: s.pointee.nodeCapabilities)
            case .preparation:
                s.pointee.tracker.begin(.statementPrepare, capabilities: s.pointee.nodeCapabilities)
            }
            return
        }
        s.pointee.hasOwn = false
        switch s.pointee.frontend {
        case .waiting, .streaming, .infile:
            // The client's command is with the node already: the next packets are its answer.
            s.pointee.tracker.begin(s.pointee.command, capabilities: s.pointee.nodeCapabilities)
        case .held where s.pointee.backend == .restoring: s.pointee.isRestored = true
        case .ungreeted, .handshake, .login, .relaying, .penalized, .idle, .held, .discarding, .closing, .leaving: break
        }
    }

    /// The session stands on its new node: what was held goes on, or is told what could not be rebuilt.
    func restored(_ s: SessionRef) {
        s.pointee.backend = .attached
        s.pointee.failedRestorations = 0
        leaveQueue(s)
        if let error = s.pointee.restorationError {
            keepJournal(s, SessionJournal(database: s.pointee.journal.database))
            setCharacterSetOfLogin(s)
            return answerHeld(s, .restorationFailed(code: error.code, message: error.message))
        }
        sendHeld(s)
    }
}
