import Cluster
import Foundation
import Testing

private func data(_ current: UInt64, _ past: UInt64..., volume: Int = 0) -> DataGeneration {
    DataGeneration(volume: volume, current: current, past: past)
}

@Suite struct DataGenerationTests {
    private static let cases: [(String, DataGeneration, DataGeneration, DataGeneration.Relation)] = [
        ("one was Primary", data(0x21), data(0x20), .same),
        ("one wrote alone", data(0x30, 0x20), data(0x21), .newer),
        ("one wrote alone, twice", data(0x40, 0x30, 0x21), data(0x20, 0x10), .newer),
        ("both wrote", data(0x30, 0x20), data(0x40, 0x21), .diverged),
        ("both wrote, long ago", data(0x50, 0x30, 0x20), data(0x60, 0x40, 0x20), .diverged),
        ("never together", data(0x30, 0x20), data(0x70, 0x60), .unrelated),
        ("just created", data(4), data(0x20), .older),
        ("nothing there", data(0), data(0x20, 0x10), .older),
        ("two that hold nothing", data(4), data(0), .unrelated),
        ("each before the other", data(0x30, 0x20), data(0x20, 0x30), .unrelated),
        ("empty places are no common past", data(0x30, 0, 0), data(0x40, 0, 0), .unrelated),
    ]

    @Test(arguments: cases.indices)
    func whatIdentifiersProve(index: Int) {
        let (name, mine, theirs, relation) = Self.cases[index]
        #expect(mine.relation(to: theirs) == relation, "\(name)")
        let reversed: DataGeneration.Relation =
            switch relation {
            case .newer: .older
            case .older: .newer
            case .same, .diverged, .unrelated: relation
            }
        #expect(theirs.relation(to: mine) == reversed, "\(name), reversed")
    }

    @Test func allVolumesTogether() {
        let old = [data(0x20), data(0x20, volume: 1)]
        let new = [data(0x30, 0x20), data(0x20, volume: 1)]
        let crossed = [data(0x20), data(0x30, 0x20, volume: 1)]
        #expect(DataGeneration.relation(of: new, to: old) == .newer)
        #expect(DataGeneration.relation(of: old, to: new) == .older)
        #expect(DataGeneration.relation(of: new, to: crossed) == .diverged)
        #expect(DataGeneration.relation(of: old, to: old.reversed()) == .same)
        #expect(DataGeneration.relation(of: old, to: [data(0x20)]) == nil)
        #expect(DataGeneration.relation(of: [data(0x20)], to: [data(0x20, volume: 1)]) == nil)
        #expect(DataGeneration.relation(of: [], to: []) == nil)
        #expect(DataGeneration.relation(of: [data(0x99)] + new.dropFirst(), to: old) == .unrelated)
    }

    @Test func travelsAsText() throws {
        let generation = data(0xBE4E_7F7C_0A98_788D, 0x46AE_4D96_24CE_4E61, 0, volume: 2)
        #expect(generation.description == "2/BE4E7F7C0A98788C:46AE4D9624CE4E60")
        let json = try JSONEncoder().encode([generation])
        #expect(try JSONDecoder().decode([DataGeneration].self, from: json) == [generation])
        for wrong in ["", "0", "0/", "/1", "x/1", "-1/1", "0/1:", "0/1:g", "0/11111111111111111", "0/1/2", "70000/1"] {
            #expect(DataGeneration(wrong) == nil, "\(wrong)")
        }
        #expect(DataGeneration("0/" + Array(repeating: "1", count: 1000).joined(separator: ":")) == nil)
    }
}
