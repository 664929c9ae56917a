import ClusterFormats
import Foundation
import Health
import Testing

/// What a tool never prints, and somebody in its place might.
@Suite struct HostileTests {
    private func fault(_ text: String, limits: XMLReader.Limits = XMLReader.Limits()) -> FormatError.Fault? {
        do throws(FormatError) {
            _ = try XMLReader.read(Array(text.utf8), limits: limits)
            return nil
        } catch {
            return error.fault
        }
    }

    @Test func noDocumentTypeNoEntities() {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;&b;\">]><a>&c;</a>"
        #expect(fault(bomb) == .unsupported("a document type declaration"))
        let outer = "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>"
        #expect(fault(outer) == .unsupported("a document type declaration"))
        #expect(fault("<a>&b;</a>") == .malformed("undefined entity"))
    }

    @Test func boundsHold() {
        var limits = XMLReader.Limits()
        limits.depthMax = 3
        #expect(fault("<a><a><a/></a></a>", limits: limits) == nil)
        #expect(fault("<a><a><a><a/></a></a></a>", limits: limits) == .tooMuch("levels", max: 3))
        limits.elementsMax = 2
        #expect(fault("<a><a/><a/></a>", limits: limits) == .tooMuch("elements", max: 2))
        limits.bytesMax = 5
        #expect(fault("<aaaa/>", limits: limits) == .tooMuch("bytes", max: 5))
        #expect(fault(String(repeating: "<a>", count: 100_000)) == .tooMuch("levels", max: 64))
    }

    @Test func onlyWholeDocuments() throws {
        #expect(fault("") == .empty)
        #expect(fault("<a>") == .malformed("no element found"))
        #expect(fault("<a/><b/>") == .malformed("junk after document element"))
        #expect(fault("crm_mon: not found") != nil)
        let root = try XMLReader.read(Array("<a b='1&lt;2'>\n x <c/> y\n</a>".utf8))
        #expect(root.attributes == ["b": "1<2"])
        #expect(root.children.map(\.name) == ["c"])
        #expect(root.children.map(\.line) == [2])
        #expect(root.text == " x  y")
    }

    @Test func deepJSON() {
        #expect {
            try DRBDStatusJSON.resources(in: Array(String(repeating: "[", count: 1_000_000).utf8))
        } throws: { error in
            (error as? FormatError)?.fault == .tooMuch("levels", max: 32)
        }
        #expect(throws: FormatError.self) { try DRBDStatusJSON.resources(in: Array("[{\"name\": 1}]".utf8)) }
        #expect(throws: FormatError.self) { try DRBDStatusJSON.resources(in: []) }
        #expect((try? DRBDStatusJSON.resources(in: Array("[\n]\n".utf8))) == [])
    }

    @Test func viewsTravel() throws {
        for fixture in Fixture.all where fixture.name.hasPrefix("crm_mon-split") {
            let view = try PacemakerView(xml: fixture.bytes)
            let data = try JSONEncoder().encode(view)
            #expect(try JSONDecoder().decode(PacemakerView.self, from: data) == view)
        }
    }
}
