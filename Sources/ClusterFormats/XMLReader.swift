import CExpat
import Health

/// Reads a whole document with Expat into a tree of elements.
///
/// A document type declaration is refused, and with it every entity of one's own, inner or external: no document of
/// the cluster has one. Names of namespaces are not resolved.
public enum XMLReader {
    /// Bounds of what is read: a crm_mon of two nodes has 10 KB, 150 elements and 6 levels.
    public struct Limits: Sendable, Hashable {
        public var bytesMax = 4 * 1024 * 1024
        public var depthMax = 64
        public var elementsMax = 100_000

        public init() {}
    }

    /// - Returns: the root element.
    public static func read(_ bytes: [UInt8], limits: Limits = Limits()) throws(FormatError) -> MarkupElement {
        guard !bytes.isEmpty else { throw FormatError(.xml, .empty) }
        guard bytes.count <= limits.bytesMax else { throw FormatError(.xml, .tooMuch("bytes", max: limits.bytesMax)) }
        guard let parser = XML_ParserCreate(nil) else { preconditionFailure("out of memory for a parser") }
        defer { XML_ParserFree(parser) }
        let tree = Tree(parser, limits)
        XML_SetUserData(parser, Unmanaged.passUnretained(tree).toOpaque())
        XML_SetElementHandler(parser, elementBegan, elementEnded)
        XML_SetCharacterDataHandler(parser, textFound)
        XML_SetStartDoctypeDeclHandler(parser, doctypeFound)
        let status = withExtendedLifetime(tree) {
            bytes.withUnsafeBytes { buffer in
                XML_Parse(parser, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count), 1)
            }
        }
        if let fault = tree.fault { throw fault }
        guard status == XML_STATUS_OK else {
            let reason = XML_ErrorString(XML_GetErrorCode(parser)).map { String(cString: $0) } ?? "unknown error"
            throw FormatError(.xml, line: Int(XML_GetCurrentLineNumber(parser)), .malformed(reason))
        }
        guard let root = tree.root else { throw FormatError(.xml, .empty) }
        return root
    }
}

/// What the parser's callbacks build.
private final class Tree {
    private let parser: XML_Parser
    private let limits: XMLReader.Limits
    /// From the root inwards.
    private var open: [MarkupElement] = []
    private var count = 0
    private(set) var root: MarkupElement?
    private(set) var fault: FormatError?

    init(_ parser: XML_Parser, _ limits: XMLReader.Limits) {
        self.parser = parser
        self.limits = limits
    }

    private var line: Int { Int(XML_GetCurrentLineNumber(parser)) }

    func refuse(_ fault: FormatError.Fault) {
        guard self.fault == nil else { return }
        self.fault = FormatError(.xml, line: line, fault)
        XML_StopParser(parser, 0)
    }

    func begin(_ name: String, _ attributes: [String: String]) {
        guard fault == nil else { return }
        guard open.count < limits.depthMax else { return refuse(.tooMuch("levels", max: limits.depthMax)) }
        guard count < limits.elementsMax else { return refuse(.tooMuch("elements", max: limits.elementsMax)) }
        count += 1
        open.append(MarkupElement(name: name, attributes: attributes, line: line))
    }

    func text(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard fault == nil, !open.isEmpty else { return }
        // The blanks of the indentation carry nothing.
        guard bytes.contains(where: { $0 > UInt8(ascii: " ") }) else { return }
        open[open.count - 1].text += String(decoding: bytes, as: UTF8.self)
    }

    func end() {
        guard fault == nil, let element = open.popLast() else { return }
        if open.isEmpty {
            root = element
        } else {
            open[open.count - 1].children.append(element)
        }
    }
}

private func tree(_ context: UnsafeMutableRawPointer?) -> Tree? {
    context.map { Unmanaged<Tree>.fromOpaque($0).takeUnretainedValue() }
}

private func elementBegan(
    _ context: UnsafeMutableRawPointer?, _ name: UnsafePointer<CChar>?,
    _ pairs: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) {
    guard let name else { return }
    var attributes: [String: String] = [:]
    // Expat's list of names and values, in pairs, with a nil behind the last.
    if var pair = pairs {
        while let key = pair[0], let value = pair[1] {
            attributes[String(cString: key)] = String(cString: value)
            pair += 2
        }
    }
    tree(context)?.begin(String(cString: name), attributes)
}

private func elementEnded(_ context: UnsafeMutableRawPointer?, _ name: UnsafePointer<CChar>?) {
    tree(context)?.end()
}

private func textFound(_ context: UnsafeMutableRawPointer?, _ text: UnsafePointer<CChar>?, _ count: Int32) {
    guard let text, count > 0 else { return }
    // Not ended by a zero: what Expat says of its length is all there is.
    text.withMemoryRebound(to: UInt8.self, capacity: Int(count)) { bytes in
        tree(context)?.text(UnsafeBufferPointer(start: bytes, count: Int(count)))
    }
}

private func doctypeFound(
    _ context: UnsafeMutableRawPointer?, _ name: UnsafePointer<CChar>?, _ system: UnsafePointer<CChar>?,
    _ publicID: UnsafePointer<CChar>?, _ hasInternalSubset: Int32
) {
    tree(context)?.refuse(.unsupported("a document type declaration"))
}
