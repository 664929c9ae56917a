import Availability
import Cluster
import Proxy
import Testing

@testable import HAProxyDB

@Suite struct OutageVoiceTests {
    private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    private func standing(_ told: ToldErrors = ToldErrors(), held: Int = 0, primary: Bool = false)
        -> OutageVoice.Standing
    {
        let nodes = ["cluster1", "cluster2"].enumerated().map {
            Node(id: NodeID($0.offset), name: $0.element, endpoint: Endpoint(host: "h", port: 1))
        }
        var view = ClusterView.unobserved(nodes, at: at(100))
        view.diagnosis = primary ? nil : .primaryLost
        view.primary = primary ? NodeID(0) : nil
        view.nodes[0].lastCheck = "connection refused"
        return OutageVoice.Standing(view: view, pause: nil, held: held, loginsHeld: 1, users: 9, told: told)
    }

    private func error(_ kind: ToldError, user: String = "app") -> FirstError {
        FirstError(
            kind: kind, code: 1213, sqlState: "40001", message: "HAProxyDB: no primary", session: 7, user: user,
            client: "10.0.0.1:40000")
    }

    @Test func theFirstErrorAtOnceAndOnceOfEachKind() {
        var voice = OutageVoice()
        voice.began(at: at(100))
        #expect(
            voice.failed(error(.heldTooLong), at: at(108))
                == "Clients get errors: 1213 (SQLSTATE 40001) to 'app' from 10.0.0.1:40000, session 7: HAProxyDB: no primary"
        )
        #expect(voice.failed(error(.heldTooLong), at: at(109)) == nil)
        #expect(voice.failed(error(.unknown), at: at(109)) != nil)
        // A login whose client had not said who it is.
        #expect(voice.failed(error(.loginRefused, user: ""), at: at(110))?.contains("to 10.0.0.1:40000, ") == true)
        voice.ended()
        voice.began(at: at(300))
        #expect(voice.failed(error(.heldTooLong), at: at(301)) != nil)
    }

    @Test func howItStandsEveryTenSeconds() {
        var voice = OutageVoice()
        var told = ToldErrors()
        told[.unknown] = 5
        #expect(voice.second(standing(told, primary: true), at: at(99)) == nil)
        voice.began(at: at(100))
        var lines: [Int64] = []
        for second in Int64(101)...131 {
            if second == 108 { told[.heldTooLong] = 3 }
            if let line = voice.second(standing(told, held: 4), at: at(second)) {
                lines.append(second)
                #expect(
                    line.hasPrefix(
                        "No primary for \(second - 100).0s (phase lost, primaryLost): 4 statements and 1 login wait;"),
                    "\(line)")
                // What was told before is none of it.
                #expect(
                    line.contains(
                        "told so far: 3 x 1213 (not executed, waited for hold_timeout: to be run again). cluster1: connection refused;"
                    ))
                #expect(line.contains("look at the nodes' checks and at crm_mon"))
            }
        }
        #expect(lines == [110, 120, 130])
        voice.ended()
        #expect(voice.second(standing(told, primary: true), at: at(200)) == nil)
    }

    @Test func whereNobodyWaitsItIsToldLessOften() {
        var voice = OutageVoice()
        voice.began(at: at(0))
        var quiet = standing()
        quiet.loginsHeld = 0
        let lines = (Int64(1)...130).filter { voice.second(quiet, at: at($0)) != nil }
        #expect(lines == [60, 120])
    }

    @Test func aPauseIsToldToo() {
        var voice = OutageVoice()
        voice.began(at: at(0))
        var paused = standing(held: 2, primary: true)
        paused.pause = .administrator
        let line = voice.second(paused, at: at(10))
        #expect(
            line?.hasPrefix(
                "Statements are held for 10.0s, paused by an administrator: 2 statements and 1 login wait; no client was told an error so far."
            ) == true, "\(line ?? "nothing")")
    }

    @Test func whatItCameTo() {
        var record = OutageRecord(number: 3, began: at(0), isFelt: true, cause: .primaryLost)
        record.ended = at(40)
        record.kind = .failover
        record.from = "cluster1"
        record.to = "cluster2"
        record.primaryLost = at(0)
        record.primaryFound = at(39)
        record.usersAffected = 12
        record.held = 30
        record.failed = 9
        record.unknown = 2
        record.refused = 1
        #expect(
            record.total
                == "Outage 3 is over: failover from cluster1 to cluster2, no answer for 40.0s (no primary for 39.0s). "
                + "12 sessions felt it, 30 statements had to wait, 9 statements ended with an error, of these 7 certainly "
                + "without effect or cut off, 2 outcomes unknown (`haproxydb ctl show unknown` lists them), 1 login refused."
        )
        record.isFelt = false
        #expect(
            record.total
                == "Outage 3 is over: failover from cluster1 to cluster2, no primary for 40.0s, and nobody noticed.")
    }
}
