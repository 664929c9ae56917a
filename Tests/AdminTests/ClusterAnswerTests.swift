import Cluster
import Foundation
import Reactor
import Testing

@testable import Admin

@Suite struct ClusterAnswerTests {
    private func source() throws -> FakeSource {
        let source = FakeSource(loop: try EventLoop())
        let now = Instant(nanoseconds: 10_000_000_000)
        let nodes = ["n1", "n2"].enumerated().map {
            Node(id: NodeID($0.offset), name: $0.element, endpoint: Endpoint(host: "h", port: 1))
        }
        source.view = .unobserved(nodes, at: now)
        source.view.diagnosis = .twoPrimaries
        source.view.cautions = [.agentSilent, .splitBrain]
        source.evidence = [
            EvidencePiece(node: nodes[0].id, source: .sql, says: "answers\nwritable", observedAt: now),
            EvidencePiece(node: nodes[1].id, source: .agent, says: "not heard yet", observedAt: nil),
        ]
        return source
    }

    private let now = Instant(nanoseconds: 10_400_000_000)

    @Test func outagesAreTheLedgers() throws {
        var outage = OutageReport(began: 1_795_395_723_456, length: .milliseconds(1250))
        outage.isFelt = true
        outage.from = "n1"
        outage.to = "n2"
        outage.gained = Generation(2)
        outage.kind = "failover"
        outage.diagnosis = .primaryLost
        outage.stages = [.init(phase: .lost, length: .seconds(1)), .init(phase: .ready, length: .milliseconds(250))]
        outage.usersAffected = 3
        outage.userMinutesLost = 0.5
        let answer = Overview.outages([outage])
        #expect(
            answer.rendered(json: true)
                == "[{\"began\":\"2026-11-23T01:02:03.456Z\",\"length\":1250,\"kind\":\"failover\",\"planned\":false,"
                + "\"felt\":true,\"from\":\"n1\",\"to\":\"n2\",\"gained\":2,\"diagnosis\":\"primaryLost\","
                + "\"users_affected\":3,\"user_time_lost\":30000,\"under_way\":false,\"phases\":["
                + "{\"phase\":\"lost\",\"length\":1000},{\"phase\":\"ready\",\"length\":250}]}]\n")
        #expect(answer.rendered(json: false).split(separator: "\n").count == 2)
        #expect(answer.rendered(json: false).contains("2026-11-23T01:02:03.456Z"))
        #expect(Overview.outages([]).rendered(json: true) == "[]\n")
    }

    @Test func outcomesThatNobodyKnows() {
        let outcome = UnknownOutcome(
            session: 1_000_000_007, user: "app", database: "", client: "10.0.0.1:40000", node: "n1", thread: 63,
            statement: "INSERT", inTransaction: true, began: Instant(nanoseconds: 0),
            ended: Instant(nanoseconds: 1_500_000_000), cause: .lost)
        let answer = Overview.unknown([UnknownRow(told: 1_795_395_723_456, outcome: outcome)])
        #expect(
            answer.rendered(json: true)
                == "[{\"told\":\"2026-11-23T01:02:03.456Z\",\"user\":\"app\",\"client\":\"10.0.0.1:40000\","
                + "\"database\":null,\"node\":\"n1\",\"thread\":63,\"statement\":\"INSERT\","
                + "\"in_transaction\":true,\"in_flight\":1500,\"cause\":\"lost\",\"session\":1000000007}]\n")
        // Whom it names is not for everybody.
        #expect(Verb.showUnknown.level == .operator)
    }

    @Test func theLogsStandIsTold() {
        var facts = LedgerFacts(file: "/a.db")
        facts.written = 7
        facts.secondsWritten = 5
        #expect(
            Overview.ledger(facts).rendered(json: true)
                == "{\"file\":\"/a.db\",\"rows_written\":7,\"seconds_written\":5,\"rows_waiting\":0,"
                + "\"rows_lost\":0,\"failure\":null}\n")
        facts.failure = "no room"
        #expect(Overview.ledger(facts).rendered(json: false).contains("failure: no room\n"))
        #expect(Overview.ledger(nil).rendered(json: false).contains("No log is written"))
    }

    @Test func evidenceAndCautionsAreLines() throws {
        let text = try Overview.cluster(source(), at: now).rendered(json: false)
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.contains("diagnosis: twoPrimaries"))
        #expect(lines.contains { $0.hasPrefix("diagnosis_means: More than one node is writable") })
        #expect(lines.contains { $0.hasPrefix("caution: agentSilent  A node's agent is not heard") })
        #expect(lines.contains { $0.hasPrefix("caution: splitBrain  Both replicas have writes") })
        #expect(lines.contains("evidence: n1  sql  400ms  answers?writable"))
        #expect(lines.contains("evidence: n2  agent  -  not heard yet"))
    }

    @Test func evidenceAndCautionsAreArraysInJSON() throws {
        struct Told: Decodable {
            struct Caution: Decodable { var caution, means: String }
            struct Piece: Decodable, Equatable {
                var node, source, says: String
                var age: Int?
            }
            var caution: [Caution]
            var evidence: [Piece]
            var diagnosis_means: String?
        }
        let source = try source()
        var told = try JSONDecoder().decode(
            Told.self, from: Data(Overview.cluster(source, at: now).rendered(json: true).utf8))
        #expect(told.caution.map(\.caution) == ["agentSilent", "splitBrain"])
        #expect(
            told.evidence == [
                .init(node: "n1", source: "sql", says: "answers\nwritable", age: 400),
                .init(node: "n2", source: "agent", says: "not heard yet", age: nil),
            ])
        source.view.cautions = []
        source.view.diagnosis = nil
        source.evidence = []
        told = try JSONDecoder().decode(
            Told.self, from: Data(Overview.cluster(source, at: now).rendered(json: true).utf8))
        #expect(told.caution.isEmpty && told.evidence.isEmpty && told.diagnosis_means == nil)
    }

    @Test func everyDiagnosisHasItsOwnSentence() {
        let sentences = Diagnosis.allCases.map(\.sentence)
        #expect(Set(sentences).count == Diagnosis.allCases.count)
        #expect(sentences.allSatisfy { $0.hasSuffix(".") || $0.hasSuffix(").") })
    }
}
