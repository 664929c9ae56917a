import Foundation
import Testbed
import Testing

/// How sessions come to another server.
enum Move: String, CaseIterable, Sendable {
    /// `kill -9`.
    case crash
    /// An administrator's pause, an orderly shutdown, a start elsewhere.
    case planned

    func callAsFunction(_ stage: Stage) throws {
        switch self {
        case .crash: try stage.failOver()
        case .planned:
            _ = try stage.proxy.admin("pause")
            stage.pair.primary.stop()
            try stage.pair.startStandby()
            _ = try stage.proxy.admin("resume")
        }
    }
}

/// A statement's answer, as far as clients tell answers apart.
enum Answer: Equatable, CustomStringConvertible {
    case rows([[String?]])
    case error(UInt32)

    /// Whether the proxy has told its client that the session is not what it was.
    var saysLost: Bool { self == .error(1927) }

    init(_ body: () throws -> Rows) throws {
        do {
            self = .rows(try body().rows)
        } catch let error as ClientError {
            // A lost connection is no answer.
            if error.isConnectionLoss { throw error }
            self = .error(error.code)
        }
    }

    var description: String {
        switch self {
        case .rows(let rows): "\(rows.map { $0.map { $0 ?? "NULL" } })"
        case .error(let code): "error \(code)"
        }
    }
}

/// What is about to move.
enum Moved {
    /// Until `show sessions` says of every session that a failover would keep all of it.
    static func waitUntilNothingWouldBeLost(_ proxy: ProxyProcess) throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            let list = try proxy.admin("show sessions json")
            let rows = try JSONSerialization.jsonObject(with: Data(list.utf8)) as? [[String: Any]] ?? []
            let losses = rows.compactMap { $0["loses"] as? String }
            if !losses.isEmpty, losses.allSatisfy({ $0 == "-" || $0.isEmpty }) { return }
        }
        throw TestbedFailure("a session would still lose something")
    }
}
