import Cluster
import Testing

@testable import Settings

/// A text, and all that must be said of it.
struct Complaint: Sendable, CustomTestStringConvertible {
    var text: String
    var expected: [String]

    init(_ text: String, _ expected: String...) {
        self.text = text
        self.expected = expected
    }

    var testDescription: String { expected.first ?? text }
}

private let units = "write a number with its unit in quotes (\"250ms\", \"90s\", \"5m\", \"1h\")"

private let sizeUnits = "a number with its unit in quotes (\"256MiB\", \"2GiB\")"

/// Appended to `smallest`, which has 10 lines: the first line here is the eleventh.
private let appended: [Complaint] = [
    Complaint(
        "[failover]\nhold_timeout = \"90\"",
        "f:12:16: failover.hold_timeout: \"90\" is no length of time; \(units)"),
    Complaint(
        "[failover]\nhold_timeout = 90",
        "f:12:16: failover.hold_timeout: must be \(units.dropFirst(6)), not a number"),
    Complaint(
        "[failover]\nhold_timeout = \"99999999999999999999s\"",
        "f:12:16: failover.hold_timeout: \"99999999999999999999s\" is no length of time; \(units)"),
    Complaint(
        "[failover]\nhold_timeout = \"9999999999999999h\"",
        "f:12:16: failover.hold_timeout: \"9999999999999999h\" is no length of time; \(units)"),
    Complaint(
        "[failover]\nhold_timeout = \"-1s\"",
        "f:12:16: failover.hold_timeout: \"-1s\" is no length of time; \(units)"),
    Complaint(
        "[failover]\n  hold_timeot = \"90s\"",
        "f:12:3: failover.hold_timeot: unknown key; did you mean \"hold_timeout\"?"),
    Complaint(
        "[failover]\nxyz = 1",
        "f:12:1: failover.xyz: unknown key; there are: hold_timeout, drain_timeout, release_concurrency, "
            + "connect_timeout, node_timeout"),
    Complaint("[failover]\nhold_timeout = \"25h\"", "f:12:16: failover.hold_timeout: 25h is outside 0ms to 24h00m"),
    Complaint("[falover]", "f:11:1: falover: unknown section; did you mean [failover]?"),
    Complaint("[failover]\nrelease_concurrency = 0", "f:12:23: failover.release_concurrency: 0 is outside 1 to 10000"),
    Complaint(
        "[failover]\nrelease_concurrency = \"4\"",
        "f:12:23: failover.release_concurrency: must be a whole number, not a text"),
    Complaint(
        "[failover]\nrelease_concurrency = 4.5",
        "f:12:23: failover.release_concurrency: must be a whole number, not a floating-point number"),
    Complaint("[admin]\nsocket = \"run/x\"", "f:12:10: admin.socket: must be an absolute path"),
    Complaint("[admin]\nsocket = \"\"", "f:12:10: admin.socket: must not be empty"),
    Complaint(
        "[admin]\nsocket_mode = \"0999\"",
        "f:12:15: admin.socket_mode: \"0999\" is no mode; write permission bits in octal, as \"0660\""),
    Complaint(
        "[admin]\nlevel = \"root\"",
        "f:12:9: admin.level: \"root\" is unknown; there are: user, operator, admin"),
    Complaint("[admin]\nhttp = \"8404\"", "f:12:8: admin.http: \"8404\" is no address; write host:port, or [v6]:port"),
    Complaint(
        "[admin]\nhttp = \"0.0.0.0:8404\"",
        "f:12:8: admin.http: 0.0.0.0:8404 can be reached from other hosts; set http_token (or http_token_file), or "
            + "listen on 127.0.0.1"),
    Complaint(
        "[admin]\nhttp_token = \"short\"",
        "f:12:14: admin.http_token: must be 16 to 256 printable ASCII characters without blanks"),
    Complaint(
        "[log]\nlevel = \"warn\"",
        "f:12:9: log.level: \"warn\" is unknown; there are: trace, debug, info, notice, warning, error, critical"),
    Complaint("[log]\nlevel = \"wraning\"", "f:12:9: log.level: \"wraning\" is unknown; did you mean \"warning\"?"),
    Complaint("[log]\nformat = true", "f:12:10: log.format: must be a text in quotes, not true or false"),
    Complaint(
        "[users]\napp = \"hunter2\"",
        "f:12:7: users.app: must be a hash as MariaDB keeps it (\"*\" and 40 hexadecimal digits), or "
            + "{ password = \"…\" }"),
    Complaint("[users]\napp = 3", "f:12:7: users.app: must be a hash in quotes, or { password = \"…\" }"),
    Complaint(
        "[users]\napp = { pasword = \"x\" }",
        "f:12:1: users.app.password: is missing (or password_file, or password_env)",
        "f:12:9: users.app.pasword: unknown key; did you mean \"password\"?"),
    Complaint(
        "[users]\napp = { password_file = \"/nowhere\" }",
        "f:12:25: users.app.password_file: the password can't be read from \"/nowhere\": No such file or directory"),
    Complaint(
        "[[node]]\nname = \"cluster1\"\naddress = \"192.168.1.102:3306\"",
        "f:12:8: node.name: there is a node \"cluster1\" already"),
    Complaint(
        "[[node]]\nname = \"two\"\naddress = \"192.168.1.101:3306\"",
        "f:13:11: node.address: 192.168.1.101:3306 is the address of cluster1 already"),
    Complaint(
        "[[node]]\nname = \"a b\"\naddress = \"host:0\"",
        "f:12:8: node.name: must be at most 64 letters, digits, dots, dashes and underscores",
        "f:13:11: node.address: \"host:0\" is no address; write host:port, or [v6]:port"),
    Complaint("[[node]]", "f:11:1: node.name: is missing", "f:11:1: node.address: is missing"),
    // What stands before the place must not lead the count astray.
    Complaint(
        "[admin]\nsocket = \"\"\"\n/tmp/a\"\"\"\nhttp = 'ä'  # [x]\n[users]\n'ä' = { password = 'ää', b = 1 }",
        "f:14:8: admin.http: \"ä\" is no address; write host:port, or [v6]:port",
        "f:16:26: users.ä.b: unknown key; there are: password, password_file, password_env"),
    Complaint(
        "[log]\nlevel = 'ä', # no",
        "f:12:12: Error while parsing key-value pair: expected a comment or whitespace, saw ','"),
    Complaint(
        "[users] # \"\n'a.b' = { password = \"]}#\\\"\" } # [log]\n\"c\" = [ \"#\", { x = 1 } ]\nd = true",
        "f:13:7: users.c: must be a hash in quotes, or { password = \"…\" }",
        "f:14:5: users.d: must be a hash in quotes, or { password = \"…\" }"),
]

