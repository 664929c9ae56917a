import Cluster
import Foundation
import Glibc
import Reactor

@testable import Admin

extension FakeSource: WebSource {}

/// The HTTP side on a free port of loopback, with a loop and a thread of its own.
final class WebHarness: Sendable {
    typealias Job = @Sendable (FakeSource, HTTPServer) -> Void

    let port: UInt16
    private let mailbox: Mailbox<Job?>
    private let thread: WorkerThread

    init(token: String? = nil, limits: HTTPServer.Limits = .init()) throws {
        let mailbox = try Mailbox<Job?>()
        let (starts, start) = (DispatchSemaphore(value: 0), Box<Result<UInt16, SystemError>?>(nil))
        thread = try spawnThread(named: "web-test") {
            serve(token, limits, mailbox) {
                start.value = $0
                starts.signal()
            }
        }
        starts.wait()
        self.mailbox = mailbox
        switch start.value {
        case .success(let port): self.port = port
        case .failure(let error):
            thread.join()
            throw error
        case nil: fatalError("the server did not say how it started")
        }
    }

    /// Runs the job on the loop and waits for its end.
    func onLoop<Value: Sendable>(_ job: @escaping @Sendable (FakeSource, HTTPServer) -> Value) -> Value {
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
    func eventually(_ condition: @escaping @Sendable (FakeSource, HTTPServer) -> Bool) -> Bool {
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

    func client() throws -> WebClient { try WebClient(port) }

    /// One request on a connection of its own; the whole answer.
    func get(_ path: String, method: String = "GET", headers: [String] = []) throws -> WebAnswer {
        let client = try client()
        client.ask(path, method: method, headers: headers + ["Connection: close"])
        return WebAnswer(client.receiveAll())
    }
}

private func serve(
    _ token: String?, _ limits: HTTPServer.Limits, _ mailbox: Mailbox<WebHarness.Job?>,
    started: (Result<UInt16, SystemError>) -> Void
) {
    do throws(SystemError) {
        let loop = try EventLoop()
        let source = FakeSource(loop: loop)
        let server = try HTTPServer(
            listen: Endpoint(host: "127.0.0.1", port: 0), token: token, loop: loop, source: source,
            latencyBound: { $0 }, limits: limits)
        mailbox.attach(to: loop) { job in
            if let job { job(source, server) } else { loop.stop() }
        }
        started(.success(server.port))
        loop.run()
        server.close()
    } catch {
        started(.failure(error))
    }
}

/// A client by hand: blocking, gives up after twenty seconds.
final class WebClient {
    private let descriptor: Int32
    private var waiting: [UInt8] = []

    init(_ port: UInt16) throws {
        descriptor = try Sockets.connect(to: Sockets.resolve(Endpoint(host: "127.0.0.1", port: port)))
        _ = fcntl(descriptor, F_SETFL, 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&ready, 1, 20_000)
    }

    deinit { close(descriptor) }

    @discardableResult func send(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    @discardableResult
    func ask(_ path: String, method: String = "GET", host: String = "127.0.0.1", headers: [String] = []) -> Bool {
        send(
            ([method + " " + path + " HTTP/1.1"] + (host.isEmpty ? [] : ["Host: " + host]) + headers + ["", ""])
                .joined(separator: "\r\n"))
    }

    /// Bytes that have arrived; nil at the end, and after an error.
    private func more() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : nil
    }

    /// Up to the end.
    func receiveAll() -> String {
        while let bytes = more() { waiting += bytes }
        defer { waiting = [] }
        return String(decoding: waiting, as: UTF8.self)
    }

    /// Up to and with this text; nil where the connection ends before.
    func receive(upTo mark: String) -> String? {
        let mark = Array(mark.utf8)
        var looked = 0
        while true {
            if waiting.count >= mark.count {
                for start in looked...(waiting.count - mark.count)
                where waiting[start..<start + mark.count].elementsEqual(mark) {
                    let end = start + mark.count
                    defer { waiting.removeFirst(end) }
                    return String(decoding: waiting[..<end], as: UTF8.self)
                }
                looked = waiting.count - mark.count + 1
            }
            guard let bytes = more() else { return nil }
            waiting += bytes
        }
    }

    /// One answer with a Content-Length.
    func receiveAnswer(hasBody: Bool = true) -> WebAnswer? {
        guard let head = receive(upTo: "\r\n\r\n") else { return nil }
        var answer = WebAnswer(head)
        guard hasBody, let length = answer.headers["content-length"].flatMap({ Int($0) }) else { return answer }
        while waiting.count < length {
            guard let bytes = more() else { return nil }
            waiting += bytes
        }
        answer.body = String(decoding: waiting[..<length], as: UTF8.self)
        waiting.removeFirst(length)
        return answer
    }
}

/// An answer, taken apart.
struct WebAnswer {
    var status = 0
    /// By name in small letters.
    var headers: [String: String] = [:]
    var body = ""

    init(_ text: String) {
        let end = text.range(of: "\r\n\r\n")
        let lines = text[..<(end?.lowerBound ?? text.endIndex)].components(separatedBy: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        status = words.count > 1 && words[0].hasPrefix("HTTP/1.") ? Int(words[1]) ?? 0 : 0
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            headers[line[..<colon].lowercased()] = value
        }
        body = end.map { String(text[$0.upperBound...]) } ?? ""
    }
}
