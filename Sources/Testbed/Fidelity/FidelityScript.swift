/// What one client does, with moves in it. Made out of a seed (``FidelityWriter``), or out of another by leaving out
/// steps.
public struct FidelityScript: Sendable, Hashable {
    public let seed: UInt64
    /// Of the login.
    public let collation: UInt8
    public let flags: UInt32
    /// Made only of what can be restored: a loss that it is told of is a false one.
    public let isRestorable: Bool
    public var steps: [FidelityStep]

    /// What comes before the first move, between each two, and after the last.
    var segments: [[FidelityStep]] {
        steps.split(omittingEmptySubsequences: false) { $0.action == .move }.map(Array.init)
    }

    /// Without these steps; moves stay.
    func without(_ dropped: Set<Int>) -> FidelityScript {
        var shorter = self
        shorter.steps = steps.enumerated().filter { !dropped.contains($0.offset) || $0.element.action == .move }
            .map(\.element)
        return shorter
    }

    /// With a wait_timeout of its own before the move, or as it is.
    func timingOut(_ does: Bool) -> FidelityScript {
        guard does, let move = steps.firstIndex(where: { $0.action == .move }) else { return self }
        var longer = self
        longer.steps.insert(
            FidelityStep("timeout", .query(Array("SET wait_timeout = \(FidelityStage.waitTimeout)".utf8))), at: move)
        return longer
    }

    public var text: String {
        let session = Wire.Flags(rawValue: flags)
        let kinds =
            (session.contains(.sessionTrack) ? ", session tracking" : "")
            + (session.contains(.deprecateEOF) ? ", deprecate EOF" : "") + (isRestorable ? ", all restorable" : "")
        return (["-- seed \(seed), collation \(collation)\(kinds)"] + steps.map { "\($0)" }).joined(separator: "\n")
    }
}