/// Texts by themselves.
private let whole: [Complaint] = [
    Complaint(
        "",
        "f:1:1: proxy: the section [proxy] is missing",
        "f:1:1: node: there is no node; write one [[node]] with name and address for each",
        "f:1:1: health: the section [health] is missing"),
    Complaint(
        "proxy = 1\n[node]\nname = \"x\"\n[health]",
        "f:1:1: proxy: must be a section, [proxy], not a number",
        "f:2:1: node: nodes are a list; write one [[node]] with name and address for each",
        "f:4:1: health.user: is missing",
        "f:4:1: health.password: is missing (or password_file, or password_env)"),
    Complaint(
        "node = [1]\nhealth = { user = 2, password = \"\", password_env = \"A\" }\nproxy.listen = \"x\"",
        "f:1:9: node: nodes are tables; write one [[node]] with name and address for each",
        "f:2:19: health.user: must be a text in quotes, not a number",
        "f:2:37: health.password_env: there is password already; only one of the two can hold the password",
        "f:3:16: proxy.listen: must be an array of addresses ([\"0.0.0.0:3306\"]), not a text"),
    Complaint(
        "proxy.listen = [\n  \"a:1\",\n  2, \"a:1\", # twice\n  \"b\",\n]\nnode = []\n"
            + "health.user = \"u\"\nhealth.password = \"p\"",
        "f:3:3: proxy.listen: must hold addresses in quotes, not a number",
        "f:3:6: proxy.listen: a:1 is there twice",
        "f:4:3: proxy.listen: \"b\" is no address; write host:port, or [v6]:port",
        "f:6:1: node: there is no node; write one [[node]] with name and address for each"),
    Complaint(
        "[proxy]\nlisten = [\"a:1\"]\nmemory_max = \"256\"\nclient_lost_timeout = \"0\"\n[[node]]\nname = \"n\"\n"
            + "address = \"b:1\"\n[health]\nuser = \"u\"\npassword = \"p\"",
        "f:3:14: proxy.memory_max: \"256\" is no amount of memory; write \(sizeUnits)",
        "f:4:23: proxy.client_lost_timeout: 0 is outside 1.0s to 1h00m"),
    Complaint(
        "[proxy]\nlisten = [\"a:1\"]\nmemory_max = \"15MiB\"\n[[node]]\nname = \"n\"\n"
            + "address = \"b:1\"\n[health]\nuser = \"u\"\npassword = \"p\"",
        "f:3:14: proxy.memory_max: 15MiB is outside 16MiB to 1024GiB"),
]

