import Foundation
import Testing

@testable import HAProxyDB

@Suite struct LogLineTests {
    private let time = Date(timeIntervalSince1970: 1_700_000_000.25)

    @Test func text() {
        let line = LogLines.line(.text, time: time, level: "notice", "Primary is cluster2.", ["b": "2", "a": "1"])
        #expect(line == "2023-11-14T22:13:20.250Z notice Primary is cluster2.\n")
    }

    /// A server's message may hold anything; it must not forge a second line.
    @Test func oneLineWhateverIsInIt() throws {
        let evil = "a\nb\u{1B}[2J\"\\"
        #expect(LogLines.line(.text, time: time, level: "info", evil, [:]).hasSuffix(" info a?b?[2J\"\\\n"))
        let json = LogLines.line(.json, time: time, level: "info", evil, ["k": "v"])
        #expect(json.filter { $0 == "\n" }.count == 1)
        let object = try JSONDecoder().decode([String: String].self, from: Data(json.utf8))
        #expect(object == ["time": "2023-11-14T22:13:20.250Z", "level": "info", "message": evil, "k": "v"])
    }
}
