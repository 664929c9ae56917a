import Availability
import Cluster
import Doctor
import Foundation
import Health
import Ledger
import Probes
import Reactor
import Settings

/// Reads all that can be read from this host: the cluster's tools, the servers, files. Each within its own time.
struct DoctorVisit {
    static let configurationDefault = "/etc/haproxydb/haproxydb.toml"

    /// The proxy's configuration; nil: the default one, if it is there.
    var configuration: String?
    var tools = ClusterExaminer.Options()
    var host = HostExaminer()

    func facts() throws(SystemError) -> Facts {
        let loop = try EventLoop()
        var facts = Facts()
        if access("/usr/sbin/crm", X_OK) != 0, access("/usr/sbin/pcs", X_OK) == 0 { facts.shell = .pcs }
        let read = readConfiguration()
        facts.proxy = read.map(ProxyFacts.init)
        facts = examineCluster(loop, facts)
        examineServers(loop, read, &facts)
        examineHost(&facts)
        facts.ledger = ledger(read)
        return facts
    }

    /// With the file's name.
    private func readConfiguration() -> Reading<NamedConfiguration> {
        guard
            let path = configuration ?? (access(Self.configurationDefault, F_OK) == 0 ? Self.configurationDefault : nil)
        else {
            return .elsewhere("\(Self.configurationDefault) is not on this host; name it with -c")
        }
        do throws(ConfigurationFile.Failure) {
            let configuration = try ConfigurationFile(path: path).readElsewhere()
            return .known(NamedConfiguration(path: path, configuration: configuration))
        } catch {
            return .unread(error.description.split(separator: "\n").joined(separator: "; "))
        }
    }

    private func examineCluster(_ loop: EventLoop, _ facts: Facts) -> Facts {
        var found = facts
        let examiner = ClusterExaminer(loop: loop, options: tools, facts: facts)
        examiner.examine { facts in
            found = facts
            loop.stop()
        }
        loop.run()
        return found
    }

    /// All nodes at once: each may take its whole time.
    private func examineServers(_ loop: EventLoop, _ read: Reading<NamedConfiguration>, _ facts: inout Facts) {
        guard let configuration = read.value?.configuration else {
            facts.servers = .elsewhere("without the proxy's configuration there is neither an address nor an account")
            return
        }
        var outcomes: [Int: ServerExaminer.Outcome] = [:]
        let examiners = configuration.nodes.map {
            ServerExaminer(
                loop: loop, node: $0, user: configuration.health.user, password: configuration.health.password)
        }
        for (index, examiner) in examiners.enumerated() {
            examiner.examine { outcome in
                outcomes[index] = outcome
                if outcomes.count == examiners.count { loop.stop() }
            }
        }
        loop.run()
        var servers: [ServerSettings] = []
        var silent: [String] = []
        for (index, node) in configuration.nodes.enumerated() {
            switch outcomes[index] {
            case .settings(let settings)?: servers.append(settings)
            case .nobody(let reason)?: silent.append("\(node.name): \(reason)")
            case .refused(let reason)?: facts.strangers.append(Stranger(node: node.name, reason: reason))
            case nil: silent.append("\(node.name): not asked")
            }
        }
        let reasons = silent + facts.strangers.map { "\($0.node): \($0.reason)" }
        facts.servers = servers.isEmpty ? .unread(reasons.joined(separator: "; ")) : .known(servers)
    }

    private func examineHost(_ facts: inout Facts) {
        // Whether it is a node of a cluster: Pacemaker's tools are there, whatever they said.
        let isNode: Bool =
            switch facts.configuration {
            case .known, .unread: true
            case .elsewhere: false
            }
        facts.host.units = isNode ? host.units() : .elsewhere("this host is no node of a cluster")
        facts.host.clock = host.clock()
        facts.host.addresses = host.addresses()
        let directories = facts.configuration.value?.resources.compactMap { resource in
            resource.agent.hasSuffix(":Filesystem") ? resource.parameters["directory"] : nil
        }
        facts.host.disks = host.disks(data: directories ?? [], ledger: facts.proxy.value?.ledger)
    }

    private static let outagesMax = 1000

    private func ledger(_ read: Reading<NamedConfiguration>) -> Reading<LedgerFacts> {
        switch read {
        case .unread(let reason): return .unread(reason)
        case .elsewhere(let reason): return .elsewhere(reason)
        case .known(let named):
            guard let path = named.configuration.availability.file else {
                return .elsewhere("[availability] file is not set")
            }
            guard access(path, F_OK) == 0 else { return .elsewhere("\(path) is not there (the proxy makes it)") }
            do throws(LedgerFailure) {
                let now = WallTime(nanoseconds: Int64(Date().timeIntervalSince1970 * 1e9))
                let past = try LedgerContents.recent(path: path, since: now, outagesMax: Self.outagesMax, unknownMax: 1)
                return .known(LedgerFacts(past.outages))
            } catch {
                return .unread("\(path): \(error)")
            }
        }
    }
}

/// A configuration, and where it was read.
struct NamedConfiguration: Sendable, Hashable {
    var path: String
    var configuration: Configuration
}

extension ProxyFacts {
    init(_ named: NamedConfiguration) {
        let configuration = named.configuration
        self.init(
            file: named.path, listen: configuration.proxy.listen, nodes: configuration.nodes,
            agents: configuration.agents.count { $0 != nil }, user: configuration.health.user,
            connectionsMax: configuration.proxy.connectionsMax, clientTimeout: configuration.proxy.clientTimeout,
            holdTimeout: configuration.failover.holdTimeout, primaryTimeout: configuration.health.primaryTimeout,
            ledger: configuration.availability.file)
    }
}

extension LedgerFacts {
    /// Those in which the primary went, and nobody had asked for it.
    init(_ outages: [OutageRecord]) {
        self.init(
            unplanned: outages.filter { outage in
                guard outage.isFelt, !outage.isPlanned else { return false }
                switch outage.kind {
                case .failover, .fallback, .restart, .open: return true
                case .pause, .disturbance, .start: return false
                }
            }.map(\.length))
    }
}
