import ClusterFormats
import Foundation
import Health
import Testing

/// Newer versions say more, and tools are cut short: neither makes another view.
@Suite struct FutureTests {
    private func fixtures(_ belongs: (Fixture, Kind) -> Bool) -> [Fixture] {
        Fixture.all.filter { fixture in Kind(fixture).map { belongs(fixture, $0) } ?? false }
    }

    @Test func eventsWithKeysThatNobodyKnows() throws {
        let all = fixtures { $1 == .events }
        #expect(all.count > 20)
        for fixture in all {
            let newer = fixture.text.split(separator: "\n").map { line in
                // The end of the dump has no keys.
                line.hasSuffix("exists -") ? String(line) : line + " colour:blue may_colour:yes"
            }.joined(separator: "\n")
            #expect(try parse(.events, Array(newer.utf8)) == parse(.events, fixture.bytes), "\(fixture.path)")
        }
    }

    @Test func statusWithKeysThatNobodyKnows() throws {
        let all = fixtures { $1 == .statusJSON }
        #expect(all.count > 8)
        for fixture in all {
            let newer = fixture.text.replacing(
                "{", with: "{ \"colour\": { \"shades\": [1, null, \"x\"] }, \"may-colour\": true,")
            #expect(try parse(.statusJSON, Array(newer.utf8)) == parse(.statusJSON, fixture.bytes), "\(fixture.path)")
        }
    }

    @Test func pacemakersViewWithElementsThatNobodyKnows() throws {
        let all = fixtures { $1 == .monitor && $0.text.contains("<nodes>") }
        #expect(all.count > 60)
        for fixture in all {
            let newer = fixture.text.replacing("<nodes>", with: "<colours shade='1'><colour/></colours><nodes>")
                .replacing("<node name=", with: "<node colour='blue' name=")
                .replacing("<resource id=", with: "<resource colour='blue' id=")
                .replacing("<clone id=", with: "<clone colour='blue' id=")
            #expect(newer != fixture.text)
            #expect(try parse(.monitor, Array(newer.utf8)) == parse(.monitor, fixture.bytes), "\(fixture.path)")
        }
    }

    /// Whole documents only: what is cut anywhere says nothing at all.
    @Test(arguments: ["status-v9-normal-primary.json", "crm_mon-unclean.xml", "cib-split-2s-other.xml"])
    func cutAnywhereIsNoView(_ name: String) throws {
        let fixture = try #require(Fixture.all.first { $0.name == name })
        let kind = try #require(Kind(fixture))
        let bytes = fixture.bytes
        let last = try #require(bytes.lastIndex { $0 == UInt8(ascii: ">") || $0 == UInt8(ascii: "]") })
        // Every place in the first and the last kilobyte, and many between.
        for length in 0...last where length < 1000 || length > last - 1000 || length % 37 == 0 {
            #expect(throws: FormatError.self, "\(length)") { try parse(kind, Array(bytes.prefix(length))) }
        }
    }

    /// A stream that is cut has told what it has told: lines are whole, or not read.
    @Test func aStreamThatIsCutIsAsFarAsItsLastLine() throws {
        let all = fixtures { $1 == .events }
        for fixture in all.prefix(12) {
            let whole = try parse(.events, fixture.bytes)
            var lines = fixture.text.split(separator: "\n")
            while !lines.isEmpty {
                lines.removeLast()
                let part = try parse(.events, Array(lines.joined(separator: "\n").utf8))
                #expect(whole.hasPrefix(part), "\(fixture.path)")
            }
        }
    }
}
