import CPlatform
import Cluster
import Glibc

/// Sockets as the program uses them: non-blocking, closed on exec, errors thrown, would-block a value.
public enum Sockets {
    /// An accepted connection.
    public struct Accepted: Sendable {
        public let descriptor: Int32
        public let peer: ResolvedAddress
        /// `ip:port`; empty for a Unix socket.
        public var peerText: String { peer.text }
    }

    /// What a `recv` or a `send` came to.
    public enum Transfer: Hashable, Sendable {
        /// That many bytes, at least one.
        case bytes(Int)
        case wouldBlock
        /// The peer has sent everything (end of file).
        case ended
    }

    // MARK: addresses

    /// A numeric host without any waiting; a name by the system's resolver, which may block for seconds. The first
    /// address counts.
    public static func resolve(_ endpoint: Endpoint) throws(SystemError) -> ResolvedAddress {
        if let numeric = numeric(endpoint) { return numeric }
        let (address, code) = lookUp(endpoint, AI_NUMERICSERV | AI_ADDRCONFIG)
        if let address { return address }
        if code == EAI_SYSTEM { throw SystemError(errno: errno, call: "getaddrinfo \(endpoint.host)") }
        let reason = String(cString: gai_strerror(code))
        throw SystemError(errno: EHOSTUNREACH, call: "getaddrinfo \(endpoint.host): \(reason)")
    }

    /// Nil for a name.
    public static func numeric(_ endpoint: Endpoint) -> ResolvedAddress? {
        lookUp(endpoint, AI_NUMERICHOST | AI_NUMERICSERV).address
    }

