import Cluster

/// What corosync runs with, or is configured with: enough to say when a node's loss is declared.
public struct CorosyncSettings: Sendable, Hashable {
    /// Without a message from a node for this long its token is lost.
    public var token: Instant.Span?
    /// Then the others agree on it for this long; nil where it follows from the token.
    public var consensus: Instant.Span?
    /// Two nodes, of which one alone may go on.
    public var isTwoNode: Bool?
    /// Whether a node that starts alone waits for the other; nil where it follows from `isTwoNode`.
    public var waitsForAll: Bool?
    /// Links between the nodes; nil where nothing lists them.
    public var links: Int?

    public init(
        token: Instant.Span? = nil, consensus: Instant.Span? = nil, isTwoNode: Bool? = nil, waitsForAll: Bool? = nil,
        links: Int? = nil
    ) {
        self.token = token
        self.consensus = consensus
        self.isTwoNode = isTwoNode
        self.waitsForAll = waitsForAll
        self.links = links
    }

    /// From a node's last message to the declaration of its loss.
    public var declaredAfter: Instant.Span? {
        token.map { $0 + (consensus ?? Instant.Span(nanoseconds: ($0 * 6).nanoseconds / 5)) }
    }

    static let bytesMax = 1 << 20

    /// Reads what `corosync-cmapctl` prints: `totem.token (u32) = 3000`. What runs comes before what was configured.
    public init(map text: String) throws(FormatError) {
        guard text.utf8.count <= Self.bytesMax else {
            throw FormatError(.corosyncMap, .tooMuch("bytes", max: Self.bytesMax))
        }
        var values: [Substring: Substring] = [:]
        for line in lines(of: text) {
            guard let (left, right) = line.cut(at: UInt8(ascii: "=")), let key = words(of: left).first else { continue }
            values[key] = words(of: right).first ?? ""
        }
        guard !values.isEmpty else { throw FormatError(.corosyncMap, .empty) }
        func number(_ keys: Substring...) -> Int64? { keys.lazy.compactMap { values[$0] }.first.flatMap { Int64($0) } }
        let rings = values.keys.filter { $0.hasPrefix("nodelist.node.0.ring") && $0.hasSuffix("_addr") }
        self.init(
            token: number("runtime.config.totem.token", "totem.token").map(Instant.Span.milliseconds),
            consensus: number("runtime.config.totem.consensus", "totem.consensus").map(Instant.Span.milliseconds),
            isTwoNode: number("runtime.votequorum.two_node", "quorum.two_node").map { $0 == 1 },
            waitsForAll: number("quorum.wait_for_all").map { $0 == 1 }, links: rings.isEmpty ? nil : rings.count)
    }

    /// Reads `corosync.conf`: sections in braces, one key on a line.
    public init(file text: String) throws(FormatError) {
        guard text.utf8.count <= Self.bytesMax else {
            throw FormatError(.corosyncFile, .tooMuch("bytes", max: Self.bytesMax))
        }
        self.init()
        var open: [Substring] = []
        var rings: Set<Substring> = []
        for (index, line) in lines(of: text).enumerated() {
            let words = words(of: line)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            if words.last == "{" {
                guard open.count < 16 else {
                    throw FormatError(.corosyncFile, line: index + 1, .tooMuch("levels", max: 16))
                }
                open.append(first)
            } else if first == "}" {
                guard open.popLast() != nil else {
                    throw FormatError(.corosyncFile, line: index + 1, .malformed("a brace too much"))
                }
            } else if let (key, rest) = line.cut(at: UInt8(ascii: ":")), let name = Health.words(of: key).first {
                let value = Health.words(of: rest).first ?? ""
                switch (open.last, name) {
                case ("totem", "token"): token = Int64(value).map(Instant.Span.milliseconds)
                case ("totem", "consensus"): consensus = Int64(value).map(Instant.Span.milliseconds)
                case ("quorum", "two_node"): isTwoNode = value == "1"
                case ("quorum", "wait_for_all"): waitsForAll = value == "1"
                case ("node", _) where name.hasPrefix("ring") && name.hasSuffix("_addr"): rings.insert(name)
                case _: break
                }
            }
        }
        guard open.isEmpty else { throw FormatError(.corosyncFile, .malformed("a brace is not closed")) }
        if !rings.isEmpty { links = rings.count }
    }
}
