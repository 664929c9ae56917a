import Cluster
import Health

/// Whether clients are held as long as a failover takes, and whether anybody writes it down.
enum Waiting {
    /// From the detection on: fence, promote, mount, start, recover. The seed study's clusters took 7 to 52 s in all.
    static let coldStart = Instant.Span.seconds(30)

    static func expected(_ facts: Facts) -> [Finding] {
        guard let proxy = facts.proxy.value else { return [] }
        // The slowest of what may have to be noticed first.
        let declared =
            facts.corosync.value?.declaredAfter ?? CorosyncSettings(token: .seconds(3)).declaredAfter ?? .zero
        let monitor = facts.configuration.value?.databases.flatMap { $0.monitors() }.max { $0.interval < $1.interval }
        let hang = monitor.map { $0.interval + ($0.timeout ?? Monitors.timeoutDefault) } ?? .zero
        let expected = max(declared, hang) + coldStart
        guard proxy.holdTimeout < expected else { return [] }
        let why =
            hang > declared
            ? "interval + timeout of the database's monitor \(hang)" : "corosync's token + consensus \(declared)"
        return [
            Finding(
                .holdTimeout, .warning, "proxy", saving: .errors,
                saves:
                    "the last \(expected - proxy.holdTimeout) of a slow failover: who has waited for \(proxy.holdTimeout) "
                    + "gets an error instead of an answer",
                evidence:
                    "\(proxy.file): hold_timeout = \(proxy.holdTimeout); \(why) + \(coldStart) for fencing, promotion, "
                    + "mount, start and recovery = \(expected)",
                remedy: ["\(proxy.file), [failover]: hold_timeout = \"\(max(90, expected.milliseconds / 1000 + 1))s\""])
        ]
    }

    static func history(_ facts: Facts) -> [Finding] {
        guard let proxy = facts.proxy.value, let ledger = facts.ledger.value, let longest = ledger.longest,
            let percentile = ledger.percentile95, longest >= proxy.holdTimeout
        else { return [] }
        let beyond = ledger.unplanned.count { $0 >= proxy.holdTimeout }
        // Room above what has been seen, in whole tens of seconds.
        let wanted = (longest.milliseconds * 5 / 4 / 10_000 + 1) * 10
        return [
            Finding(
                .holdHistory, percentile >= proxy.holdTimeout ? .critical : .warning, "proxy", saving: .errors,
                saves:
                    "errors in \(beyond) of \(ledger.unplanned.count) unplanned outages: they lasted longer than anybody was "
                    + "held",
                evidence:
                    "\(proxy.ledger ?? "the log"): longest \(longest), 95th percentile \(percentile); \(proxy.file): "
                    + "hold_timeout = \(proxy.holdTimeout)",
                remedy: [
                    "\(proxy.file), [failover]: hold_timeout = \"\(wanted)s\"    # if clients wait that long",
                    "haproxydb report -c \(proxy.file)    # which phase took the time",
                ])
        ]
    }

    static func agents(_ facts: Facts) -> [Finding] {
        guard let proxy = facts.proxy.value, proxy.agents < proxy.nodes.count else { return [] }
        return [
            Finding(
                .agents, .notice, "proxy", saving: .knowledge,
                saves:
                    "guesses: without the word of DRBD and Pacemaker the proxy has SQL alone to say who is primary, why "
                    + "there is none and how far a promotion is; planned moves must be paused by hand",
                evidence: "\(proxy.file): \(proxy.agents) of \(proxy.nodes.count) [[node]] have an agent",
                remedy: ["docs/agent.md: haproxydb agent on each node, then [[node]] agent = \"ADDRESS:8405\""])
        ]
    }

    static func ledger(_ facts: Facts) -> [Finding] {
        guard let proxy = facts.proxy.value, proxy.ledger == nil else { return [] }
        return [
            Finding(
                .ledger, .notice, "proxy", saving: .knowledge,
                saves: "the search for what happened: no second and no outage is written down",
                evidence: "\(proxy.file): [availability] file is not set",
                remedy: ["\(proxy.file): [availability] file = \"/var/lib/haproxydb/availability.db\""])
        ]
    }
}
