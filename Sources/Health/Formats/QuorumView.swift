/// What corosync's votequorum says on one node.
public struct QuorumView: Sendable, Hashable, Codable {
    public struct Member: Sendable, Hashable, Codable {
        public var id: UInt32
        public var name: String
        public var isLocal: Bool

        public init(id: UInt32, name: String, isLocal: Bool) {
            self.id = id
            self.name = name
            self.isLocal = isLocal
        }
    }

    public var isQuorate: Bool
    public var expectedVotes: Int
    public var totalVotes: Int
    /// `2Node`, `Quorate`, `WaitForAll`, …. With `2Node` a node that is alone stays quorate: its quorum proves nothing.
    public var flags: [String]
    public var members: [Member]

    public init(isQuorate: Bool, expectedVotes: Int, totalVotes: Int, flags: [String], members: [Member]) {
        self.isQuorate = isQuorate
        self.expectedVotes = expectedVotes
        self.totalVotes = totalVotes
        self.flags = flags
        self.members = members
    }

    static let bytesMax = 64 * 1024

    /// Reads what `corosync-quorumtool` prints.
    public init(text: String) throws(FormatError) {
        guard text.utf8.count <= QuorumView.bytesMax else {
            throw FormatError(.quorum, .tooMuch("bytes", max: QuorumView.bytesMax))
        }
        var isQuorate: Bool?
        var expected: Int?
        var total: Int?
        var flags: [String] = []
        var members: [Member] = []
        var isInMembers = false
        for (index, line) in lines(of: text).enumerated() {
            func error(_ fault: FormatError.Fault) -> FormatError { FormatError(.quorum, line: index + 1, fault) }
            if index == 0, line.hasPrefix("Cannot ") { throw error(.refused(code: 1, message: excerpt(line))) }
            let words = words(of: line)
            if words.isEmpty { continue }
            if isInMembers {
                if words[0] == "Nodeid" { continue }
                if words[0].allSatisfy({ $0 == "-" }) { continue }
                let isHexadecimal = words[0].hasPrefix("0x")
                guard words.count >= 3, Int(words[1]) != nil,
                    let id = isHexadecimal ? UInt32(words[0].dropFirst(2), radix: 16) : UInt32(words[0])
                else { throw error(.malformed(excerpt(line))) }
                // With a quorum device a column of its flags stands before the name.
                let isLocal = words.last == "(local)"
                let name = isLocal ? words[words.count - 2] : words[words.count - 1]
                members.append(Member(id: id, name: String(name), isLocal: isLocal))
                continue
            }
            if line.hasPrefix("Membership information") {
                isInMembers = true
                continue
            }
            guard let (key, rest) = line.cut(at: UInt8(ascii: ":")) else { continue }
            let values = Health.words(of: rest)
            switch key {
            case "Quorate":
                guard values == ["Yes"] || values == ["No"] else {
                    throw error(.unknownWord(key: "Quorate", word: excerpt(rest)))
                }
                isQuorate = values == ["Yes"]
            case "Expected votes", "Total votes":
                guard let first = values.first, let votes = Int(first) else { throw error(.malformed(excerpt(line))) }
                if key == "Total votes" { total = votes } else { expected = votes }
            case "Flags": flags = values.map(String.init)
            default: break
            }
        }
        guard let isQuorate else { throw FormatError(.quorum, .missing("Quorate")) }
        guard let expected else { throw FormatError(.quorum, .missing("Expected votes")) }
        guard let total else { throw FormatError(.quorum, .missing("Total votes")) }
        self.init(
            isQuorate: isQuorate, expectedVotes: expected, totalVotes: total, flags: flags, members: members)
    }
}
