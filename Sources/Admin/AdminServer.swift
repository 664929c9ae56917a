import CPlatform
import Cluster
import Glibc
import Reactor

/// The admin sockets, all on the control thread's loop: a Unix socket, and TCP where the configuration asks for it.
/// Nothing that a client does, or fails to do, takes more than its own bounded buffers.
public final class AdminServer {
    public struct Limits: Sendable {
        /// One more is told so and closed.
        public var clientsMax = 128
        /// Bytes of a line.
        public var lineMax = 16_384
        /// A client that sends nothing, or does not take its answer, for this long is closed.
        public var idleTimeout: Instant.Span = .seconds(60)

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
    private var listeners: [OpenListener] = []
    private var clients: [UInt64: AdminConnection] = [:]
    private var lastID: UInt64 = 0
    private var isClosed = false

    /// Binds and serves. A socket file that nobody listens on is replaced.
    public init(
        listeners: [Listener], loop: EventLoop, source: any AdminSource, stateFile: String? = nil,
        limits: Limits = Limits()
    ) throws(SystemError) {
        self.loop = loop
        self.limits = limits
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
                welcome(accepted.descriptor, listener.level)
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

    private func welcome(_ descriptor: Int32, _ level: AccessLevel) {
        guard clients.count < limits.clientsMax else {
            commands.complain(.tooManyClients)
            // Small enough for any socket buffer.
            _ = try? Sockets.send(descriptor, ArraySlice("Too many connections to the admin socket.\n\n".utf8))
            return Sockets.close(descriptor)
        }
        lastID += 1
        let id = lastID
        clients[id] = AdminConnection(
            descriptor: descriptor, loop: loop, limits: limits, level: level, commands: commands,
            onClose: { [weak self] in self?.clients[id] = nil })
        clients[id]?.start()
    }
}

/// A socket that is listened on.
private final class OpenListener {
    let descriptor: Int32
    let level: AccessLevel
    /// The socket file and its inode: at the end, only this very one is removed.
    private let file: (path: String, inode: ino_t)?
    var acceptor: Watch?

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

/// One client of the admin socket.
final class AdminConnection {
    private let descriptor: Int32
    private let loop: EventLoop
    private let commands: AdminCommands
    private let onClose: () -> Void
    private var dialogue: Dialogue
    /// What of the present answer has not been sent. While there is any, nothing is read and nothing executed.
    private var pending: [UInt8] = []
    private var sent = 0
    private var watch: Watch?
    private var idle: Timer?
    private var isExecuting = false
    private var isClosed = false

    init(
        descriptor: Int32, loop: EventLoop, limits: AdminServer.Limits, level: AccessLevel,
        commands: AdminCommands, onClose: @escaping () -> Void
    ) {
        self.descriptor = descriptor
        self.loop = loop
        self.commands = commands
        self.onClose = onClose
        dialogue = Dialogue(lineMax: limits.lineMax, idleTimeout: limits.idleTimeout, level: level)
    }

    func start() {
        watch = loop.watch(descriptor, read: true, write: false) { [weak self] readiness in
            guard let self else { return }
            if readiness.writable, !pending.isEmpty { flush() }
            if readiness.readable, !isClosed, pending.isEmpty { receive() }
            proceed()
        }
        progressed()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        idle?.cancel()
        watch?.cancel()
        // What was sent and not read would turn the end of the answer into a reset.
        discard()
        Sockets.close(descriptor)
        onClose()
    }

    /// Something moved: the time to be idle begins anew.
    private func progressed() {
        idle?.cancel()
        idle = nil
        guard !isClosed, !isExecuting else { return }
        idle = loop.schedule(after: dialogue.idleTimeout) { [weak self] in
            guard let self else { return }
            if !pending.isEmpty { commands.complain(.answerNotTaken) }
            close()
        }
    }

    private func receive() {
        guard dialogue.wantsBytes else { return }
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            do throws(SystemError) {
                switch try Sockets.receive(descriptor, into: buffer) {
                case .bytes(let count):
                    dialogue.received(buffer[..<count])
                    progressed()
                case .wouldBlock: break
                case .ended: dialogue.ended()
                }
            } catch {
                close()
            }
        }
    }

    /// Executes until something has to be waited for.
    private func proceed() {
        while !isClosed, !isExecuting, pending.isEmpty {
            switch dialogue.next() {
            case .wait: return update()
            case .close: return close()
            case .send(let text):
                if dialogue.wasTooLong { commands.complain(.lineTooLong) }
                send(text)
            case .run(let command): execute(command)
            }
        }
        update()
    }

    private func execute(_ command: String) {
        isExecuting = true
        // A command takes the time it takes.
        idle?.cancel()
        idle = nil
        var isImmediate = true
        commands.run(command, level: dialogue.level) { [weak self] answer, json in
            guard let self, !isClosed else { return }
            isExecuting = false
            progressed()
            send(dialogue.answered(answer, json: json))
            if !isImmediate { proceed() }
        }
        isImmediate = false
    }

    private func send(_ text: String) {
        pending = Array(text.utf8)
        sent = 0
        flush()
    }

    private func flush() {
        while sent < pending.count {
            do throws(SystemError) {
                guard case .bytes(let count) = try Sockets.send(descriptor, pending[sent...]) else { return update() }
                sent += count
                progressed()
            } catch {
                return close()
            }
        }
        pending = []
        sent = 0
    }

    private func update() {
        guard !isClosed else { return }
        watch?.update(read: pending.isEmpty && !isExecuting && dialogue.wantsBytes, write: !pending.isEmpty)
    }

    private func discard() {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            for _ in 0..<16 {
                guard case .bytes? = try? Sockets.receive(descriptor, into: buffer) else { return }
            }
        }
    }
}