@Suite struct ComplaintTests {
    @Test(arguments: appended) func appendedToTheSmallest(_ complaint: Complaint) {
        #expect(complaints(smallest + complaint.text) == complaint.expected)
    }

    @Test(arguments: whole) func wholeTexts(_ complaint: Complaint) {
        #expect(complaints(complaint.text) == complaint.expected)
    }

    @Test func syntaxErrorsHaveAPlace() {
        let found = complaints("[proxy]\nlisten = [\"a:1\"\nworkers = 1\n")
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("f:3:") == true)
    }

    @Test func sameKeyTwiceIsAnError() {
        #expect(complaints(smallest + "[log]\nlevel = \"info\"\nlevel = \"debug\"").first?.hasPrefix("f:13:") == true)
    }

    /// Whatever is cut off or damaged: complaints or none, never a crash, and never an endless walk.
    @Test func damagedTextsAreSurvived() throws {
        let text = try Array(exampleText().replacing("# ", with: "").utf8) + Array("x = { a = \"\"\"b\"\"\" }".utf8)
        for cut in stride(from: 0, to: text.count, by: 7) {
            let part = String(decoding: text[..<cut], as: UTF8.self)
            _ = complaints(part)
            #expect(Outline(part).places.count <= cut + 1)
        }
        for place in stride(from: 3, to: text.count, by: 11) {
            var damaged = text
            damaged[place] = [0x22, 0x27, 0x5B, 0x7B, 0x3D, 0x0A, 0x5C, 0xFF][place % 8]
            _ = Outline(String(decoding: damaged, as: UTF8.self))
        }
    }
}

@Suite struct WordTests {
    @Test(arguments: [
        ("0K", 0), ("512KiB", 512 << 10), ("256MiB", 256 << 20), ("3G", 3 << 30),
    ]) func amountsOfMemory(_ text: String, _ bytes: Int) {
        #expect(ByteSize(text: text)?.bytes == bytes)
    }

    @Test(arguments: ["", "256", "MiB", "1 MiB", "-1MiB", "1.5GiB", "1TiB", "99999999999999GiB", "٣MiB"])
    func noAmountsOfMemory(_ text: String) {
        #expect(ByteSize(text: text) == nil)
    }

    @Test(arguments: [
        ("0", Instant.Span.zero), ("0s", .zero), ("250ms", .milliseconds(250)), ("90s", .seconds(90)),
        ("5m", .seconds(300)), ("1h", .seconds(3600)),
    ]) func lengthsOfTime(_ text: String, _ span: Instant.Span) {
        #expect(Instant.Span(text: text) == span)
    }

    @Test(arguments: ["", "s", "1", "1 s", "1.5s", "+1s", "-1s", "1w", "1S", "٣s", "9223372036854775807s"])
    func noLengthsOfTime(_ text: String) {
        #expect(Instant.Span(text: text) == nil)
    }

    @Test func distances() {
        #expect(EditDistance.between("", and: "abc") == 3)
        #expect(EditDistance.between("kitten", and: "sitting") == 3)
        #expect(EditDistance.between("wraning", and: "warning") == 1)
        #expect(EditDistance.suggestion(for: "lisen", among: ["workers", "listen"]) == "listen")
        #expect(EditDistance.suggestion(for: "colour", among: ["workers", "listen"]) == nil)
    }
}
