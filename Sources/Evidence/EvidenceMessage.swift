import Cluster
import Foundation

/// What agents and proxies say to each other once each has proved that it knows the key. On the wire an object with
/// one key, the kind; unknown keys are ignored, a message of an unknown kind is passed over.
public enum EvidenceMessage: Sendable, Hashable, Codable {
    // From the agent.

    /// - Parameters:
    ///   - sequence: counts the agent's observations; a repeated one is a heartbeat.
    ///   - age: how old the observation was when it was sent, milliseconds.
    ///   - ages: of its parts; nil from an agent that does not say.
    case report(NodeReport, sequence: UInt64, age: Int64, ages: NodeReport.Ages? = nil)
    /// Hold new statements at transaction boundaries and say when none is left, or how many after `wait`
    /// milliseconds.
    case pause(id: UInt64, wait: Int64, reason: String)
    case resume(id: UInt64, reason: String)
    /// What became of a move.
    case moved(id: UInt64, isDone: Bool, text: String)

    // From the proxy.

    /// The answer to `pause`: sessions that are still in a transaction.
    case paused(id: UInt64, open: Int)
    /// Ask the cluster to make that node the primary.
    case move(id: UInt64, to: String)
    /// Take back what `move` told the cluster to prefer; after a move that succeeded (`isSettled`) only where the primary
    /// then stays where it is.
    case clear(id: UInt64, isSettled: Bool? = nil)
    /// Say what `move` would do, and do nothing; answered by `moved`.
    case plan(id: UInt64, to: String)

    func encoded() -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Only numbers that JSON can't hold make this fail, and there are none.
        return (try? encoder.encode(self)).map { Array($0) } ?? []
    }

    static func decoded(_ bytes: some Sequence<UInt8>) -> EvidenceMessage? {
        try? JSONDecoder().decode(EvidenceMessage.self, from: Data(bytes))
    }
}
