import Cluster
import Reactor

// HAProxy's `show …`.

extension AdminCommands {
    private enum Format { case plain, typed, json }

    func showInfo(_ arguments: [String], at now: Instant) -> Answer {
        let facts = facts(at: now)
        let uptime = (now - facts.process.startedAt).nanoseconds / 1_000_000_000
        let table = InfoTable(
            facts, residentBytes: ProcessNumbers.residentBytes(),
            startedAtWall: ProcessNumbers.wallSeconds() - uptime)
        return switch Self.format(arguments) {
        case .plain: table.plain
        case .typed: table.typed
        case .json: table.json
        }
    }

    /// `show stat [<proxy> <types> <server>] [typed|json|up|no-maint|desc]*`
    func showStat(_ arguments: [String], at now: Instant) -> Answer {
        var filter = StatTable.Filter()
        var rest = arguments[...]
        if rest.count >= 3 {
            if rest[0] == source.process.proxyName {
                filter.proxy = StatTable.proxyID
            } else {
                // As HAProxy: neither a name nor a number other than 0.
                guard let number = Int(rest[0]), number != 0 else {
                    return .failure("No such proxy.")
                }
                filter.proxy = number
            }
            filter.mask = Int(rest[1]) ?? 0
            filter.sid = Int(rest[2]) ?? 0
            rest = rest.dropFirst(3)
        }
        filter.hidesDown = rest.contains("up")
        filter.hidesMaintenance = rest.contains("no-maint")
        let table = StatTable(facts(at: now), filter)
        return switch Self.format(Array(rest)) {
        case .plain: table.csv
        case .typed: table.typed
        case .json: table.json
        }
    }

    private static func format(_ words: [String]) -> Format {
        switch words.last(where: { $0 == "typed" || $0 == "json" }) {
        case "typed": .typed
        case "json": .json
        default: .plain
        }
    }

    func ifBackend(_ arguments: [String], _ answer: () -> Answer) -> Answer {
        guard let name = arguments.first, name != source.process.proxyName else { return answer() }
        return .failure("Can't find backend.")
    }

    func showErrors(_ arguments: [String]) -> Answer {
        if let proxy = arguments.first, proxy != source.process.proxyName, Int(proxy) == nil {
            return .failure("No such proxy.")
        }
        return .text("Total events captured on \(ProcessNumbers.dateText()) : 0")
    }

    func showPools() -> Answer {
        .text(
            "Dumping pools usage. Use SIGQUIT to flush them.\n"
                + "Total: 0 pools, 0 bytes allocated, 0 used (~0 by thread caches).")
    }

    func showActivity() -> Answer {
        let (seconds, microseconds) = ProcessNumbers.wallTime()
        let fraction = String(String(1_000_000 + microseconds).dropFirst())
        let activity = source.activity
        let workers = source.process.workers
        return .text(
            """
            thread_id: 1 (1..\(workers))
            date_now: \(seconds).\(fraction)
            accepted: \(activity.sessionsTotal)
            stream_calls: \(activity.statementsBegun)
            """)
    }

    func showThreads() -> Answer {
        let blocks = ProcessNumbers.threads().enumerated().map { index, thread in
            """
            \(index == 0 ? "*" : " ") Thread \(index + 1) : id=0x\(String(thread.id, radix: 16)) name=\(thread.name)
                  1/\(index + 1)    stuck=0 prof=0 harmless=0 wantrdv=0
                         cpu_ns: poll=0 now=\(thread.busy) diff=0
            """
        }
        return .text(blocks.joined(separator: "\n"))
    }

    /// `show sess [<id>|all]`
    func showSess(_ arguments: [String], _ completion: @escaping (Answer) -> Void) {
        let process = source.process
        let details = SessionListing.Form.details(process, source.view.nodes.map(\.node))
        let word = arguments.first ?? ""
        guard word != "all", let id = Self.sessionID(word) else {
            // As HAProxy: what is no id asks for all.
            let form = word == "all" ? details : .lines(process)
            return source.sessions { completion(.sessions(SessionListing(rows: $0, form: form))) }
        }
        source.sessions { rows in
            let found = rows.filter { $0.id == id }
            completion(
                found.isEmpty
                    ? .text("Session not found.") : .sessions(SessionListing(rows: found, form: details)))
        }
    }

    func shutdownSession(_ arguments: [String], _ completion: @escaping (Answer) -> Void) {
        guard let word = arguments.first, let id = Self.sessionID(word) else {
            return completion(.failure("Session pointer expected (use 'show sess')."))
        }
        source.sessions { [weak self] rows in
            guard let self, rows.contains(where: { $0.id == id }) else {
                return completion(.failure("No such session (use 'show sess')."))
            }
            source.endSession(id)
            completion(.done)
        }
    }

    /// As `show sess` and `show sessions` give it.
    private static func sessionID(_ word: String) -> UInt32? {
        word.hasPrefix("0x") ? UInt32(word.dropFirst(2), radix: 16) : UInt32(word)
    }
}
