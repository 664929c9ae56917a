import Cluster
import Testing

@testable import Settings

/// A file whose keys, arrays and tables stand in each other, on a thread with little stack.
@Suite struct DepthTests {
    @Test(arguments: [
        ("[", "a.", "b]"), ("[[", "a.", "b]]"), ("a = ", "[", ""), ("a = ", "[[", ""), ("a = ", "{ b = ", ""),
        ("", "[", ""),
        ("a = ", "[{ b = ", ""), ("", "[a.", "b]"), ("", "[[a.", "b]]"), ("", "a.", "b = 1"), ("", "\"a\".", "b = 1"),
        ("", "[[a]]\n", ""), ("", "[a]\n", ""), ("a = ", "\"", ""), ("a = ", "'''", ""), ("", "a = 1\n", ""),
        ("a = ", "1,", ""), ("a = [", "1,", "]"), ("a = { ", "b.", "c = 1 }"), ("", "#", ""), ("", " ", ""),
    ])
    func aMillionDeep(_ opening: String, _ fragment: String, _ end: String) {
        onSmallStack {
            for depth in [1_000_000, (Outline.bytesMax - 64) / fragment.utf8.count, 1_000, Outline.levelsMax + 1] {
                // `[[a.` closes what it opens once, however often it is said: what matters is that it is read.
                #expect(!complaints(opening + String(repeating: fragment, count: depth) + end).isEmpty)
            }
        }
    }

    @Test func theBoundIsSaidWithItsPlace() {
        let deep = complaints("[proxy]\nlisten = " + String(repeating: "[", count: 100) + "\n")
        #expect(deep.count == 1)
        #expect(deep.first?.hasPrefix("f:2:") ?? false)
        #expect(deep.first?.contains("more than 32 levels") ?? false)
        let long = complaints(String(repeating: "#", count: Outline.bytesMax + 1))
        #expect(long == ["f:1:1: has more than 1048576 bytes"])
    }

    /// The library ends the process over these, in a release build too: a bad file must not end the proxy that reloads.
    @Test(arguments: [
        "[.a]", "[=]", "[[[", "[ #]", "[\n]", "[\u{e9}]", "[[ .a]]", "a = 1\n[?", "[,", "\u{FEFF}[.a]",
        "\u{FEFF}[&a]\nb = 1",
    ])
    func whatTheLibraryAssertsIsRefusedBefore(_ text: String) {
        #expect(complaints(text).count == 1)
        #expect(complaints(text).first?.contains("a section's name must begin with") ?? false)
    }

    @Test(arguments: ["a = [}", "a = [1, }]", "a = { b = [ 12,}\n", "a = [[1], [}]]", "a = [ # c\n}"])
    func anArrayIsNoTable(_ text: String) {
        #expect(complaints(text).count == 1)
        #expect(complaints(text).first?.contains("expected a value or the array's closing bracket") ?? false)
    }

    @Test(arguments: [
        "1979-05-27 0]", "1979-05-27Tx", "1979-05-27T 07:32:00", "1979-05-27T.7:3g", "1979-05-27t", "07:x", "1:2",
        "1979-05-27T07:32:00+x",
        "1979-", "[1, 1979-05-27Tx]", "{ b = 07: }", "1979-05-27T07:32:00.",
    ])
    func momentsThatAreNone(_ value: String) {
        #expect(complaints("a = \(value)").count == 1)
        #expect(complaints("a = \(value)").first?.contains("is no date and no time") ?? false)
    }

    @Test(arguments: [
        "1979-05-27", "07:32:00", "07:32:00.5", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00+01:00 # c",
        "1979-05-27t07:32:00",
    ])
    func momentsAreRead(_ value: String) {
        #expect(complaints("[log]\nlevel = \(value)").contains { $0.contains("must be a text in quotes") })
    }

    @Test func asDeepAsTheBoundIsRead() throws {
        let text = String(repeating: "a.", count: Outline.levelsMax - 1) + "b = 1"
        let outline = try Outline(bounded: text, file: "f")
        #expect(outline.places.count == Outline.levelsMax)
    }
}
