import CMariaDB
import Cluster
import Glibc
import Reactor

/// One connection to a server, driven by the loop: libmariadb's non-blocking calls, one at a time.
///
/// https://mariadb.com/kb/en/using-the-non-blocking-library/
final class SQLConnection {
    typealias Rows = [[String?]]

    private static let library: Bool = mysql_server_init(0, nil, nil) == 0

    private let loop: EventLoop
    private var handle: UnsafeMutablePointer<MYSQL>?
    private var watch: Watch?
    /// Goes on with the call under way; nil while there is none.
    private var resume: ((Int32) -> Int32)?
    private var finish: (() -> Void)?
    /// Strings that the library reads until the call under way ends.
    private var strings: [UnsafeMutablePointer<CChar>] = []
    // Where the library leaves what a call returns.
    private var connected: UnsafeMutablePointer<MYSQL>?
    private var code: Int32 = 0
    private var result: UnsafeMutablePointer<MYSQL_RES>?
    private var isConnecting = false
    private var isGreeted = false
    /// What the greeting said; nil before the login.
    private(set) var identity: ServerIdentity?

    init(loop: EventLoop) {
        precondition(Self.library, "libmariadb does not start")
        self.loop = loop
        guard let handle = mysql_init(nil) else { preconditionFailure("out of memory for a connection") }
        self.handle = handle
        mysql_options(handle, MYSQL_OPT_NONBLOCK, nil)
        var transport = UInt32(MYSQL_PROTOCOL_TCP.rawValue)
        mysql_options(handle, MYSQL_OPT_PROTOCOL, &transport)
        mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4")
    }

    deinit { close() }

    /// The server's id of this connection.
    var connectionID: UInt64 { handle.map { UInt64(mysql_thread_id($0)) } ?? 0 }

    // MARK: calls

    /// - Parameter host: an address in numbers: the library would block on a name.
    func connect(
        host: String, port: UInt16, user: String, password: String,
        _ completion: @escaping (SQLError?) -> Void
    ) {
        guard let handle else { return completion(.noAnswer) }
        isConnecting = true
        let (host, user, password) = (keep(host), keep(user), keep(password))
        perform(
            start: { [self] in
                mysql_real_connect_start(&connected, handle, host, user, password, nil, UInt32(port), nil, 0)
            },
            resume: { [self] ready in
                peekAtGreeting(handle)
                return mysql_real_connect_cont(&connected, handle, ready)
            },
            finish: { [self] in
                guard connected != nil else { return completion(SQLError(handle)) }
                if identity == nil { identity = ServerIdentity(login: handle) }
                completion(nil)
            })
    }

    /// One statement, its whole result in memory.
    func query(_ text: String, _ completion: @escaping (Result<Rows, SQLError>) -> Void) {
        guard let handle else { return completion(.failure(.noAnswer)) }
        let statement = keep(text)
        perform(
            start: { [self] in
                mysql_real_query_start(&code, handle, statement, UInt(strlen(statement)))
            },
            resume: { [self] ready in mysql_real_query_cont(&code, handle, ready) },
            finish: { [self] in
                if code != 0 { return completion(.failure(SQLError(handle))) }
                store(handle, completion)
            })
    }

    private func store(
        _ handle: UnsafeMutablePointer<MYSQL>, _ completion: @escaping (Result<Rows, SQLError>) -> Void
    ) {
        perform(
            start: { [self] in mysql_store_result_start(&result, handle) },
            resume: { [self] ready in mysql_store_result_cont(&result, handle, ready) },
            finish: { [self] in
                guard let result else {
                    return completion(mysql_errno(handle) == 0 ? .success([]) : .failure(SQLError(handle)))
                }
                self.result = nil
                let rows = Self.rows(of: result)
                mysql_free_result(result)
                completion(.success(rows))
            })
    }

    /// Watches a connection without a call under way: anything that comes now is the server's farewell.
    func watchForEnd(_ body: @escaping () -> Void) {
        guard let handle, resume == nil else { return }
        watch?.cancel()
        watch = loop.watch(mysql_get_socket(handle), read: true, write: false) { [weak self] _ in
            self?.watch?.cancel()
            body()
        }
    }

