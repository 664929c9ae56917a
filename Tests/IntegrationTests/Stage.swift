import Foundation
import Testbed
import Testing

/// A pair and a proxy of a test's own.
final class Stage: Sendable {
    let pair: EmbeddedPair
    let proxy: ProxyProcess

    /// - Parameter prepare: as root, in the tests' schema, before the proxy starts.
    init(
        holdTimeout: String = "60s", proxy lines: [String] = [], sections: String = "", options: [String] = [],
        prepare: ((Client) throws -> Void)? = nil
    ) throws {
        pair = try EmbeddedPair(options: options)
        try pair.start()
        do {
            if let prepare { try prepare(pair.asRoot(schema: EmbeddedPair.schema)) }
            proxy = try ProxyProcess(nodes: pair.ports, holdTimeout: holdTimeout, proxy: lines, sections: sections)
        } catch {
            pair.stop()
            throw error
        }
    }

    /// `kill -9` of the primary, and at once the standby on the same data; returns when it accepts logins.
    func failOver() throws {
        pair.failPrimary()
        try pair.startStandby()
    }

    func end() {
        proxy.stop(grace: .seconds(2))
        pair.stop()
    }

    /// Ends at the test's end, and says what the proxy said when the test failed.
    static func run(
        holdTimeout: String = "60s", proxy lines: [String] = [], sections: String = "", options: [String] = [],
        prepare: ((Client) throws -> Void)? = nil, _ body: (Stage) throws -> Void
    ) throws {
        let stage = try Stage(
            holdTimeout: holdTimeout, proxy: lines, sections: sections, options: options, prepare: prepare)
        defer { stage.end() }
        do {
            try body(stage)
        } catch {
            Issue.record("\(error)\nthe proxy's log:\n\(stage.proxy.logTail())")
        }
        #expect(stage.proxy.isRunning, "the proxy \(String(describing: stage.proxy.wait(.zero)))")
    }
}

/// A proxy before the shared pair, shared by tests that leave both as they were.
enum SharedProxy {
    private static let made = Result { () throws -> ProxyProcess in
        try ProxyProcess(nodes: SharedPair.get().ports)
    }

    static func get() throws -> ProxyProcess { try made.get() }
}

/// Something that runs beside the test; its result can be waited for.
final class Background<Value: Sendable>: Sendable {
    private let result = Watched<Result<Value, any Error>?>(nil)

    init(_ body: @escaping @Sendable () throws -> Value) {
        let result = self.result
        Thread.detachNewThread { result.set(Result { try body() }) }
    }

    var isDone: Bool { result.value != nil }

    /// Nil when it is not done within that time.
    func wait(_ timeout: Duration = .seconds(30)) throws -> Value? {
        try result.wait(timeout) { $0 != nil }??.get()
    }

    /// Its error; nil when it has none, or is not done within that time.
    func error(_ timeout: Duration = .seconds(30)) -> ClientError? {
        guard case .failure(let error) = result.wait(timeout, until: { $0 != nil }) ?? nil else { return nil }
        return error as? ClientError
    }
}

extension Client {
    /// Asks until the first value is that one, for 30 s at most.
    func wait(for value: String, _ statement: String) throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try query(statement).first != value {
            guard ContinuousClock.now < deadline else { throw TestbedFailure("never \(value): \(statement)") }
        }
    }

    /// Until so many statements with a mark in a comment run on this server.
    func wait(forRunning count: Int) throws {
        try wait(
            for: "\(count)",
            "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%/*mark*/%' "
                + "AND info NOT LIKE '%processlist%'")
    }
}

/// The root of the package.
let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
