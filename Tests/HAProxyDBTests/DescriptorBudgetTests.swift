import Cluster
import Settings
import Testing

@testable import HAProxyDB

@Suite struct DescriptorBudgetTests {
    private func configuration(workers: Int = 1, nodes: Int = 2, http: Bool = true) -> Configuration {
        var configuration = Configuration()
        let endpoint = Endpoint(host: "127.0.0.1", port: 3306)
        configuration.proxy.listen = [endpoint]
        configuration.proxy.workers = workers
        configuration.nodes = (0..<nodes).map { Node(id: NodeID($0), name: "n\($0)", endpoint: endpoint) }
        configuration.admin.http = http ? endpoint : nil
        return configuration
    }

    @Test func withEnoughEverybodyHasWhatIsConfigured() {
        let budget = DescriptorBudget(configuration(), limit: 1_048_576)
        #expect(budget.connectionsMax == 4096 && budget.adminClientsMax == 128 && budget.httpConnectionsMax == 2048)
        #expect(budget.connectionsAffordable > 400_000)
        #expect(budget.sentence == nil)
    }

    @Test(arguments: [64, 100, 300, 1024, 4096, 10_000, 100_000, 1_048_576], [true, false])
    func allTogetherNeverNeedMoreThanThereAre(_ limit: Int, _ http: Bool) {
        for (workers, nodes) in [(1, 1), (1, 2), (8, 5)] {
            let budget = DescriptorBudget(configuration(workers: workers, nodes: nodes, http: http), limit: limit)
            let taken = 2 * budget.connectionsAffordable + budget.adminClientsMax + 2 * budget.httpConnectionsMax
            // A limit so low that nothing is left still lets one session in.
            #expect(taken < limit || limit < 32 + 8 * (workers + 1) + 8 * nodes + 40, "\(budget)")
            #expect(budget.connectionsMax >= 1 && budget.adminClientsMax >= 4)
        }
    }

    @Test func aLowLimitIsSaid() {
        let budget = DescriptorBudget(configuration(), limit: 300)
        #expect(
            budget.sentence
                == "Only 300 descriptors are allowed: at most 83 sessions instead of connections_max = 4096, "
                + "14 HTTP connections and 14 clients of an admin socket; raise LimitNOFILE")
    }
}
