import Cluster
import Reactor

/// Carries out commands on the loop.
final class AdminCommands {
    /// How often `pause wait` looks.
    private static let look: Instant.Span = .milliseconds(20)

    private let loop: EventLoop
    private let source: any AdminSource
    /// Ends a pause that has a limit.
    private var limit: Timer?

    init(loop: EventLoop, source: any AdminSource) {
        self.loop = loop
        self.source = source
    }

    /// Calls back exactly once, at once or later.
    func run(_ text: String, _ completion: @escaping (Answer, _ json: Bool) -> Void) {
        let command: AdminCommand
        do throws(AdminCommand.Misunderstanding) {
            command = try AdminCommand.parse(text)
        } catch {
            switch error {
            case .unknown: return completion(.failure(Dialogue.unknown), false)
            case .wrong(let message): return completion(.failure(message), false)
            }
        }
        let now = MonotonicClock.now()
        switch command {
        case .help: completion(.text(AdminCommand.helpText), false)
        case .show(let subject, let json):
            switch subject {
            case .info: completion(Overview.info(source, at: now), json)
            case .nodes: completion(Overview.nodes(source.view, at: now), json)
            case .cluster: completion(Overview.cluster(source, at: now), json)
            case .counters: completion(Overview.counters(source.activity), json)
            case .version: completion(.text(source.process.version), json)
            case .sessions: source.sessions { completion(Overview.sessions($0), json) }
            }
        case .pause(let limit, let wait): pause(limit: limit, wait: wait, at: now) { completion($0, false) }
        case .resume:
            let wasPaused = source.isPaused
            limit?.cancel()
            limit = nil
            source.resume()
            completion(.text(wasPaused ? "Resumed." : "Was not paused."), false)
        case .reload:
            switch source.reload() {
            case .success(let message): completion(.text(message), false)
            case .failure(let failure): completion(.failure(failure.message), false)
            }
        }
    }

    private func pause(
        limit span: Instant.Span?, wait: Instant.Span?, at now: Instant, _ completion: @escaping (Answer) -> Void
    ) {
        source.pause()
        limit?.cancel()
        limit = span.map { span in
            loop.schedule(after: span) { [weak self] in
                self?.limit = nil
                self?.source.resume()
            }
        }
        guard let wait else {
            let open = source.activity.sessionsInTransaction
            return completion(.text("Paused; sessions in a transaction: \(open)."))
        }
        awaitBoundaries(since: now, until: now + wait, completion)
    }

    /// Until no session is in a transaction. Somebody's `resume` in between ends the waiting as well.
    private func awaitBoundaries(since: Instant, until deadline: Instant, _ completion: @escaping (Answer) -> Void) {
        let open = source.activity.sessionsInTransaction
        let now = MonotonicClock.now()
        if !source.isPaused { return completion(.failure("Resumed meanwhile; sessions in a transaction: \(open).")) }
        if open == 0 { return completion(.text("Paused; no session is in a transaction after \(now - since).")) }
        if now >= deadline {
            return completion(.failure("Paused; sessions in a transaction after \(now - since): \(open)."))
        }
        loop.schedule(after: min(Self.look, deadline - now)) { [weak self] in
            self?.awaitBoundaries(since: since, until: deadline, completion)
        }
    }
}
