import Cluster
import Testing

@testable import HAProxyDB

@Suite struct LiveViewTests {
    private static let info = """
        {"Name":"HAProxyDB","Version":"1.2.3","Nbthread":1,"Pid":42,"Uptime":"0d 0h00m09s","Maxconn":100,"Paused":0,\
        "Stopping":0}
        """
    private static let nodes = """
        [{"name":"cluster1","address":"10.0.0.1:3306","role":"standby","health":"down","administrative":"ready",\
        "since":4200,"last_check":"connection refused"},{"name":"cluster2","address":"10.0.0.2:3306","role":"primary",\
        "health":"up","administrative":"drain","since":100,"last_check":null}]
        """

    private func sample(
        primary: String? = "cluster2", underWay: Bool? = false, answered: Int = 1000, at ms: Int64 = 0, pid: Int = 42
    ) throws -> LiveSample {
        let outage =
            underWay.map {
                """
                "outages":2,"outage_under_way":\($0),"outage_began_ago":9000,"outage_length":4200,\
                "outage_from":"cluster1","outage_to":"cluster2","outage_generation":2,"outage_diagnosis":null
                """
            } ?? """
                "outages":0,"outage_under_way":false,"outage_began_ago":null,"outage_length":null,"outage_from":null,\
                "outage_to":null,"outage_generation":null,"outage_diagnosis":null
                """
        let cluster = """
            {"generation":2,"primary":\(primary.map { "\"\($0)\"" } ?? "null"),"phase":"ready",\
            "diagnosis":\(primary == nil ? "\"primaryLost\"" : "null"),"since":1500,"paused":false,\(outage)}
            """
        let counters = """
            {"sessions":7,"sessions_held":3,"sessions_in_transaction":1,"sessions_total":20,"sessions_moved":4,\
            "logins_refused":0,"statements_begun":0,"statements_answered":\(answered),"statements_failed":0,\
            "statements_held":0,"statements_rerun":2,"bytes_in":0,"bytes_out":0}
            """
        let info = Self.info.replacing("42", with: String(pid))
        return try LiveSample(
            [info, cluster, Self.nodes, counters].joined(separator: "\n\n") + "\n\n",
            at: Instant(nanoseconds: ms * 1_000_000))
    }

    @Test func aPlainFrame() throws {
        let frame = LiveView(isColoured: false).frame(try sample(answered: 1250, at: 500), since: try sample())
        #expect(
            frame == [
                "haproxydb 1.2.3  pid 42  up 0d 0h00m09s",
                "",
                "primary  cluster2  generation 2, ready for 1.5s",
                "outage   last one lasted 4.2s, cluster1 to cluster2, began 9.0s ago; 2 in all",
                "",
                "node      address        role     health      for    last check",
                "cluster1  10.0.0.1:3306  standby  down        4.2s   connection refused",
                "cluster2  10.0.0.2:3306  primary  up (drain)  100ms  -",
                "",
                "statements/s 500        answered 1250  failed 0  run again 2",
                "sessions     7          of 100  in transaction 1  total 20",
                "held         3          moved 4",
            ])
    }

    @Test func withoutAPrimary() throws {
        let frame = LiveView(isColoured: false).frame(try sample(primary: nil, underWay: true), since: nil)
        #expect(frame[2] == "primary  none  ready, primaryLost, for 1.5s")
        #expect(frame[3] == "outage   under way for 4.2s, cluster1 was the primary")
        #expect(frame[9].hasPrefix("statements/s -  "))
        let calm = LiveView(isColoured: false).frame(try sample(underWay: nil), since: nil)
        #expect(calm[3] == "outage   none since the start")
    }

    @Test func aNewProcessHasNoRateYet() throws {
        let frame = LiveView(isColoured: false).frame(
            try sample(answered: 2000, at: 500, pid: 43), since: try sample())
        #expect(frame[9].hasPrefix("statements/s -  "))
    }

    @Test func coloursDoNotCountAsColumns() throws {
        let now = try sample()
        let plain = LiveView(isColoured: false, width: 30).frame(now, since: nil)
        #expect(plain.allSatisfy { $0.count <= 30 })
        let coloured = LiveView(isColoured: true, width: 30).frame(now, since: nil)
        #expect(coloured != plain)
        #expect(coloured.map { $0.replacing(/\u{1B}\[[0-9]*m/, with: "") } == plain)
    }

    @Test(arguments: ["", "Unknown command.\n\n", "{}\n\n{}\n\n[]\n\n{}\n\n"]) func notAnAnswer(_ text: String) {
        #expect(throws: (any Error).self) { try LiveSample(text, at: Instant(nanoseconds: 0)) }
    }
}
