import Admin
import Availability
import Cluster
import Logging
import Proxy
import Reactor

/// Says in the log what becomes of the service: ``OutageVoice``'s sentences, with their levels and fields. Lives on the
/// control thread.
final class OutageTeller {
    private let log: Logger
    private let holdTimeout: Instant.Span
    private var voice = OutageVoice()
    private var cautions = CautionVoice()

    init(log: Logger, holdTimeout: Instant.Span) {
        self.log = log
        self.holdTimeout = holdTimeout
    }

    /// - Parameters:
    ///   - isPaused: whether somebody holds statements back.
    ///   - sessions: that are here.
    func take(_ change: OutageHistory.Change, _ view: ClusterView, isPaused: Bool, sessions: Int) {
        switch change {
        case .nothing, .diagnosisChanged: break
        case .firstPrimary(let node, let generation, let after):
            log.tell(
                .notice, .primaryFound, [.node: view.name(of: node), .generation: "\(generation)"],
                "Primary is \(view.name(of: node)) (generation \(generation)), \(after) after the start.")
            if !isPaused { voice.ended() }
        case .began(let outage):
            let check = view.nodes.indices.contains(outage.from.rawValue) ? view.nodes[outage.from.rawValue] : nil
            let reason = [view.diagnosis?.rawValue, check.map { "its last check: \($0.lastCheck)" }].compactMap { $0 }
            log.tell(
                .warning, .primaryLost,
                [.node: view.name(of: outage.from), .diagnosis: view.diagnosis?.rawValue ?? ""],
                """
                Primary \(view.name(of: outage.from)) lost (\(reason.joined(separator: "; "))): statements and logins are \
                held for up to \(holdTimeout); \(counted(sessions, "session")) \(sessions == 1 ? "is" : "are") here.
                """)
            voice.began(at: outage.began)
        case .ended(let outage):
            guard let to = outage.to, let generation = outage.gained, let ended = outage.ended else { return }
            let length = outage.length(at: ended)
            log.tell(
                .notice, .primaryFound,
                [.node: view.name(of: to), .generation: "\(generation)", .milliseconds: "\(length.milliseconds)"],
                "Primary is \(view.name(of: to)) (generation \(generation)) after \(length) without one.")
            if !isPaused { voice.ended() }
        case .switched(let outage):
            guard let to = outage.to, let generation = outage.gained else { return }
            let from = view.name(of: outage.from)
            log.tell(
                .notice, .primaryFound, [.node: view.name(of: to), .generation: "\(generation)"],
                "Primary is \(view.name(of: to)) (generation \(generation)), before it was \(from).")
        }
    }

    func paused(at now: Instant) { voice.began(at: now) }

    func resumed(_ view: ClusterView) { if view.primary != nil { voice.ended() } }

    func take(_ error: FirstError, at now: Instant) {
        guard let sentence = voice.failed(error, at: now) else { return }
        log.tell(
            .warning, .clientsFail,
            [
                .user: error.user, .client: error.client, .session: "\(error.session)", .code: "\(error.code)",
                .sqlState: error.sqlState,
            ], sentence)
    }

    func take(_ sample: SecondSample, _ view: ClusterView, pause: PauseCause?, at now: Instant) {
        tellCautions(view, at: now)
        let standing = OutageVoice.Standing(
            view: view, pause: pause, held: sample.heldNow, loginsHeld: sample.loginsHeldNow, users: sample.users,
            told: sample.told)
        guard let sentence = voice.second(standing, at: now) else { return }
        log.tell(
            .warning, .outageGoesOn,
            [
                .phase: view.phase.rawValue, .diagnosis: view.diagnosis?.rawValue ?? "", .held: "\(sample.heldNow)",
                .loginsHeld: "\(sample.loginsHeldNow)", .count: "\(sample.told.total)",
            ], sentence)
    }

    private func tellCautions(_ view: ClusterView, at now: Instant) {
        // Why there is no primary is told with the outage; before the first one, here.
        let reason = view.generation == .none ? view.diagnosis.map { $0 == .starting ? [] : [$0] } ?? [] : []
        for line in cautions.observe(reason + view.cautions.filter { !reason.contains($0) }, at: now) {
            switch line {
            case .caution(let caution, let lasted):
                let since = lasted.map { ", for \($0) now" } ?? ""
                log.tell(
                    .warning, .caution, [.diagnosis: caution.rawValue],
                    "Caution (\(caution.rawValue)\(since)): \(caution.sentence)")
            case .over(let caution, let lasted):
                log.tell(
                    .notice, .cautionOver, [.diagnosis: caution.rawValue, .milliseconds: "\(lasted.milliseconds)"],
                    "No caution any more: \(caution.rawValue), after \(lasted).")
            }
        }
    }

    func settled(_ record: OutageRecord) {
        log.tell(
            .notice, .outageOver,
            [
                .outage: "\(record.number)", .kind: record.kind.rawValue, .planned: "\(record.isPlanned)",
                .from: record.from, .to: record.to, .milliseconds: "\(record.length.milliseconds)",
                .users: "\(record.usersAffected)", .failed: "\(record.failed)", .unknown: "\(record.unknown)",
                .refused: "\(record.refused)",
            ], record.total)
    }
}
