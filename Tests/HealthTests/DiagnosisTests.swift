import Cluster
import Testing

@testable import Health

/// Every diagnosis of the closed list is what a monitor comes to, as the reason for no primary or as a caution.
@Suite struct DiagnosisTests {
    private func word(
        _ node: NodeID, promoted: [String], _ role: NodeReport.Storage.Role, disk: NodeReport.Storage.Disk = .upToDate,
        quorum: Bool = true, maintenance: Bool = false, data: [UInt64]? = nil
    ) -> NodeReport {
        NodeReport(
            node: "n\(node.rawValue + 1)",
            storage: .init(
                role: role, disk: disk, connection: .connecting,
                generations: data.map { [DataGeneration(volume: 0, current: $0[0], past: Array($0.dropFirst()))] }),
            manager: .init(hasQuorum: quorum, isMaintenance: maintenance, promoted: promoted))
    }

    /// Both agents' words, then what the servers answer.
    private func cluster(
        _ first: NodeReport, _ second: NodeReport, _ answers: (ProbeResult, ProbeResult)
    ) -> Cockpit {
        var cockpit = Cockpit(agents: [true, true])
        cockpit.reported(a, first, 1)
        cockpit.reported(b, second, 2)
        cockpit.finished(a, answers.0, 10)
        cockpit.finished(b, answers.1, 20)
        return cockpit
    }

    private func servers(_ first: ProbeResult, _ second: ProbeResult) -> Cockpit {
        var cockpit = Cockpit()
        cockpit.finished(a, first, 10)
        cockpit.finished(b, second, 20)
        return cockpit
    }

    private func reached(_ diagnosis: Diagnosis) -> (reason: Diagnosis?, cautions: [Diagnosis]) {
        let there = word(b, promoted: ["n1"], .secondary)
        var cockpit: Cockpit
        switch diagnosis {
        case .starting: cockpit = Cockpit()
        case .primaryLost: cockpit = servers(.refused, .refused)
        case .recovering: cockpit = servers(.starting(code: 1927, message: "starts"), .refused)
        case .primaryReadOnly: cockpit = servers(.readOnly(facts(a)), .refused)
        case .twoPrimaries: cockpit = servers(.writable(facts(a)), .writable(facts(b)))
        case .checkAccountRefused: cockpit = servers(.loginDenied(code: 1045, message: "no"), .refused)
        case .administrative:
            cockpit = Cockpit.running()
            cockpit.administered(a, .maintenance, 100)
        case .notPromoted:
            cockpit = cluster(word(a, promoted: ["n2"], .secondary), there, (.writable(facts(a)), .refused))
        case .noQuorum:
            cockpit = cluster(
                word(a, promoted: ["n1"], .primary, quorum: false), word(b, promoted: [], .secondary, quorum: false),
                (.writable(facts(a)), .refused))
        case .standbyOutdated:
            cockpit = cluster(
                word(a, promoted: [], .unknown), word(b, promoted: [], .secondary, disk: .outdated),
                (.refused, .refused))
        case .diskNotUpToDate:
            cockpit = cluster(
                word(a, promoted: [], .unknown), word(b, promoted: [], .secondary, disk: .inconsistent),
                (.refused, .refused))
        case .maintenance:
            cockpit = cluster(
                word(a, promoted: [], .unknown, maintenance: true),
                word(b, promoted: [], .secondary, maintenance: true), (.refused, .refused))
        case .agentSilent:
            cockpit = cluster(word(a, promoted: ["n1"], .primary), there, (.writable(facts(a)), .refused))
            cockpit.silenced(b, 100)
        case .splitBrain:
            cockpit = cluster(
                word(a, promoted: ["n1"], .primary, data: [0x30, 0x20]),
                word(b, promoted: ["n1"], .secondary, data: [0x40, 0x20]), (.writable(facts(a)), .refused))
        case .initConnectFails: cockpit = servers(.initConnectFailed("init_connect command failed"), .refused)
        case .hostBlocked: cockpit = servers(.hostBlocked("blocked"), .refused)
        case .checkAccountLimited: cockpit = servers(.accountLimited(code: 1226, message: "no more"), .refused)
        case .passwordAsked: cockpit = servers(.passwordWithheld(plugin: "dialog"), .refused)
        case .nodeIsProxy: cockpit = servers(.proxy, .proxy)
        case .nameUnresolved: cockpit = servers(.unresolved("getaddrinfo n1: Name or service not known"), .refused)
        case .serverFull: cockpit = servers(.busy(code: 1040, message: "Too many connections"), .refused)
        case .strayServer:
            cockpit = Cockpit.running()
            cockpit.writable(b, 100)
            cockpit.writable(a, 110)
            cockpit.finished(a, .refused, 200)
            cockpit.finished(a, .refused, 300)
        case .primarySilent:
            cockpit = Cockpit.running()
            cockpit.finished(a, .timeout, 3000)
        }
        return (cockpit.view.diagnosis, cockpit.view.cautions)
    }

    @Test(arguments: Diagnosis.allCases) func everyDiagnosisIsReached(_ diagnosis: Diagnosis) {
        let (reason, cautions) = reached(diagnosis)
        switch diagnosis {
        case .agentSilent, .splitBrain, .primarySilent: #expect(reason == nil && cautions == [diagnosis])
        // Whatever the name stands for: nobody answers as a writable server.
        case .nameUnresolved: #expect(reason == .primaryLost && cautions == [diagnosis])
        case .starting, .primaryLost, .recovering, .primaryReadOnly, .twoPrimaries, .checkAccountRefused,
            .administrative, .notPromoted, .noQuorum, .standbyOutdated, .diskNotUpToDate, .maintenance,
            .initConnectFails, .hostBlocked, .checkAccountLimited, .passwordAsked, .nodeIsProxy, .serverFull,
            .strayServer:
            #expect(reason == diagnosis, "cautions: \(cautions)")
        }
    }
}
