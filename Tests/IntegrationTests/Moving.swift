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
