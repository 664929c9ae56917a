import Cluster
import Foundation
import Glibc
import Reactor

@testable import Admin

/// What the server shows in these tests; lives on the harness' loop.
final class FakeSource: AdminSource {
    let loop: EventLoop
    var process = ProcessFacts(
        version: "1.2.3", pid: 42, startedAt: MonotonicClock.now(), workers: 2, connectionsMax: 100,
        descriptorsMax: 1024, hostname: "host", isStopping: false)
    var view = ClusterView.unobserved([], at: MonotonicClock.now())
    var outages = OutageHistory(at: MonotonicClock.now())
    var activity = Activity()
    var isPaused = false
    var outageReports: [OutageReport] = []
    var outageCount = 0
    var evidence: [EvidencePiece] = []
    var rows: [SessionRow] = []
    /// Holds the answer of `show sessions` back until ``answerSessions()``.
    var holdsSessions = false
    private(set) var waiting: [([SessionRow]) -> Void] = []
    var reloading: Result<String, ReloadFailure> = .success("Nothing has changed.")

    init(loop: EventLoop) { self.loop = loop }

    func pause() { isPaused = true }
    func resume() { isPaused = false }
    func pauseRanOut(after limit: Instant.Span) {
        said.append("ran out after \(limit)")
        isPaused = false
    }
    /// What was said of nodes, in order.
    private(set) var administered: [(NodeID, AdministrativeState)] = []
    private(set) var endedSessions: [UInt32] = []
    private(set) var endedNodes: [NodeID] = []

    func set(_ node: NodeID, administrative state: AdministrativeState) {
        administered.append((node, state))
        view.nodes[node.rawValue].administrative = state
    }

    func endSession(_ id: UInt32) { endedSessions.append(id) }
    func endSessions(on node: NodeID) { endedNodes.append(node) }
    func setConnectionsMax(_ count: Int) { process.connectionsMax = count }
    /// What else was said, in order.
    private(set) var said: [String] = []
    func declare(_ node: NodeID, _ word: HealthWord) { said.append("\(node.rawValue) \(word.rawValue)") }
    func setChecked(_ node: NodeID, _ isChecked: Bool) {
        said.append("\(node.rawValue) \(isChecked ? "checked" : "unchecked")")
        if isChecked {
            view.nodes[node.rawValue].marks.remove(.unchecked)
        } else {
            view.nodes[node.rawValue].marks.insert(.unchecked)
        }
    }
    func setAgent(_ node: NodeID, isHeard: Bool) {
        said.append("\(node.rawValue) agent \(isHeard ? "heard" : "ignored")")
        if isHeard {
            view.nodes[node.rawValue].marks.remove(.agentIgnored)
        } else {
            view.nodes[node.rawValue].marks.insert(.agentIgnored)
        }
    }
    func declareAgent(_ node: NodeID, isUp: Bool) { said.append("\(node.rawValue) agent \(isUp ? "up" : "down")") }
    func setConnectionRateMax(_ perSecond: Int) { said.append("rate \(perSecond)") }
    func setFrontend(_ state: FrontendState, _ completion: @escaping (Bool) -> Void) {
        process.frontend = state
        completion(true)
    }
    func note(_ sentence: String) { said.append(sentence) }
    func reload(_ completion: @escaping (Result<String, ReloadFailure>) -> Void) { completion(reloading) }

    func sessions(_ completion: @escaping ([SessionRow]) -> Void) {
        if holdsSessions { waiting.append(completion) } else { completion(rows) }
    }

    func answerSessions() {
        let all = waiting
        waiting = []
        for completion in all { completion(rows) }
    }
}

/// A server on a temporary socket, with a loop and a thread of its own.
final class Harness: Sendable {
    typealias Job = @Sendable (FakeSource, AdminServer) -> Void

    let path: String
    private let mailbox: Mailbox<Job?>
    private let thread: WorkerThread

    /// Where it listens over TCP, with the level `user`.
    let port: UInt16?

