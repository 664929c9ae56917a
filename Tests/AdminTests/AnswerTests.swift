import Cluster
import Foundation
import Testing

@testable import Admin

@Suite struct AnswerTests {
    @Test func tablesAreAligned() {
        let table = Answer.table(
            columns: ["name", "n", "text"],
            rows: [[.text("a"), .number(1), .text("x y")], [.text("bcdef"), .number(100), .none]])
        #expect(table.rendered(json: false) == "name     n  text\na        1  x y\nbcdef  100  -\n")
        #expect(
            table.rendered(json: true)
                == "[{\"name\":\"a\",\"n\":1,\"text\":\"x y\"},{\"name\":\"bcdef\",\"n\":100,\"text\":null}]\n")
    }

    @Test func anEmptyTableHasItsHeader() {
        let table = Answer.table(columns: ["a", "b"], rows: [])
        #expect(table.rendered(json: false) == "a  b\n")
        #expect(table.rendered(json: true) == "[]\n")
    }

    @Test func fieldsAreLines() {
        let fields = Answer.fields([
            Field("a", .text("x")), Field("b", .flag(true)), Field("c", .span(.milliseconds(1500))), Field("d", .none),
        ])
        #expect(fields.rendered(json: false) == "a: x\nb: yes\nc: 1.5s\nd: -\n")
        #expect(fields.rendered(json: true) == "{\"a\":\"x\",\"b\":true,\"c\":1500,\"d\":null}\n")
    }

    /// A user's name or a database may hold anything: no answer is broken by it.
    @Test func whatAPeerSentCannotBreakAnAnswer() throws {
        let evil = "a\n\n> \r\t\u{1B}[2J\u{0}\"\\\u{202E}\u{2028}é\u{1F600}"
        let table = Answer.table(columns: ["x"], rows: [[.text(evil)]])
        let text = table.rendered(json: false)
        #expect(text == "x\na??> ????[2J?\"\\??é\u{1F600}\n".replacing("????[2J", with: "???[2J"))
        let parsed = try JSONSerialization.jsonObject(with: Data(table.rendered(json: true).utf8))
        #expect((parsed as? [[String: String]])?.first?["x"] == evil)
        #expect(!table.rendered(json: true).dropLast().contains("\n"))
    }

    @Test(arguments: [
        (0, "0d 0h00m00s"), (3, "0d 0h00m03s"), (90_061, "1d 1h01m01s"), (8_640_000, "100d 0h00m00s"),
    ]) func uptimeIsHAProxys(_ seconds: Int64, _ text: String) {
        #expect(Overview.uptimeText(seconds) == text)
    }
}

@Suite struct BoundedNumberTests {
    @Test(
        arguments: [
            (0.4, 0), (-2.6, -3), (.nan, 0), (.infinity, .max), (-1e300, .min), (9.3e18, .max),
        ] as [(Double, Int64)]) func isTheNearest(_ value: Double, _ number: Int64)
    {
        #expect(Int64(nearest: value) == number)
    }
}
