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
        (1129, "blocked", .loginDenied(code: 1129, message: "blocked")),
        (2059, "plugin", .loginDenied(code: 2059, message: "plugin")),
        (1040, "Too many connections", .busy(code: 1040, message: "Too many connections")),
        (1203, "too many", .busy(code: 1203, message: "too many")),
        (1053, "shutdown", .starting(code: 1053, message: "shutdown")),
        (1064, "syntax", .protocolError("1064 syntax")),
        (2027, "malformed", .protocolError("2027 malformed")),
    ]

    @Test(arguments: cases)
    func errorsAreClassified(code: UInt32, message: String, result: ProbeResult) {
        #expect(SQLError(code: code, message: message).probeResult == result)
    }
}
