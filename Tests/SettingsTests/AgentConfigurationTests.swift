import Cluster
import Foundation
import Testing

@testable import Settings

private let secrets = TableOfSecrets(secrets: [.file("/etc/haproxydb/cluster.key"): "0123456789abcdef"])

private func text() throws -> String {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../conf/agent.toml")
    return try String(contentsOf: path.standardizedFileURL, encoding: .utf8)
}

private func agentComplaints(_ text: String) -> [String] {
    do {
        _ = try AgentConfiguration.parse(text, file: "f", secrets: secrets)
        return []
    } catch {
        return error.errors.map(\.description)
    }
}

@Suite struct AgentConfigurationTests {
    @Test func exampleSaysTheDefaults() throws {
        var expected = AgentConfiguration()
        expected.node = "cluster1"
        expected.cluster.key = "0123456789abcdef"
        #expect(try AgentConfiguration.parse(text(), file: "f", secrets: secrets) == expected)
    }

    @Test func exampleWithEverythingSwitchedOn() throws {
        let lines = try text().split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let words = line.split(separator: " ", maxSplits: 3)
            return words.count > 3 && words[0] == "#" && words[2] == "=" ? line.dropFirst(2) : line
        }
        let settings = try AgentConfiguration.parse(lines.joined(separator: "\n"), file: "f", secrets: secrets)
        #expect(settings.check == Endpoint(host: "0.0.0.0", port: 8406))
        #expect(settings.http == Endpoint(host: "0.0.0.0", port: 8407))
        #expect(settings.drbdResource == "mysql")
        #expect(settings.pidFile == "/run/mysqld/mysqld.pid" && settings.dataDirectory == "/var/lib/mysql")
        #expect(settings.device == "/dev/drbd0" && settings.databaseSocket == "/run/mysqld/mysqld.sock")
        #expect(!settings.cluster.reportsFailures && settings.cluster.hangLimit == .seconds(60))
        #expect(settings.moveCommand.last == "{node}")
        #expect(settings.clearCommand.count == 4)
    }

    private static let wrongs: [(String, [String])] = [
        (
            "",
            [
                "f:1:1: cluster.key: is missing (or key_file, or key_env): agents and proxies share one",
                "f:1:1: agent: the section [agent] is missing",
            ]
        ),
        ("[agent]\n[cluster]\nkey = \"0123456789abcdef\"", ["f:1:1: agent.node: is missing"]),
        (
            "[agent]\nnode = \"-n\"\n[cluster]\nkey = \"0123456789abcdef\"",
            ["f:2:8: agent.node: must be at most 64 letters, digits, dots, dashes, colons and underscores"]
        ),
        (
            "[agent]\nnode = \"n\"\n[cluster]\nkey = \"0123456789abcdef\"\nreport_failures = \"yes\"\nhang_limit = \"1s\"",
            [
                "f:5:19: cluster.report_failures: must be true or false, not a text",
                "f:6:14: cluster.hang_limit: 1s is outside 5.0s to 1h00m",
            ]
        ),
        (
            "[agent]\nnode = \"n\"\ndatadir = \"var\"\n[cluster]\nkey = \"0123456789abcdef\"",
            ["f:3:11: agent.datadir: must be an absolute path"]
        ),
        (
            "[agent]\nnode = \"n\"\nmove_command = [\"rm\"]\n[cluster]\nkey = \"0123456789abcdef\"",
            [
                "f:3:16: agent.move_command: must have the word \"{node}\", which the node's name replaces",
                "f:3:16: agent.move_command: must begin with the program's absolute path",
            ]
        ),
        (
            "[agent]\nnode = \"n\"\n[cluster]\nkey = \"short\"",
            ["f:4:7: cluster.key: must have at least 16 bytes; make one with `openssl rand -hex 32`"]
        ),
        (
            "[agent]\nnode = \"n\"\n[cluster]\nkey = \"0123456789abcdef\"\nkey_file = \"x\"",
            ["f:5:1: cluster.key_file: there is key already; only one of the two can hold the key"]
        ),
        (
            "[agent]\nnode = \"n\"\n[cluster]\nkey_file = \"/none\"",
            ["f:4:12: cluster.key_file: the key can't be read from \"/none\": No such file or directory"]
        ),
        (
            "[agent]\nnode = \"n\"\n[clutser]\n[cluster]\nkey = \"0123456789abcdef\"",
            ["f:3:1: clutser: unknown section; did you mean [cluster]?"]
        ),
    ]

    @Test(arguments: wrongs.indices)
    func whatIsWrongIsSaid(index: Int) {
        #expect(agentComplaints(Self.wrongs[index].0) == Self.wrongs[index].1)
    }

    @Test func aProxyWithAgentsNeedsAKey() {
        let text = smallest.replacing("address =", with: "agent = \"h:1\"\naddress =")
        #expect(complaints(text) == ["f:1:1: cluster.key: is missing (or key_file, or key_env): a node has an agent"])
    }
}
