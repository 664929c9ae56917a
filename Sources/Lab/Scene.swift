import Foundation
import Reactor
import Testbed

/// The pair, the proxy and the background load, and what the keys do to them.
final class Scene: Sendable {
    private struct State {
        var loads: [Load] = []
        var messages: [String] = []
        var isOver = false
        var isFailingOver = false
        var sample: (at: ContinuousClock.Instant, statements: Int)?
    }

    let pair: EmbeddedPair
    let proxy: ProxyProcess
    private let begun = ContinuousClock.now
    private let state = Guarded(State())

    init(pair: EmbeddedPair, proxy: ProxyProcess) {
        self.pair = pair
        self.proxy = proxy
    }

    var howToConnect: String { "connect:  mariadb -h 127.0.0.1 -P \(proxy.port) -u app -papp app" }

    /// False after `q`, after a signal, and when the proxy has ended.
    var goesOn: Bool { !Interrupt.came && proxy.isRunning && !state.withLock { $0.isOver } }

    /// What has been done here, the last lines.
    func messages(_ count: Int) -> [String] { state.withLock { $0.messages.suffix(count) } }

    func press(_ key: Character) {
        switch key {
        case "k": killPrimary()
        case "s": startStandby()
        case "f": failOver()
        case "p": say("pause: " + ask("pause"))
        case "r": say("resume: " + ask("resume"))
        case "l": toggleLoad()
        case "q": state.withLock { $0.isOver = true }
        default: break
        }
    }

    /// Stops the load.
    func end() {
        for load in state.withLock({ exchangeLoads(&$0, []) }) { _ = try? load.stop(.seconds(5)) }
    }

    /// The proxy's word on itself, or why there is none.
    func ask(_ command: String) -> String {
        do { return try proxy.admin(command) } catch { return "\(error)" }
    }

    /// The proxy's figures, one statement rate since the last call included.
    func status() -> Status {
        var status = Status(cluster: ask("show cluster"), counters: ask("show counters"))
        let now = ContinuousClock.now
        state.withLock { state in
            if let count = status.statements {
                if let last = state.sample, now > last.at {
                    status.perSecond = Double(count - last.statements) / (now - last.at).seconds
                }
                state.sample = (now, count)
            }
        }
        return status
    }

    /// One line for logs: where there is no terminal.
    func line() -> String {
        "\(stamp(since: begun))  \(status().line)"
    }

    private func killPrimary() {
        let server = pair.primary
        guard server.isRunning else { return say("\(server.name) is dead already; s starts the standby") }
        pair.failPrimary()
        say("\(server.name) killed with -9")
    }

    private func startStandby() {
        do {
            try pair.launchStandby()
            say("\(pair.primary.name) starts on the same data")
        } catch {
            say("\(error)")
        }
    }

    private func failOver() {
        let isFree = state.withLock { state in
            defer { state.isFailingOver = true }
            return !state.isFailingOver
        }
        guard isFree else { return say("a failover is under way") }
        killPrimary()
        Thread.detachNewThread { [self] in
            Thread.sleep(forTimeInterval: 3)
            startStandby()
            state.withLock { $0.isFailingOver = false }
        }
    }

    private func toggleLoad() {
        let running = state.withLock { exchangeLoads(&$0, []) }
        guard running.isEmpty else {
            // Statements that are held end later: nobody waits for them here.
            Thread.detachNewThread { [self] in
                let reports = running.compactMap { try? $0.stop() }
                let errors = reports.reduce(0) { $0 + $1.errorCount }
                say("load off: \(reports.reduce(0) { $0 + $1.statements }) statements, \(errors) errors")
            }
            return
        }
        Thread.detachNewThread { [self] in
            do {
                let direct = try pair.direct()
                try Load.makeTables(direct)
                direct.close()
                let first = Int(Date().timeIntervalSince1970 * 1_000_000)
                let loads = [
                    Load(.selects, clients: 8, port: proxy.port, think: .milliseconds(10)),
                    Load(.inserts, clients: 4, port: proxy.port, think: .milliseconds(40), firstNumber: first),
                ]
                state.withLock { _ = exchangeLoads(&$0, loads) }
                for load in loads { try load.start() }
                say("load on: 8 clients select, 4 insert")
            } catch {
                say("load: \(error)")
            }
        }
    }

    private func exchangeLoads(_ state: inout State, _ loads: [Load]) -> [Load] {
        defer { state.loads = loads }
        return state.loads
    }

    private func say(_ text: String) {
        let line = "\(stamp(since: begun))  \(text.split(separator: "\n").first ?? "")"
        state.withLock { $0.messages.append(line) }
        if isatty(1) == 0 { output(line) }
    }
}
