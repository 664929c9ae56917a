import Health
import Testing

@testable import Probes

@Suite struct SQLErrorTests {
    private static let cases: [(UInt32, String, ProbeResult)] = [
        (2002, "Can't connect to server on '127.0.0.1' (111)", .refused),
        (2002, "Can't connect to server on '127.0.0.1' (115)", .unreachable("Operation now in progress (115)")),
        (2003, "Can't connect to server on '10.9.9.9' (113)", .unreachable("No route to host (113)")),
        (2002, "Can't connect to server on '10.9.9.9' (110)", .timeout),
        (2002, "Can't connect to server on 'x' (104)", .lost),
        (2002, "no number", .unreachable("no number")),
        (2006, "gone", .lost), (2013, "lost", .lost), (1927, "killed", .lost),
        (1045, "Access denied", .loginDenied(code: 1045, message: "Access denied")),
        (1129, "blocked", .hostBlocked("blocked")),
        (
            1184, "Aborted connection 7 to db: 'unconnected' user: 'proxy' host: 'h' (init_connect command failed)",
            .initConnectFailed(
                "Aborted connection 7 to db: 'unconnected' user: 'proxy' host: 'h' (init_connect command failed)")
        ),
        (1184, "Aborted connection 7 (Got timeout reading communication packets)", .lost),
        (5010, "not allowed", .loginDenied(code: 5010, message: "not allowed")),
        (2059, "plugin", .loginDenied(code: 2059, message: "plugin")),
        (1040, "Too many connections", .busy(code: 1040, message: "Too many connections")),
        (1203, "too many", .accountLimited(code: 1203, message: "too many")),
        (1226, "no more", .accountLimited(code: 1226, message: "no more")),
        (1053, "shutdown", .starting(code: 1053, message: "shutdown")),
        (1105, "HAProxyDB: this is a HAProxyDB listener, not a MariaDB server", .proxy),
        (1105, "Unknown error", .protocolError("1105 Unknown error")),
        (1064, "syntax", .protocolError("1064 syntax")),
        (2027, "malformed", .protocolError("2027 malformed")),
    ]

    @Test(arguments: cases)
    func errorsAreClassified(code: UInt32, message: String, result: ProbeResult) {
        #expect(SQLError(code: code, message: message).probeResult == result)
    }

    @Test func whatANodeSaysIsOneLineAndNotALongOne() {
        let error = SQLError(code: 1045, message: "a\nb\u{1b}[31m\u{202e}c" + String(repeating: "x", count: 5000))
        #expect(error.message.hasPrefix("a?b?[31m?cxxx"))
        #expect(error.message.unicodeScalars.count == SQLError.messageLengthMax)
    }

    @Test func refusalsOfOurOwn() {
        #expect(SQLError(.plugin("dialog")).probeResult == .passwordWithheld(plugin: "dialog"))
        #expect(SQLError(.columns(65)).probeResult == .protocolError("an answer of 65 columns, 64 at most are read"))
        #expect(SQLError(.file).description == "asks for a file of this host: refused")
    }
}
