import Cluster
import MySQLWire
import Reactor
import Routing

/// The client's side of a login. The proxy proves the client's password itself, against the hashes that it knows;
/// from a right proof follows SHA1(password), with which it then logs in to nodes as that user. Whatever it can't
/// prove (another plugin, an account it does not know, a wrong password) is passed on to a node, so that the client
/// gets the very answer that a direct connection gets, and sees the very exchange.
extension Worker {
    /// The primary's introduction changed, or is known for the first time: then those who waited for it are greeted.
    func adopt(_ identity: ServerIdentity) {
        self.identity = identity
        var next = held.first
        while let s = next {
            next = s.pointee.queueNext
            guard s.pointee.frontend == .ungreeted else { continue }
            leaveQueue(s)
            greet(s)
        }
    }

    func greet(_ s: SessionRef) {
        guard let identity else { return }
        let scramble = Self.freshScramble()
        s.pointee.credentials.scramble = scramble
        let greeting = Greeting(
            serverVersion: identity.version, connectionID: s.pointee.id, scramble: scramble,
            capabilities: offered(identity), collation: identity.collation, status: [.autocommit],
            authPlugin: NativePassword.pluginName)
        writeClient(s, PacketWriter.packet(sequence: 0, payload: greeting.payload()))
        s.pointee.frontend = .handshake
        s.pointee.holdDeadline = Instant(nanoseconds: 0)
        s.pointee.deadline = now + options.loginTimeout
        logins.append(s)
        // Whoever answers before it is asked has waited as well.
        resumeClient(s)
    }

    private func offered(_ identity: ServerIdentity) -> Capabilities {
        Capabilities(rawValue: identity.capabilities).intersection(.supported)
            .union([.protocol41, .secureConnection, .pluginAuth])
    }

