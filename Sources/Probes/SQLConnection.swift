import CMariaDB
import Cluster
import Glibc
import Reactor

/// One connection to a server, driven by the loop: libmariadb's non-blocking calls, one at a time.
///
/// https://mariadb.com/kb/en/using-the-non-blocking-library/
final class SQLConnection {
    typealias Row = [String?]

    private let loop: EventLoop
    private var handle: UnsafeMutablePointer<MYSQL>?
    private let inlet: Inlet
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
    private var row: MYSQL_ROW?

    init(loop: EventLoop) {
        self.loop = loop
        guard let handle = mysql_init(nil) else { preconditionFailure("out of memory for a connection") }
        self.handle = handle
        inlet = Inlet(handle)
        var stack = Self.stackBytes
        mysql_options(handle, MYSQL_OPT_NONBLOCK, &stack)
        var transport = UInt32(MYSQL_PROTOCOL_TCP.rawValue)
        mysql_options(handle, MYSQL_OPT_PROTOCOL, &transport)
        mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4")
        // Whatever the greeting names. The rest is the library's own bar behind the inlet's.
        mysql_options(handle, MYSQL_DEFAULT_AUTH, Intake.plugins[0])
        mysql_options(handle, MARIADB_OPT_RESTRICTED_AUTH, Intake.plugins.joined(separator: ","))
        var (no, packet) = (UInt32(0), Intake.Bounds.check.packetBytesMax * 2)
        mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &no)
        mysql_options(handle, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet)
        mysql_options4(handle, MYSQL_OPT_CONNECT_ATTR_ADD, ProxyMark.attribute, ProxyMark.check)
    }

    deinit { close() }

    /// Of the stack on which the library runs until its call is over. Its own default, 60 KiB, is less than what the
    /// inlet needs in a build with sanitizers.
    private static let stackBytes = 256 << 10

    /// The server's id of this connection.
    var connectionID: UInt64 { handle.map { UInt64(mysql_thread_id($0)) } ?? 0 }
    /// What the greeting said; nil before it has come.
    var identity: ServerIdentity? { ServerIdentity(greeting: inlet.greeting) }

    // MARK: calls

    /// - Parameter host: an address in numbers: the library would block on a name.
    func connect(
        host: String, port: UInt16, user: String, password: String,
        _ completion: @escaping (SQLError?) -> Void
    ) {
        guard let handle else { return completion(.noAnswer) }
        let (host, user, password) = (keep(host), keep(user), keep(password))
        perform(
            start: { [self] in
                mysql_real_connect_start(&connected, handle, host, user, password, nil, UInt32(port), nil, 0)
            },
            resume: { [self] ready in mysql_real_connect_cont(&connected, handle, ready) },
            finish: { [self] in completion(connected == nil ? error(handle) : nil) })
    }

    /// One statement, its whole result in memory.
    func query(
        _ text: String, within bounds: Intake.Bounds = .check,
        _ completion: @escaping (Result<[Row], SQLError>) -> Void
    ) {
        var rows: [Row] = []
        query(text, within: bounds, eachRow: { rows.append($0) }) { error in
            completion(error.map(Result.failure) ?? .success(rows))
        }
    }

    /// One statement, row by row.
    func query(
        _ text: String, within bounds: Intake.Bounds, eachRow: @escaping (Row) -> Void,
        _ completion: @escaping (SQLError?) -> Void
    ) {
        guard let handle else { return completion(.noAnswer) }
        inlet.asked(bounds)
        let statement = keep(text)
        perform(
            start: { [self] in
                mysql_real_query_start(&code, handle, statement, UInt(strlen(statement)))
            },
            resume: { [self] ready in mysql_real_query_cont(&code, handle, ready) },
            finish: { [self] in
                if code != 0 { return completion(error(handle)) }
                // Not stored by the library: it would hold all of it.
                result = mysql_use_result(handle)
                guard result != nil else { return completion(mysql_errno(handle) == 0 ? nil : error(handle)) }
                fetch(handle, eachRow, completion)
            })
    }

    /// The rows that are there, and then those that come; a loop, since each row may be there at once.
    private func fetch(
        _ handle: UnsafeMutablePointer<MYSQL>, _ eachRow: @escaping (Row) -> Void,
        _ completion: @escaping (SQLError?) -> Void
    ) {
        while let result {
            let status = mysql_fetch_row_start(&row, result)
            if status != 0 {
                perform(
                    start: { status },
                    resume: { [self] ready in mysql_fetch_row_cont(&row, result, ready) },
                    finish: { [self] in
                        if take(handle, result, eachRow, completion) { fetch(handle, eachRow, completion) }
                    })
                return
            }
            if !take(handle, result, eachRow, completion) { return }
        }
    }

    /// False where that was the end.
    private func take(
        _ handle: UnsafeMutablePointer<MYSQL>, _ result: UnsafeMutablePointer<MYSQL_RES>,
        _ eachRow: (Row) -> Void, _ completion: (SQLError?) -> Void
    ) -> Bool {
        if let row, let lengths = mysql_fetch_lengths(result) {
            eachRow(
                (0..<Int(mysql_num_fields(result))).map { column in
                    row[column].map { value in
                        let bytes = UnsafeRawBufferPointer(start: value, count: Int(lengths[column]))
                        return String(decoding: bytes, as: UTF8.self)
                    }
                })
            return true
        }
        let failure = mysql_errno(handle) == 0 ? nil : error(handle)
        free(result)
        completion(failure)
        return false
    }

    /// Without the rest of its rows, which the library would wait for.
    private func free(_ result: UnsafeMutablePointer<MYSQL_RES>) {
        result.pointee.handle = nil
        mysql_free_result(result)
        self.result = nil
    }

    private func error(_ handle: UnsafeMutablePointer<MYSQL>) -> SQLError {
        inlet.refusal.map(SQLError.init) ?? SQLError(handle)
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
            inlet.shut()
            shutdown(mysql_get_socket(handle), Int32(SHUT_RDWR))
            var status = resume(MYSQL_WAIT_TIMEOUT)
            for _ in 0..<64 where status != 0 { status = resume(MYSQL_WAIT_TIMEOUT) }
        }
        inlet.shut()
        if let result { free(result) }
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
        inlet.turn()
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
        let write = status & MYSQL_WAIT_WRITE != 0
        let read = status & (MYSQL_WAIT_READ | MYSQL_WAIT_EXCEPT) != 0
        // Made anew for every step: the library may close the descriptor within a step.
        watch = loop.watch(mysql_get_socket(handle), read: read, write: write) { [weak self] readiness in
            guard let self, let resume = self.resume else { return }
            watch?.cancel()
            inlet.turn()
            let ready =
                (readiness.readable ? MYSQL_WAIT_READ : 0) | (readiness.writable ? MYSQL_WAIT_WRITE : 0)
            advance(resume(ready & status == 0 ? status : ready & status))
        }
    }

    private func keep(_ text: String) -> UnsafeMutablePointer<CChar> {
        guard let copy = strdup(text) else { preconditionFailure("out of memory for a string") }
        strings.append(copy)
        return copy
    }

    private func releaseStrings() {
        for string in strings { Glibc.free(string) }
        strings = []
    }
}
