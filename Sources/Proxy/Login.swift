import Cluster
import Glibc
import MySQLWire
import Reactor
import Routing

/// The client's side of a login. The proxy proves the client's password itself, against the hashes that it knows;
/// from a right proof follows SHA1(password), with which it then logs in to nodes as that user. Whatever it can't
/// prove (another plugin, an account it does not know, a wrong password) is passed on to a node, so that the client
/// gets the very answer that a direct connection gets.
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
        awaitLogin(s)
    }

    private func offered(_ identity: ServerIdentity) -> Capabilities {
        Capabilities(rawValue: identity.capabilities).intersection(.supported)
            .union([.protocol41, .secureConnection, .pluginAuth])
    }

    private func awaitLogin(_ s: SessionRef) {
        s.pointee.deadline = now + options.loginTimeout
        logins.append(s)
    }

    /// 20 bytes that can stand in a greeting: not zero, which ends the field, and below 128, as servers send.
    private static func freshScramble() -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        return (0..<20).map { _ in UInt8.random(in: 33...126, using: &random) }
    }

    func loginTimedOut(_ s: SessionRef) {
        if s.pointee.frontend == .closing { return destroy(s, reset: true) }
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
        // CLIENT_MYSQL (bit 0) set by the client means that it does not know MariaDB's extended capabilities.
        var negotiated = response.capabilities.intersection(offered(identity).union(.longPassword))
        if negotiated.contains(.longPassword) {
            negotiated = Capabilities(rawValue: negotiated.rawValue & 0xFFFF_FFFF)
        }
        s.pointee.capabilities = negotiated
        s.pointee.stripsTracking = !negotiated.contains(.sessionTrack)
        s.pointee.multiStatements = negotiated.contains(.multiStatements)
        s.pointee.credentials.user = response.user
        s.pointee.credentials.collation = response.collation
        s.pointee.credentials.packetMax = response.maxPacketSize
        s.pointee.credentials.attributes = response.attributes
        s.pointee.credentials.plugin = response.plugin ?? NativePassword.pluginName
        s.pointee.credentials.authResponse = response.authResponse
        s.pointee.journal = SessionJournal(database: response.database)
        authenticate(s)
    }

    /// COM_CHANGE_USER is a login on a connection that is there: the session starts anew, on a fresh backend.
    func changeUser(_ s: SessionRef, _ payload: UnsafeRawBufferPointer) {
        guard let request = try? ChangeUser(payload: payload, capabilities: s.pointee.capabilities) else {
            refuse(s, .badHandshake)
            return close(s)
        }
        s.pointee.sequence = 0
        closeNode(s, reset: false)
        setStatus(s, [.autocommit])
        s.pointee.refusal = nil
        s.pointee.previousCredentials = s.pointee.credentials
        s.pointee.previousDatabase = s.pointee.journal.database
        s.pointee.prepared.removeAll()
        s.pointee.journal = SessionJournal(database: request.database.isEmpty ? nil : request.database)
        s.pointee.credentials.user = request.user
        s.pointee.credentials.stage1 = nil
        s.pointee.credentials.stage2 = []
        s.pointee.credentials.relayedToken = []
        if let collation = request.collation { s.pointee.credentials.collation = UInt8(truncatingIfNeeded: collation) }
        s.pointee.credentials.attributes = request.attributes ?? s.pointee.credentials.attributes
        s.pointee.credentials.plugin = request.plugin ?? NativePassword.pluginName
        s.pointee.credentials.authResponse = request.authResponse
        s.pointee.loggedIn = false
        authenticate(s)
    }

    /// The client's answer to our request to use `mysql_native_password`.
    func switched(_ s: SessionRef, _ payload: UnsafeRawBufferPointer, sequence: UInt8) {
        logins.remove(s)
        s.pointee.sequence = sequence
        s.pointee.credentials.plugin = NativePassword.pluginName
        s.pointee.credentials.authResponse = [UInt8](payload)
        authenticate(s)
    }

    private func authenticate(_ s: SessionRef) {
        let user = String(decoding: s.pointee.credentials.user, as: UTF8.self)
        let known = accounts.accounts(named: user)
        let native = known.filter { $0.nativeHash != nil }
        s.pointee.frontend = .login
        if !native.isEmpty {
            if s.pointee.credentials.plugin != NativePassword.pluginName,
                s.pointee.capabilities.contains(.pluginAuth)
            {
                let scramble = s.pointee.credentials.scramble
                let request = AuthSwitch(plugin: NativePassword.pluginName, data: scramble)
                writeClientPacket(s, payload: request.payload())
                s.pointee.frontend = .switching
                return awaitLogin(s)
            }
            if prove(s, native) { return attachOrHold(s) }
            if !gateOpen, native.count == known.count {
                return loginFailed(
                    s,
                    .accessDenied(
                        user: user, host: clientHost(s), withPassword: !s.pointee.credentials.authResponse.isEmpty))
            }
        }
        attachOrHold(s)
    }

    /// As a server names it: the loopback is `localhost`.
    private func clientHost(_ s: SessionRef) -> String {
        let host = s.pointee.peer.endpoint?.host ?? "localhost"
        return host == "127.0.0.1" || host == "::1" ? "localhost" : host
    }

    /// Finds the account that the client's token proves, and with it SHA1(password). Hosts are not looked at: the
    /// node does that when the proxy logs in to it.
    private func prove(_ s: SessionRef, _ accounts: [AccountDirectory.Account]) -> Bool {
        let token = s.pointee.credentials.authResponse
        for case let hash? in accounts.map(\.nativeHash) {
            if hash.isEmpty && token.isEmpty {
                s.pointee.credentials.stage1 = []
                return true
            }
            if let stage1 = NativePassword.stage1(
                token: token, scramble: s.pointee.credentials.scramble, stage2: hash)
            {
                s.pointee.credentials.stage1 = stage1
                s.pointee.credentials.stage2 = hash
                return true
            }
        }
        return false
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
        s.pointee.frontend = .idle
        s.pointee.loggedIn = true
        s.pointee.hasRelayed = false
        s.pointee.previousCredentials = nil
        s.pointee.holdDeadline = Instant(nanoseconds: 0)
        setStatus(s, ok.status)
        writeClientPacket(s, payload: ok.payload(capabilities: s.pointee.capabilities))
        // Nothing that came with a login is worth keeping but what it takes to repeat it.
        s.pointee.credentials.authResponse = []
    }

    func loginFailed(_ s: SessionRef, _ error: ErrorPacket) {
        counters.loginsRefused.add()
        writeClientPacket(s, payload: error.payload())
        if s.pointee.loggedIn { counters.lost.add() }
        guard let previous = s.pointee.previousCredentials else { return close(s) }
        // A refused COM_CHANGE_USER leaves the session, emptied, to the user that it had.
        leaveQueue(s)
        closeNode(s, reset: false)
        s.pointee.credentials = previous
        s.pointee.previousCredentials = nil
        s.pointee.hasRelayed = false
        s.pointee.journal = SessionJournal(database: s.pointee.previousDatabase)
        s.pointee.loggedIn = true
        s.pointee.holdDeadline = Instant(nanoseconds: 0)
        s.pointee.frontend = .idle
    }
}