    /// 20 bytes that can stand in a greeting: not zero, which ends the field, and below 128, as servers send.
    private static func freshScramble() -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        return (0..<20).map { _ in UInt8.random(in: 33...126, using: &random) }
    }

    func loginTimedOut(_ s: SessionRef) {
        counters.loginsRefused.add()
        refuse(s, .loginTimeout)
        close(s)
    }

    // MARK: what the client sends

    func handshake(_ s: SessionRef, _ payload: UnsafeRawBufferPointer, sequence: UInt8) {
        logins.remove(s)
        s.pointee.sequence = sequence
        guard let identity, let response = try? HandshakeResponse(payload: payload), !response.isSSLRequest,
            response.capabilities.contains(.protocol41)
        else {
            counters.loginsRefused.add()
            refuse(s, .badHandshake)
            return close(s)
        }
        if response.attribute(ProxyMark.attribute)?.elementsEqual(ProxyMark.check.utf8) ?? false {
            return refuseCheck(s, user: response.user)
        }
        // CLIENT_MYSQL (bit 0) set by the client means that it does not know MariaDB's extended capabilities.
        var negotiated = response.capabilities.intersection(offered(identity).union(.longPassword))
        if negotiated.contains(.longPassword) {
            negotiated = Capabilities(rawValue: negotiated.rawValue & 0xFFFF_FFFF)
        }
        s.pointee.capabilities = negotiated
        s.pointee.stripsTracking = !negotiated.contains(.sessionTrack)
        s.pointee.multiStatements = negotiated.contains(.multiStatements)
        s.pointee.credentials.user = response.user
        s.pointee.credentials.collation = UInt16(response.collation)
        s.pointee.credentials.loginCollation = response.collation
        s.pointee.credentials.packetMax = response.maxPacketSize
        s.pointee.credentials.attributes = response.attributes
        s.pointee.credentials.plugin = response.plugin ?? NativePassword.pluginName
        s.pointee.credentials.authResponse = response.authResponse
        keepJournal(s, SessionJournal(database: response.database))
        authenticate(s)
    }

    /// So long it is not told again: whoever checks does so every second.
    private static let checkToldAgainMin = Instant.Span.seconds(60)

    /// A HAProxyDB takes this listener for a node. It is no client's login that is refused.
    private func refuseCheck(_ s: SessionRef, user: [UInt8]) {
        if checkToldAt.map({ now - $0 >= Self.checkToldAgainMin }) ?? true {
            checkToldAt = now
            fleet.onRefusedLogin(
                RefusedLogin(
                    user: String(decoding: user.prefix(80), as: UTF8.self), client: s.pointee.peer.text,
                    code: ErrorPacket.noServer.code, message: ErrorPacket.noServer.message))
        }
        refuse(s, .noServer)
        close(s)
    }

    /// After so many that were refused a server takes no COM_CHANGE_USER of a session any more (sql_parse.cc).
    static let changeUserFailuresMax: UInt8 = 3

    /// COM_CHANGE_USER is a login on a connection that is there: the session starts anew, on a fresh backend.
    func changeUser(_ s: SessionRef, _ payload: UnsafeRawBufferPointer) {
        s.pointee.sequence = 0
        guard s.pointee.changeUserFailures < Worker.changeUserFailuresMax else {
            return writeClientPacket(s, payload: ErrorPacket.unknownCommand.payload())
        }
        guard let request = try? ChangeUser(payload: payload, capabilities: s.pointee.capabilities) else {
            refuse(s, .badHandshake, isAsked: true)
            return close(s)
        }
        closeNode(s, reset: false)
        setStatus(s, [.autocommit])
        s.pointee.refusal = nil
        let previous = s.pointee.credentials
        s.pointee.previousCredentials = previous
        s.pointee.previousDatabase = s.pointee.journal.database
        budgetPrepared(s) { $0.removeAll() }
        keepJournal(s, SessionJournal(database: request.database.isEmpty ? nil : request.database))
        // Nothing that the one before had proven counts for this one.
        var credentials = Credentials()
        credentials.user = request.user
        credentials.scramble = previous.scramble
        credentials.packetMax = previous.packetMax
        credentials.collation = request.collation ?? previous.collation
        credentials.loginCollation = UInt8(exactly: credentials.collation) ?? previous.loginCollation
        credentials.attributes = request.attributes ?? previous.attributes
        credentials.plugin = request.plugin ?? NativePassword.pluginName
        credentials.authResponse = request.authResponse
        s.pointee.credentials = credentials
        s.pointee.loggedIn = false
        s.pointee.frontend = .login
        guard !proves(s) else { return attachOrHold(s) }
        // libmariadb answers a request for another proof with the same one again here, so that a node can't be asked.
        // (native_password_auth_client.) The account, or its password, may be newer than what was read last.
        s.pointee.deadline = MonotonicClock.now() + Self.provingTimeMax
        proving.append(s)
        wantAccounts()
    }

    /// How long the accounts are waited for that may prove a COM_CHANGE_USER.
    private static let provingTimeMax = Instant.Span.seconds(1)

    /// The accounts have been read again.
    func proveAgain() {
        var next = proving.first
        while let s = next {
            next = s.pointee.queueNext
            guard proves(s) else { continue }
            leaveQueue(s)
            attachOrHold(s)
        }
    }

    /// While somebody waits for them, the accounts are asked for again; who has waited long enough asks the node.
    func continueProving() {
        while let s = proving.first, s.pointee.deadline <= now {
            leaveQueue(s)
            attachOrHold(s)
        }
        if proving.first != nil { wantAccounts() }
    }

    /// A password is proven here where that can be, and else by the node, whose answer is the client's: also where a
    /// proof is wrong, and, while there is no node, only when there is one. So the proxy shows nobody which accounts
    /// there are, and which password would be right from another host.
    private func authenticate(_ s: SessionRef) {
        s.pointee.frontend = .login
        _ = proves(s)
        attachOrHold(s)
    }

    /// False where a native password could not be proven by the accounts as they are known.
    private func proves(_ s: SessionRef) -> Bool {
        guard s.pointee.credentials.plugin == NativePassword.pluginName else { return true }
        let user = String(decoding: s.pointee.credentials.user, as: UTF8.self)
        prove(s, accounts.accounts(named: user))
        return s.pointee.credentials.stage1 != nil
    }

    /// Finds the account that the client's token proves, and with it SHA1(password). Hosts are not looked at: the
    /// node does that when the proxy logs in to it.
    private func prove(_ s: SessionRef, _ accounts: [AccountDirectory.Account]) {
        let token = s.pointee.credentials.authResponse
        for case let hash? in accounts.map(\.nativeHash) {
            if hash.isEmpty && token.isEmpty {
                s.pointee.credentials.stage1 = []
                return
            }
            if let stage1 = NativePassword.stage1(
                token: token, scramble: s.pointee.credentials.scramble, stage2: hash)
            {
                s.pointee.credentials.stage1 = stage1
                s.pointee.credentials.stage2 = hash
                return
            }
        }
    }

    /// A login that a node decided is worth a second look: the account may have become known since.
    func proveRelayed(_ s: SessionRef) {
        guard s.pointee.credentials.stage1 == nil, !s.pointee.credentials.relayedScramble.isEmpty else { return }
        let user = String(decoding: s.pointee.credentials.user, as: UTF8.self)
        let token = s.pointee.credentials.relayedToken
        for account in accounts.accounts(named: user) {
            guard let hash = account.nativeHash else { continue }
            if token.isEmpty && hash.isEmpty { s.pointee.credentials.stage1 = [] }
            if let stage1 = NativePassword.stage1(
                token: token, scramble: s.pointee.credentials.relayedScramble, stage2: hash)
            {
                s.pointee.credentials.stage1 = stage1
                s.pointee.credentials.stage2 = hash
            }
        }
    }

    /// Somebody is in whose account, or its new password, has not been read yet: without it the session can't be moved.
    func wantAccounts() {
        let time = MonotonicClock.now()
        guard time - accountsWantedAt >= .milliseconds(200) else { return }
        accountsWantedAt = time
        fleet.onAccountsWanted()
    }

    /// The client's part of an exchange that is passed on.
    func relayed(_ s: SessionRef, _ payload: UnsafeRawBufferPointer, sequence: UInt8) {
        s.pointee.sequence = sequence
        s.pointee.frontend = .login
        if !s.pointee.credentials.relayedScramble.isEmpty {
            s.pointee.credentials.relayedToken = [UInt8](payload)
        }
        s.pointee.nodeSequence &+= 1
        writeNode(s, PacketWriter.packet(sequence: s.pointee.nodeSequence, payload: [UInt8](payload)))
    }

    // MARK: what the node says

    /// The node lets the client in: its OK goes on, fitted to what the client negotiated.
    func loginSucceeded(_ s: SessionRef, _ ok: OKPacket) {
        noteLoggedIn(s)
        note(s, "is logged in")
        s.pointee.frontend = .idle
        s.pointee.loggedIn = true
        s.pointee.hasRelayed = false
        let changesUser = s.pointee.previousCredentials != nil
        // Of all that a COM_CHANGE_USER ends a server keeps this.
        s.pointee.leftovers = changesUser ? .foundRows : []
        s.pointee.owedReports = OwedReports()
        s.pointee.previousCredentials?.wipe()
        s.pointee.previousCredentials = nil
        s.pointee.holdDeadline = Instant(nanoseconds: 0)
        setCharacterSetOfLogin(s)
        setStatus(s, ok.status)
        var ok = ok
        // A login is told more.
        if changesUser { ok.changes.removeAll { if case .schema = $0 { false } else { true } } }
        writeClientPacket(s, payload: ok.payload(capabilities: s.pointee.capabilities))
        s.pointee.loginError = nil
        proveRelayed(s)
        if s.pointee.credentials.stage1 == nil, !s.pointee.credentials.relayedScramble.isEmpty { wantAccounts() }
        // Nothing that came with a login is worth keeping but what it takes to repeat it.
        s.pointee.credentials.authResponse = []
    }

    func loginFailed(_ s: SessionRef, _ error: ErrorPacket) {
        counters.loginsRefused.add()
        note(s, "is refused at login: \(error.code) \(error.message)")
        if let told = refusedLogins.refused(RefusedLogin(s, error), at: MonotonicClock.now()) {
            fleet.onRefusedLogin(told)
        }
        guard let previous = s.pointee.previousCredentials else {
            if s.pointee.loggedIn { counters.lost.add() }
            writeClientPacket(s, payload: error.payload())
            return close(s)
        }
        // A refused COM_CHANGE_USER leaves the session, emptied, to the user that it had; as a server does, after a
        // second.
        leaveQueue(s)
        closeNode(s, reset: false)
        s.pointee.credentials.wipe()
        s.pointee.credentials = previous
        s.pointee.previousCredentials = nil
        s.pointee.hasRelayed = false
        keepJournal(s, SessionJournal(database: s.pointee.previousDatabase))
        s.pointee.loggedIn = true
        s.pointee.holdDeadline = Instant(nanoseconds: 0)
        s.pointee.changeUserFailures += 1
        s.pointee.loginError = error
        s.pointee.frontend = .penalized
        now = MonotonicClock.now()
        s.pointee.deadline = now + .seconds(1)
        penalized.append(s)
    }

    /// The client of a refused COM_CHANGE_USER has waited long enough.
    func tellPenalized(_ s: SessionRef) {
        leaveQueue(s)
        s.pointee.frontend = .idle
        if let error = s.pointee.loginError { writeClientPacket(s, payload: error.payload()) }
        s.pointee.loginError = nil
        resumeClient(s)
    }
}
