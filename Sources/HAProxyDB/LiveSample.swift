import Admin
import Cluster
import Foundation
import Reactor

/// What the live view shows, as one question to the admin socket answers it.
struct LiveSample: Equatable {
    static let question = "show process json;show cluster json;show nodes json;show counters json"

    struct Info: Decodable, Equatable {
        let version: String
        let pid: Int
        let uptime: String
        let connectionsMax: Int
        let isPaused: Int
        let isStopping: Int

        enum CodingKeys: String, CodingKey {
            case version = "Version", pid = "Pid", uptime = "Uptime", connectionsMax = "Maxconn", isPaused = "Paused"
            case isStopping = "Stopping"
        }
    }

    struct State: Decodable, Equatable {
        let generation: Int
        let primary: String?
        let phase: String
        let diagnosis: String?
        /// Milliseconds.
        let since: Int64
        let outages: Int
        let outageUnderWay: Bool
        let outageBeganAgo: Int64?
        let outageLength: Int64?
        let outageFrom: String?
        let outageTo: String?
        let outageGeneration: Int?
    }

    struct NodeLine: Decodable, Equatable {
        let name: String
        let address: String
        let role: String
        let health: String
        let administrative: String
        let since: Int64
        let lastCheck: String?
    }

    struct Counters: Decodable, Equatable {
        let sessions: Int
        let sessionsHeld: Int
        let sessionsInTransaction: Int
        let sessionsTotal: Int
        let sessionsMoved: Int
        let statementsAnswered: Int64
        let statementsFailed: Int64
        let statementsRerun: Int64
    }

    var at: Instant
    var info: Info
    var cluster: State
    var nodes: [NodeLine]
    var counters: Counters

    /// - Parameter answer: to ``question``.
    init(_ answer: String, at now: Instant) throws {
        let lines = answer.split(separator: "\n")
        guard lines.count == 4 else {
            throw LiveSampleError(reason: lines.first.map(String.init) ?? "an empty answer")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        // HAProxy's names are not in that style.
        info = try JSONDecoder().decode(Info.self, from: Data(lines[0].utf8))
        cluster = try decoder.decode(State.self, from: Data(lines[1].utf8))
        nodes = try decoder.decode([NodeLine].self, from: Data(lines[2].utf8))
        counters = try decoder.decode(Counters.self, from: Data(lines[3].utf8))
        at = now
    }

    static func take(from path: String) throws -> LiveSample {
        try LiveSample(AdminClient.ask(question, at: path, timeout: .seconds(2)), at: MonotonicClock.now())
    }
}

struct LiveSampleError: Error, CustomStringConvertible {
    var reason: String
    var description: String { reason }
}