    /// Ends the connection, whatever is under way; its completion is not called. Allowed from within a completion,
    /// which is the last thing that a call does.
    func close() {
        watch?.cancel()
        watch = nil
        guard let handle else { return }
        self.handle = nil
        finish = nil
        if let resume {
            // The call sits on a stack of its own: told that its time is over, it runs to its end and frees it.
            // With the socket shut, nothing that it still tries can wait.
            self.resume = nil
            shutdown(mysql_get_socket(handle), Int32(SHUT_RDWR))
            var status = resume(MYSQL_WAIT_TIMEOUT)
            for _ in 0..<64 where status != 0 { status = resume(MYSQL_WAIT_TIMEOUT) }
        }
        if let result { mysql_free_result(result) }
        result = nil
        mysql_close(handle)
        releaseStrings()
    }

    // MARK: driving

    private func perform(
        start: () -> Int32, resume: @escaping (Int32) -> Int32, finish: @escaping () -> Void
    ) {
        precondition(self.resume == nil, "one call at a time")
        watch?.cancel()
        self.resume = resume
        self.finish = finish
        advance(start())
    }

    /// With what the library waits for; zero when the call is over.
    private func advance(_ status: Int32) {
        guard let handle else { return }
        if status == 0 {
            let finish = finish
            resume = nil
            self.finish = nil
            releaseStrings()
            finish?()
            return
        }
        // A new connection: not before the greeting is there to be looked at. A failed one becomes readable, too.
        let isGreeting = isConnecting && !isGreeted
        let write = status & MYSQL_WAIT_WRITE != 0 && !isGreeting
        let read = status & (MYSQL_WAIT_READ | MYSQL_WAIT_EXCEPT) != 0 || isGreeting
        // Made anew for every step: the library may close the descriptor within a step.
        watch = loop.watch(mysql_get_socket(handle), read: read, write: write) { [weak self] readiness in
            guard let self, let resume = self.resume else { return }
            watch?.cancel()
            let ready =
                (readiness.readable ? MYSQL_WAIT_READ : 0) | (readiness.writable ? MYSQL_WAIT_WRITE : 0)
            advance(resume(ready & status == 0 ? status : ready & status))
        }
    }

    /// The library keeps no greeting as it came (it cuts the version's prefix): looks at the bytes before it does.
    private func peekAtGreeting(_ handle: UnsafeMutablePointer<MYSQL>) {
        guard !isGreeted else { return }
        isGreeted = true
        // A failed connect keeps its error for the library: `recv` would take it away.
        var socket = pollfd(fd: mysql_get_socket(handle), events: Int16(POLLIN), revents: 0)
        guard poll(&socket, 1, 0) == 1, socket.revents == Int16(POLLIN) else { return }
        let bytes = [UInt8](unsafeUninitializedCapacity: 1024) { buffer, count in
            let flags = Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)
            count = max(0, recv(mysql_get_socket(handle), buffer.baseAddress, buffer.count, flags))
        }
        identity = ServerIdentity(greeting: bytes)
    }

    private func keep(_ text: String) -> UnsafeMutablePointer<CChar> {
        guard let copy = strdup(text) else { preconditionFailure("out of memory for a string") }
        strings.append(copy)
        return copy
    }

    private func releaseStrings() {
        for string in strings { free(string) }
        strings = []
    }

    private static func rows(of result: UnsafeMutablePointer<MYSQL_RES>) -> Rows {
        let columns = Int(mysql_num_fields(result))
        var rows: Rows = []
        while let row = mysql_fetch_row(result), let lengths = mysql_fetch_lengths(result) {
            rows.append(
                (0..<columns).map { column in
                    row[column].map { value in
                        let bytes = UnsafeRawBufferPointer(start: value, count: Int(lengths[column]))
                        return String(decoding: bytes, as: UTF8.self)
                    }
                })
        }
        return rows
    }
}