    private static func lookUp(_ endpoint: Endpoint, _ flags: Int32) -> (address: ResolvedAddress?, code: Int32) {
        var hints = addrinfo()
        hints.ai_flags = flags
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(endpoint.host, String(endpoint.port), &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        guard code == 0, let first = found?.pointee, let address = first.ai_addr else { return (nil, code) }
        return (ResolvedAddress(address, length: first.ai_addrlen), 0)
    }

    // MARK: listening

    /// - Parameters:
    ///   - reusePort: several listeners of this process share the port (SO_REUSEPORT).
    ///   - freebind: also an address that this host does not have yet (IP_FREEBIND).
    public static func listen(
        _ endpoint: Endpoint, reusePort: Bool = false, freebind: Bool = false, backlog: Int32 = 4096
    ) throws(SystemError) -> Int32 {
        let address = try resolve(endpoint)
        let descriptor = try stream(family: address.family)
        do throws(SystemError) {
            try set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
            if reusePort { try set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
            if freebind { try set(descriptor, Int32(platform_sol_ip), Int32(platform_ip_freebind), 1) }
            // `0.0.0.0` and `::` are two listeners, whatever the host's default is.
            if address.family == AF_INET6 { try set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
            try blockingCall("bind") { address.withSockaddr { Glibc.bind(descriptor, $0, $1) } }
            try blockingCall("listen") { Glibc.listen(descriptor, backlog) }
            return descriptor
        } catch {
            close(descriptor)
            throw SystemError(errno: error.errno, call: "\(error.call) \(endpoint)")
        }
    }

    /// Connections to a TCP listener are refused from now on; it keeps its port. Linux' own way, which HAProxy
    /// takes too (tcp_disconnect() on shutdown of a listener).
    public static func stopListening(_ descriptor: Int32) { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// The contrary; false where somebody else listens there meanwhile.
    public static func listenAgain(_ descriptor: Int32, backlog: Int32 = 4096) -> Bool {
        Glibc.listen(descriptor, backlog) == 0
    }

    /// A Unix stream socket with these permissions (e.g. 0o660). A socket file that nobody listens on any more is
    /// replaced; one with a listener is EADDRINUSE, another kind of file is left alone.
    ///
    /// - Parameters:
    ///   - user: who owns the file; nil for the process's own.
    ///   - group: the same.
    public static func listenUnix(
        _ path: String, mode: mode_t, user: uid_t? = nil, group: gid_t? = nil, backlog: Int32 = 64
    ) throws(SystemError) -> Int32 {
        var address = try unixAddress(path)
        try removeStaleSocket(path)
        let descriptor = try stream(family: AF_UNIX)
        do throws(SystemError) {
            try blockingCall("bind") { withUnixAddress(&address) { Glibc.bind(descriptor, $0, $1) } }
            // Nobody can connect before `listen`, so there is no moment with other permissions.
            if user != nil || group != nil {
                try blockingCall("chown") { chown(path, user ?? uid_t.max, group ?? gid_t.max) }
            }
            try blockingCall("chmod") { chmod(path, mode) }
            try blockingCall("listen") { Glibc.listen(descriptor, backlog) }
            return descriptor
        } catch {
            close(descriptor)
            throw SystemError(errno: error.errno, call: "\(error.call) \(path)")
        }
    }

    private static func removeStaleSocket(_ path: String) throws(SystemError) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
        do throws(SystemError) {
            close(try connectUnix(path))
        } catch {
            if error.errno == ECONNREFUSED { unlink(path) }
            return
        }
        throw SystemError(errno: EADDRINUSE, call: "bind \(path)")
    }

    /// The next connection, nil when there is none now. One that its client gave up meanwhile is passed over. Out
    /// of descriptors (EMFILE, ENFILE) is thrown: the connection stays in the queue.
    public static func accept(_ listener: Int32) throws(SystemError) -> Accepted? {
        let flags = Int32(platform_sock_nonblock) | Int32(platform_sock_cloexec)
        while true {
            var peer = ResolvedAddress()
            do throws(SystemError) {
                let result = try systemCall("accept") { peer.fill { accept4(listener, $0, &$1, flags) } }
                switch result {
                case .done(let descriptor): return Accepted(descriptor: descriptor, peer: peer)
                case .wouldBlock: return nil
                }
            } catch {
                if !isConnectionsOwn(error.errno) { throw error }
            }
        }
    }

    /// Errors of accept(2) that belong to the new connection, not to the listener.
    private static func isConnectionsOwn(_ errno: Int32) -> Bool {
        [ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH].contains(errno)
    }

    // MARK: connecting

    /// Begins to connect. The socket becomes writable when it is decided; ask ``pendingError(_:)`` then.
    public static func connect(to address: ResolvedAddress) throws(SystemError) -> Int32 {
        let descriptor = try stream(family: address.family)
        if address.withSockaddr({ Glibc.connect(descriptor, $0, $1) }) == 0 { return descriptor }
        let error = errno
        // Interrupted, a connect goes on in the background: the same as in progress.
        if error == EINPROGRESS || error == EINTR { return descriptor }
        close(descriptor)
        throw SystemError(errno: error, call: "connect")
    }

    /// Connected when it returns: a Unix socket decides at once (EAGAIN where the listener's queue is full).
    public static func connectUnix(_ path: String) throws(SystemError) -> Int32 {
        var address = try unixAddress(path)
        let descriptor = try stream(family: AF_UNIX)
        do throws(SystemError) {
            try blockingCall("connect") { withUnixAddress(&address) { Glibc.connect(descriptor, $0, $1) } }
            return descriptor
        } catch {
            close(descriptor)
            throw SystemError(errno: error.errno, call: "connect \(path)")
        }
    }

    /// The error that is waiting on the socket (SO_ERROR), nil for none. Reading it clears it.
    public static func pendingError(_ descriptor: Int32, call: String = "connect") -> SystemError? {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        if getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &value, &length) != 0 { value = errno }
        return value == 0 ? nil : SystemError(errno: value, call: call)
    }

    public static func peer(of descriptor: Int32) -> ResolvedAddress? {
        var address = ResolvedAddress()
        return address.fill { getpeername(descriptor, $0, &$1) } == 0 ? address : nil
    }

    public static func local(of descriptor: Int32) -> ResolvedAddress? {
        var address = ResolvedAddress()
        return address.fill { getsockname(descriptor, $0, &$1) } == 0 ? address : nil
    }

    /// Where a packet to that address would come from; nil where there is no way to it. Sends none.
    public static func source(for target: ResolvedAddress) -> ResolvedAddress? {
        let descriptor = socket(target.family, Int32(SOCK_DGRAM.rawValue) | Int32(platform_sock_cloexec), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard target.withSockaddr({ Glibc.connect(descriptor, $0, $1) }) == 0 else { return nil }
        return local(of: descriptor)
    }

    // MARK: bytes

    public static func receive(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SystemError) -> Transfer {
        switch try systemCall("recv", { recv(descriptor, buffer.baseAddress, buffer.count, 0) }) {
        case .done(0): return .ended
        case .done(let count): return .bytes(count)
        case .wouldBlock: return .wouldBlock
        }
    }

    /// Never raises SIGPIPE: a peer that is gone is EPIPE or ECONNRESET.
    public static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(SystemError) -> Transfer {
        let flags = Int32(platform_msg_nosignal)
        switch try systemCall("send", { Glibc.send(descriptor, bytes.baseAddress, bytes.count, flags) }) {
        case .done(let count): return .bytes(count)
        case .wouldBlock: return .wouldBlock
        }
    }

    /// Whether there is something to receive, without receiving it.
    ///
    /// - Returns: nil where the connection has failed.
    public static func peek(_ descriptor: Int32) -> Transfer? {
        var byte: UInt8 = 0
        let result = try? systemCall("recv") { recv(descriptor, &byte, 1, Int32(MSG_PEEK)) }
        switch result {
        case .done(0)?: return .ended
        case .done(let count)?: return .bytes(count)
        case .wouldBlock?: return .wouldBlock
        case nil: return nil
        }
    }

    /// The peer has closed its side and everything that it sent before has been received, or the connection has failed.
    /// One that has closed its side behind bytes that wait here has not ended.
    public static func hasEnded(_ descriptor: Int32) -> Bool {
        switch peek(descriptor) {
        case .bytes?: platform_is_connection_dead(descriptor, .max) != 0
        case .wouldBlock?: false
        case .ended?, nil: true
        }
    }

    /// The connection has failed, or its peer has left what it was sent unacknowledged for so long: it has vanished. One
    /// that only does not read, but says so, is there.
    public static func isDead(_ descriptor: Int32, silentFor limit: Instant.Span) -> Bool {
        platform_is_connection_dead(descriptor, UInt32(clamping: limit.milliseconds)) != 0
    }

    /// No more bytes from this side (FIN, behind what was sent).
    public static func endSending(_ descriptor: Int32) { shutdown(descriptor, Int32(SHUT_WR)) }

    /// The same, and what the peer sends is thrown away.
    public static func endBoth(_ descriptor: Int32) { shutdown(descriptor, Int32(SHUT_RDWR)) }

    // MARK: options and the end

    public static func setNoDelay(_ descriptor: Int32) throws(SystemError) {
        try set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    /// Seconds until the first probe, seconds between probes, probes until the connection is dead.
    public static func setKeepalive(
        _ descriptor: Int32, idle: Int32, interval: Int32, count: Int32
    ) throws(SystemError) {
        try set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        try set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE, idle)
        try set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL, interval)
        try set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPCNT, count)
    }

    /// How long sent bytes may stay unacknowledged before the connection is dead (TCP_USER_TIMEOUT).
    public static func setUserTimeout(_ descriptor: Int32, milliseconds: Int32) throws(SystemError) {
        try set(descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, milliseconds)
    }

    /// Another descriptor of the same socket, which stays open until both are closed; -1 where there is none left.
    public static func duplicate(_ descriptor: Int32) -> Int32 { fcntl(descriptor, F_DUPFD_CLOEXEC, 0) }

    public static func close(_ descriptor: Int32) {
        // Never repeated: on Linux the descriptor is gone even after EINTR.
        _ = Glibc.close(descriptor)
    }

    /// Closes with a RST: the peer learns at once that nothing more will come and that its bytes were not read.
    public static func closeWithReset(_ descriptor: Int32) {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        close(descriptor)
    }

    private static func stream(family: Int32) throws(SystemError) -> Int32 {
        try blockingCall("socket") {
            let flags = Int32(platform_sock_nonblock) | Int32(platform_sock_cloexec)
            return socket(family, Int32(SOCK_STREAM.rawValue) | flags, 0)
        }
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) throws(SystemError) {
        var value = value
        try blockingCall("setsockopt") {
            setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    private static func unixAddress(_ path: String) throws(SystemError) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        // One byte stays for the terminating zero.
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw SystemError(errno: bytes.isEmpty ? EINVAL : ENAMETOOLONG, call: "bind \(path)")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return address
    }

    private static func withUnixAddress(
        _ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
