import Testbed
import Testing

extension Integration {
    /// A server that refuses a part of a session's state: that part is lost and named, the others are there.
    @Suite(.serialized)
    struct RestorationFailureTests {
        struct Refusal: Sendable {
            var schema = EmbeddedPair.schema
            var script: [String]
            /// Done on the new server before the session comes.
            var meanwhile: [String]
            var named: String
            var question: String
            var answer: [String?]
        }

        static let refusals: [Refusal] = [
            Refusal(
                schema: "gone", script: ["SET @a=1"], meanwhile: ["DROP DATABASE gone"],
                named: "the default schema 'gone'", question: "SELECT @a, DATABASE()", answer: ["1", nil]),
            Refusal(
                script: ["SET ROLE r", "SET @a=3, time_zone='+01:00'"], meanwhile: ["REVOKE r FROM app"],
                named: "the role", question: "SELECT @a, @@time_zone, CURRENT_ROLE(), DATABASE()",
                answer: ["3", "+01:00", nil, "app"]),
            Refusal(
                script: ["SET sql_log_bin=0, time_zone='+01:00'", "SET sql_mode='ANSI'"],
                meanwhile: ["REVOKE BINLOG ADMIN, SUPER ON *.* FROM app"], named: "@@sql_log_bin",
                question: "SELECT @@time_zone, @@sql_log_bin, @@sql_mode LIKE '%ANSI%'", answer: ["+01:00", "1", "1"]),
        ]

        @Test("only what is refused is lost, once, and by its name", arguments: refusals.indices)
        func refused(index: Int) throws {
            let one = Self.refusals[index]
            try Stage.run { stage in
                let root = try stage.pair.asRoot()
                for text in [
                    "CREATE DATABASE gone", "GRANT ALL ON gone.* TO app", "CREATE ROLE r", "GRANT r TO app",
                    "GRANT BINLOG ADMIN, SUPER ON *.* TO app",
                ] { try root.query(text) }
                let session = try stage.proxy.connect(schema: one.schema)
                for text in one.script { try session.query(text) }
                stage.pair.failPrimary()
                try stage.pair.startStandby()
                let next = try stage.pair.asRoot()
                for text in one.meanwhile { try next.query(text) }
                let error = clientError { try session.query("SELECT 1") }
                #expect(error?.sqlState == "08S02")
                #expect(error?.message.contains(one.named) == true, "\(String(describing: error))")
                #expect(try session.query(one.question).rows == [one.answer])
                // It has been told: the next move is one like any other.
                try stage.failOver()
                #expect(try session.query(one.question).rows == [one.answer])
            }
        }

        @Test("what could not be said a second time is restored")
        func restored() throws {
            try SessionCase.move(
                [
                    SessionCase(["SET ROLE NONE"], asks: "SELECT CURRENT_ROLE()"),
                    SessionCase(["SET ROLE r"], asks: "SELECT CURRENT_ROLE(), DATABASE()"),
                    SessionCase(
                        ["SET system_versioning_asof='2020-01-01'", "SET system_versioning_asof=DEFAULT"],
                        asks: "SELECT @@system_versioning_asof"),
                    SessionCase(["SET system_versioning_asof='2020-01-01'"], asks: "SELECT @@system_versioning_asof"),
                    SessionCase(
                        ["USE `näme€`"], asks: "SELECT HEX(DATABASE()), @@character_set_client, @@collation_connection"),
                    SessionCase(
                        ["USE `näme€`", "SET NAMES latin1"],
                        asks: "SELECT HEX(DATABASE()), @@character_set_client, @@collation_connection"),
                    SessionCase(
                        ["SELECT 1"], asks: "SELECT HEX(DATABASE()), @@character_set_client, @@collation_connection",
                        schema: "näme€"),
                ],
                prepare: [
                    "CREATE DATABASE `näme€`", "GRANT ALL ON `näme€`.* TO app", "CREATE ROLE r", "GRANT r TO app",
                ])
        }
    }
}
