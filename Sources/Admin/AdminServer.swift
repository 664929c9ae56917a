import CPlatform
import Cluster
import Glibc
import Reactor

/// The admin sockets, all on the control thread's loop: a Unix socket, and TCP where the configuration asks for it.
/// Nothing that a client does, or fails to do, takes more than its own bounded buffers.
public final class AdminServer {
    public struct Limits: Sendable {
        /// On each listener: whoever is on one keeps nobody out of another. One more is told so and closed, unless
        /// somebody is idle: then that one is.
        public var clientsMax = 128
        /// Whoever has neither sent nor taken anything for this long makes room for another.
        public var patience: Instant.Span = .seconds(1)
        /// Bytes of a line.
        public var lineMax = 16_384
        /// A client that sends nothing, or does not take its answer, for this long is closed.
        public var idleTimeout: Instant.Span = .seconds(60)
        /// Rows that lists of sessions on their way keep in memory together; for more, the oldest list's client is cut
        /// off.
        public var rowsMax = 200_000

        public init() {}
    }

    /// Where a server listens, and what its clients may do.
    public struct Listener: Sendable, Hashable {
        public enum Address: Sendable, Hashable {
            /// With the permission bits of the socket file, and its owner where that is not the process's.
            case unix(path: String, mode: UInt32, user: UInt32? = nil, group: UInt32? = nil)
            case tcp(Endpoint)
        }

        public var address: Address
        public var level: AccessLevel

        public init(_ address: Address, level: AccessLevel = .admin) {
            self.address = address
            self.level = level
        }

        /// As `show cli sockets` has it.
        fileprivate var line: String {
            switch address {
            case .unix(let path, _, _, _): "unix@\(path) \(level.rawValue) all"
            case .tcp(let endpoint):
                "\(endpoint.host.contains(":") ? "ipv6" : "ipv4")@\(endpoint) \(level.rawValue) all"
            }
        }
    }

    private let loop: EventLoop
    private let limits: Limits
    private let commands: AdminCommands
    private let turns: AdminTurns
    private var listeners: [OpenListener] = []
    private var clients: [UInt64: AdminConnection] = [:]
    private var lastID: UInt64 = 0
    /// Clients that are sent a list of sessions, the oldest first.
    private var listing: [UInt64] = []
    private var isClosed = false

    /// Binds and serves. A socket file that nobody listens on is replaced.
    public init(
        listeners: [Listener], loop: EventLoop, source: any AdminSource, stateFile: String? = nil,
        limits: Limits = Limits()
    ) throws(SystemError) {
        self.loop = loop
        self.limits = limits
        turns = AdminTurns(loop: loop)
        commands = AdminCommands(
            loop: loop, source: source, stateFile: stateFile.map { StateFile(path: $0) })
        commands.sockets = listeners.map(\.line)
        do throws(SystemError) {
            for listener in listeners {
                let open = try OpenListener(listener)
                self.listeners.append(open)
                watch(open)
            }
        } catch {
            close()
            throw error
        }
    }

    public convenience init(
        path: String, mode: UInt32 = 0o660, loop: EventLoop, source: any AdminSource, limits: Limits = Limits()
    ) throws(SystemError) {
        try self.init(
            listeners: [Listener(.unix(path: path, mode: mode))], loop: loop, source: source, limits: limits)
    }

    deinit { close() }

    public var clientCount: Int { clients.count }

    /// A view that was published: states shorter than a look are counted too.
    public func observe(_ view: ClusterView) { commands.observe(view) }

    /// Says again what was said of the nodes before a restart, where a state file tells.
    public func restoreState() { commands.restoreState() }

    /// Closes the connections and removes the socket files. Idempotent.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        for listener in listeners { listener.close() }
        for client in clients.values { client.close() }
        clients = [:]
        turns.stop()
        commands.stop()
    }

    private func watch(_ listener: OpenListener) {
        listener.acceptor = loop.watch(listener.descriptor, read: true, write: false) { [weak self, weak listener] _ in
            guard let self, let listener else { return }
            accept(listener)
        }
    }

    private func accept(_ listener: OpenListener) {
        // A few at a time: the control thread has other things to do.
        for _ in 0..<16 {
            do throws(SystemError) {
                guard let accepted = try Sockets.accept(listener.descriptor) else { return }
                welcome(accepted.descriptor, listener)
            } catch {
                return rest(listener)
            }
        }
    }

    /// Out of descriptors: the listener would be ready again at once, and forever.
    private func rest(_ listener: OpenListener) {
        listener.acceptor?.cancel()
        loop.schedule(after: .milliseconds(100)) { [weak self, weak listener] in
            guard let self, let listener, !isClosed else { return }
            watch(listener)
        }
    }

    private func welcome(_ descriptor: Int32, _ listener: OpenListener) {
        if listener.clients >= limits.clientsMax {
            commands.complain(.tooManyClients)
            // Small enough for any socket buffer.
            let farewell = ArraySlice("Too many connections to the admin socket.\n\n".utf8)
            guard let idle = longestIdle(listener) else {
                _ = try? Sockets.send(descriptor, farewell)
                return Sockets.close(descriptor)
            }
            idle.close(saying: farewell)
        }
        lastID += 1
        let id = lastID
        listener.clients += 1
        let client = AdminConnection(
            descriptor: descriptor, loop: loop, limits: limits, level: listener.level, commands: commands,
            turns: turns,
            onListing: { [weak self] in self?.lists(id) },
            onClose: { [weak self, listener] in
                listener.clients -= 1
                self?.clients[id] = nil
                self?.listing.removeAll { $0 == id }
            })
        client.listener = listener
        clients[id] = client
        client.start()
    }

    private func longestIdle(_ listener: OpenListener) -> AdminConnection? {
        let now = MonotonicClock.now()
        return clients.values
            .filter { client in
                client.listener === listener && !client.isExecuting && !client.isQueued
                    && now - client.movedAt >= limits.patience
            }
            .min { $0.movedAt < $1.movedAt }
    }

    /// That client is about to be sent a list of sessions: the lists together keep no more than they may.
    private func lists(_ id: UInt64) {
        listing.removeAll { $0 == id || clients[$0]?.rowCount ?? 0 == 0 }
        listing.append(id)
        var rows = listing.reduce(0) { $0 + (clients[$1]?.rowCount ?? 0) }
        while rows > limits.rowsMax, let oldest = listing.first, oldest != id {
            rows -= clients[oldest]?.rowCount ?? 0
            commands.complain(.answerNotTaken)
            clients[oldest]?.close()
        }
    }
}

/// A socket that is listened on.
final class OpenListener {
    let descriptor: Int32
    let level: AccessLevel
    /// The socket file and its inode: at the end, only this very one is removed.
    private let file: (path: String, inode: ino_t)?
    var acceptor: Watch?
    /// That are connected.
    var clients = 0

    init(_ listener: AdminServer.Listener) throws(SystemError) {
        level = listener.level
        // Longer than `clientsMax`: a full queue refuses connections instead of telling why.
        switch listener.address {
        case .unix(let path, let mode, let user, let group):
            descriptor = try Sockets.listenUnix(path, mode: mode, user: user, group: group, backlog: 1024)
            file = (path, Self.inode(of: path))
        case .tcp(let endpoint):
            descriptor = try Sockets.listen(endpoint, backlog: 1024)
            file = nil
        }
    }

    func close() {
        acceptor?.cancel()
        Sockets.close(descriptor)
        if let file, Self.inode(of: file.path) == file.inode { unlink(file.path) }
    }

    private static func inode(of path: String) -> ino_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_ino : 0
    }
}
