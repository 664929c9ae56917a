import Availability
import Cluster
import Testing

@testable import Settings

@Suite struct ChangeTests {
    private func read(_ text: String) throws -> Configuration {
        try Configuration.parse(text, file: "f", secrets: TableOfSecrets())
    }

    @Test func nothing() throws {
        let change = ConfigurationChange(from: try read(smallest), to: try read(smallest + "# a remark"))
        #expect(change.sentence == "nothing has changed")
        #expect(change.running == (try read(smallest)))
    }

    @Test func someAtOnceAndSomeLater() throws {
        let new = try read(
            smallest.replacing("secret", with: "new").replacing("listen =", with: "workers = 2\nlisten =")
                + "interval = \"3s\"\n[users]\nguest = \"\"\n[failover]\nhold_timeout = \"10s\"")
        let change = ConfigurationChange(from: try read(smallest), to: new)
        #expect(change.applied == ["health.password", "health.interval", "users"])
        #expect(change.pending == ["proxy.workers", "failover.hold_timeout"])
        #expect(
            change.sentence
                == "applied: health.password, health.interval, users; "
                + "after a restart: proxy.workers, failover.hold_timeout")
        #expect(change.running.health.password == "new")
        #expect(change.running.failover.holdTimeout == .seconds(90))
        // What waits for a restart still does at the next change.
        #expect(ConfigurationChange(from: change.running, to: new).pending == change.pending)
        #expect(ConfigurationChange(from: change.running, to: new).applied == [])
    }

    /// Every key of the example is known to be one or the other: none may change unnoticed.
    @Test func everyKeyIsOneOrTheOther() throws {
        var new = Configuration()
        new.proxy = .init(
            name: "9", listen: [Endpoint(host: "h", port: 1)], workers: 9, connectionsMax: 9, loginTimeout: .seconds(9),
            clientTimeout: .seconds(9), clientLostTimeout: .seconds(9), memoryMax: 9, serverVersion: "9",
            proxyProtocol: true)
        new.nodes = [Node(id: NodeID(0), name: "n", endpoint: Endpoint(host: "h", port: 2))]
        new.health = .init(
            user: "9", password: "9", interval: .seconds(9), fastInterval: .seconds(9), outageInterval: .seconds(9),
            probeTimeout: .seconds(9), primaryTimeout: .seconds(9), rise: 9, fall: 9, accountsRefresh: .seconds(9))
        new.failover = .init(
            holdTimeout: .seconds(9), drainTimeout: .seconds(9), releaseConcurrency: 9, connectTimeout: .seconds(9),
            nodeTimeout: .seconds(9))
        new.users = [.init(name: "9", secret: .nativeHash([]))]
        new.admin = .init(
            socket: "/9", socketMode: 9, socketUser: "9", socketGroup: "9", stateFile: "/9", level: .user,
            tcp: Endpoint(host: "h", port: 4), tcpLevel: .admin,
            http: Endpoint(host: "h", port: 3), httpToken: "9")
        new.availability = .init(
            file: "/9", retentionSeconds: .seconds(9), retentionMinutes: .seconds(9), retentionHours: .seconds(9),
            delayBound: .seconds(9), serviceHours: try ServiceHours("Mon 09:00-10:00"))
        new.log = .init(level: .debug, format: .json)
        let change = ConfigurationChange(from: Configuration(), to: new)
        #expect(change.applied.count + change.pending.count == 10 + 1 + 10 + 5 + 1 + 10 + 6 + 2)
    }
}