    init(
        limits: AdminServer.Limits = .init(), path given: String? = nil, mode: UInt32 = 0o660,
        level: AccessLevel = .admin, tcp: Bool = false, stateFile: String? = nil
    ) throws {
        let path = given ?? Self.temporaryPath()
        let port = tcp ? try Self.freePort() : nil
        self.port = port
        var listeners = [AdminServer.Listener(.unix(path: path, mode: mode), level: level)]
        if let port { listeners.append(.init(.tcp(Endpoint(host: "127.0.0.1", port: port)), level: .user)) }
        let all = listeners
        let mailbox = try Mailbox<Job?>()
        let (starts, start) = (DispatchSemaphore(value: 0), Box<SystemError?>(nil))
        thread = try spawnThread(named: "admin-test") {
            serve(
                all, limits, stateFile, mailbox,
                started: {
                    start.value = $0; starts.signal()
                })
        }
        starts.wait()
        self.path = path
        self.mailbox = mailbox
        if let error = start.value {
            thread.join()
            throw error
        }
    }

    /// One that nobody listens on; below those that the system gives to clients.
    private static func freePort() throws -> UInt16 {
        while true {
            let port = UInt16.random(in: 20_000..<32_000)
            if let descriptor = try? Sockets.listen(Endpoint(host: "127.0.0.1", port: port)) {
                Sockets.close(descriptor)
                return port
            }
        }
    }

    static func temporaryPath() -> String { "/tmp/hadb-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock" }

    /// Runs the job on the loop and waits for its end.
    func onLoop<Value: Sendable>(_ job: @escaping @Sendable (FakeSource, AdminServer) -> Value) -> Value {
        let done = DispatchSemaphore(value: 0)
        let box = Box<Value?>(nil)
        mailbox.post { source, server in
            box.value = job(source, server)
            done.signal()
        }
        done.wait()
        guard let value = box.value else { fatalError("the job did not run") }
        return value
    }

    /// Waits until it is so, a look every millisecond; false after ten seconds.
    func eventually(_ condition: @escaping @Sendable (FakeSource, AdminServer) -> Bool) -> Bool {
        for _ in 0..<10_000 {
            if onLoop(condition) { return true }
            usleep(1000)
        }
        return false
    }

    func stop() {
        mailbox.post(nil)
        thread.join()
    }

    func ask(_ line: String) throws -> String { try AdminClient.ask(line, at: path, timeout: .seconds(20)) }
}

/// A value that is handed over under a semaphore.
final class Box<Value>: @unchecked Sendable {
    var value: Value
    init(_ value: Value) { self.value = value }
}

private func serve(
    _ listeners: [AdminServer.Listener], _ limits: AdminServer.Limits, _ stateFile: String?,
    _ mailbox: Mailbox<Harness.Job?>,
    started: (SystemError?) -> Void
) {
    do throws(SystemError) {
        let loop = try EventLoop()
        let source = FakeSource(loop: loop)
        let server = try AdminServer(
            listeners: listeners, loop: loop, source: source, stateFile: stateFile, limits: limits)
        mailbox.attach(to: loop) { job in
            if let job { job(source, server) } else { loop.stop() }
        }
        started(nil)
        loop.run()
        server.close()
    } catch {
        started(error)
    }
}

/// A client by hand: blocking, gives up after twenty seconds.
final class RawClient {
    private let descriptor: Int32

    convenience init(_ path: String) throws { self.init(descriptor: try Sockets.connectUnix(path)) }

    convenience init(port: UInt16) throws {
        self.init(descriptor: try Sockets.connect(to: Sockets.resolve(Endpoint(host: "127.0.0.1", port: port))))
    }

    private init(descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// False where the server has closed.
    @discardableResult func send(_ bytes: some Collection<UInt8>) -> Bool {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    @discardableResult func send(_ text: String) -> Bool { send(Array(text.utf8)) }
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Up to the end, or up to `count` bytes.
    func receive(_ count: Int = .max) -> String {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while all.count < count {
            let got = recv(descriptor, &buffer, min(buffer.count, count - all.count), 0)
            guard got > 0 else { break }
            all += buffer[..<got]
        }
        return String(decoding: all, as: UTF8.self)
    }
}
