import Health
import SmallStack
import Testing

@testable import ClusterFormats

/// Documents that stand in themselves, and texts that repeat themselves, on a thread with little stack.
@Suite struct DepthTests {
    /// A million, and as many as the readers' own limit of bytes lets through.
    private static func texts(_ fragment: String, limit: Int) -> [String] {
        [1_000_000, limit / fragment.utf8.count, 100].map { String(repeating: fragment, count: $0) }
    }

    @Test(arguments: [
        "<a>", "<a><b/>", "<a b='", "<!--", "<![CDATA[", "&lt;", "<a/>", "&a;", "</a>", "<!DOCTYPE a [", "x",
    ])
    func xml(_ fragment: String) {
        onSmallStack {
            for text in Self.texts(fragment, limit: XMLReader.Limits().bytesMax) {
                for opening in ["", "<crm_mon>", "<cib><configuration>"] {
                    #expect(throws: FormatError.self) { try PacemakerView(xml: Array((opening + text).utf8)) }
                    #expect(throws: FormatError.self) {
                        try ClusterInformationBase(xml: Array((opening + text).utf8))
                    }
                }
            }
        }
    }

    /// The deepest tree that the reader makes: walked, compared and dropped.
    @Test func theDeepestTree() {
        onSmallStack {
            let depth = XMLReader.Limits().depthMax - 3
            for name in ["group", "clone", "bundle", "replica"] {
                let text =
                    "<crm_mon><summary><current_dc present='false'/></summary><nodes/><resources>"
                    + String(repeating: "<\(name) id='a'>", count: depth - 2)
                    + String(repeating: "</\(name)>", count: depth - 2) + "</resources></crm_mon>"
                let view = try? PacemakerView(xml: Array(text.utf8))
                #expect(view != nil && view == view)
            }
        }
    }

    @Test(arguments: ["[", "{\"a\":", "[{\"devices\":", "{\"a\":[", "\"\\", "[[],", "1", "-", "1e9", "\"\\ud800"])
    func json(_ fragment: String) {
        onSmallStack {
            for text in Self.texts(fragment, limit: DRBDStatusJSON.bytesMax) {
                #expect(throws: FormatError.self) { try DRBDStatusJSON.resources(in: Array(text.utf8)) }
            }
        }
    }

    @Test(arguments: [
        "a role:Primary\n", "  peer role:Primary\n", "a role:Primary\n b volume:0\n", "volume:", "a:b ", "\n", " ",
    ])
    func drbdTexts(_ fragment: String) {
        onSmallStack {
            for text in Self.texts(fragment, limit: 1 << 20) {
                _ = try? DRBDStatus.resources(in: text)
                _ = try? DRBDStatus.resources(in: "a role:Primary\n" + text)
                _ = try? ProcDRBD.resources(in: "version: 8.4\n" + text)
                _ = try? DRBDGenerations(showing: text)
                _ = try? QuorumView(text: text)
                _ = try? AlertEvent(line: text)
                var stream = DRBDEventStream()
                #expect(throws: FormatError.self) { _ = try stream.read(text[...]) }
            }
        }
    }

    @Test("as many lines as the limit lets through are read in one pass")
    func manyLines() throws {
        let line = " * Start a\n"
        let text = "Transition Summary:\n" + String(repeating: line, count: 200_000)
        #expect(try TransitionSummary(text: text).steps.count == 200_000)
    }

    @Test func nodesAreCounted() {
        let node =
            "online='true' standby='false' maintenance='false' pending='false' unclean='false' is_dc='false'"
        let nodes = (0...1024).map { "<node name='n\($0)' id='\($0)' \(node)/>" }.joined()
        let text =
            "<crm_mon><summary><current_dc present='false'/></summary><nodes>\(nodes)</nodes><resources/></crm_mon>"
        #expect(throws: FormatError(.crmMon, line: 1, .tooMuch("nodes", max: 1024))) {
            try PacemakerView(xml: Array(text.utf8))
        }
        let members = (0...1024).map { "<node id='\($0)' uname='n\($0)'/>" }.joined()
        let base = "<cib><configuration><nodes>\(members)</nodes></configuration></cib>"
        #expect(throws: FormatError(.clusterInformationBase, line: 1, .tooMuch("nodes", max: 1024))) {
            try ClusterInformationBase(xml: Array(base.utf8))
        }
    }
}
