/// Reads /proc/drbd of 8.4: the state of every minor. Resources have no names there; they are called `minor-0`, ….
///
/// DRBD 9 prints its version only: that is `unsupported`, not an empty cluster.
public enum ProcDRBD {
    static let bytesMax = 256 * 1024

    /// - Returns: configured minors in the order of the text; empty where none is configured.
    public static func resources(in text: String) throws(FormatError) -> [DRBDResourceView] {
        guard text.utf8.count <= bytesMax else { throw FormatError(.procDRBD, .tooMuch("bytes", max: bytesMax)) }
        var found: [DRBDResourceView] = []
        var hasVersion = false
        for (index, line) in lines(of: text).enumerated() {
            let number = index + 1
            let words = words(of: line)
            guard let first = words.first else { continue }
            if !hasVersion {
                guard first == "version:", words.count >= 2 else {
                    throw FormatError(.procDRBD, line: number, .malformed(excerpt(line)))
                }
                guard words[1].hasPrefix("8.") else {
                    throw FormatError(.procDRBD, line: number, .unsupported("version \(excerpt(words[1]))"))
                }
                hasVersion = true
                continue
            }
            if let minor = minor(first) {
                if let view = try resource(minor, words.dropFirst(), line: number) {
                    guard !found.contains(where: { $0.name == view.name }) else {
                        throw FormatError(.procDRBD, line: number, .malformed("minor \(minor) twice"))
                    }
                    found.append(view)
                }
                continue
            }
            // [=======>......] sync'ed: 57.2% (14064/24624)K
            guard let at = words.firstIndex(of: "sync'ed:") else { continue }
            let after = words.index(after: at)
            guard after < words.endIndex, words[after].hasSuffix("%"), !found.isEmpty,
                !found[found.count - 1].peers.isEmpty, !found[found.count - 1].peers[0].volumes.isEmpty
            else { throw FormatError(.procDRBD, line: number, .malformed(excerpt(line))) }
            let done = try hundredths(words[after].dropLast(), .procDRBD, line: number)
            found[found.count - 1].peers[0].volumes[0].doneHundredths = done
        }
        guard hasVersion else { throw FormatError(.procDRBD, .empty) }
        return found
    }

    /// Of the module in the kernel, by its first line; nil where that is not one of /proc/drbd.
    public static func majorVersion(in text: String) -> Int? {
        let words = words(of: text.prefix { $0 != "\n" })
        guard words.count >= 2, words[0] == "version:" else { return nil }
        return Int(words[1].prefix { $0 != "." })
    }

    /// `0:` as 0.
    private static func minor(_ word: Substring) -> Int? {
        guard word.hasSuffix(":"), let minor = Int(word.dropLast()), minor >= 0 else { return nil }
        return minor
    }

    /// `cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----`; the protocol's letter is missing while
    /// StandAlone. Nil for a minor that is not configured.
    private static func resource(
        _ minor: Int, _ words: ArraySlice<Substring>, line: Int
    ) throws(FormatError) -> DRBDResourceView? {
        func error(_ fault: FormatError.Fault) -> FormatError { FormatError(.procDRBD, line: line, fault) }
        func value(_ key: String) throws(FormatError) -> Substring {
            for word in words {
                if let (before, after) = word.cut(at: UInt8(ascii: ":")), before == key { return after }
            }
            throw error(.missing(key))
        }
        func pair<Word: RawRepresentable<String>>(_ key: String) throws(FormatError) -> (Word, Word) {
            let text = try value(key)
            guard let (mine, theirs) = text.cut(at: UInt8(ascii: "/")), let mine = Word(rawValue: String(mine)),
                let theirs = Word(rawValue: String(theirs))
            else { throw error(.unknownWord(key: key, word: excerpt(text))) }
            return (mine, theirs)
        }
        let state = try value("cs")
        if state == "Unconfigured" { return nil }
        guard let (connection, replication) = linkStates(state) else {
            throw error(.unknownWord(key: "cs", word: excerpt(state)))
        }
        let roles: (DRBDRole, DRBDRole) = try pair("ro")
        let disks: (DRBDDisk, DRBDDisk) = try pair("ds")
        guard let flags = words.last, flags.utf8.count == 6, let first = flags.utf8.first else {
            throw error(.missing("the I/O flags"))
        }
        guard first == UInt8(ascii: "r") || first == UInt8(ascii: "s") else {
            throw error(.unknownWord(key: "I/O flags", word: excerpt(flags)))
        }
        return DRBDResourceView(
            name: "minor-\(minor)", role: roles.0, suspended: first == UInt8(ascii: "s") ? [.unsaid] : [],
            volumes: [.init(number: 0, minor: minor, disk: disks.0)],
            peers: [
                .init(
                    connection: connection, role: roles.1,
                    volumes: [.init(number: 0, replication: replication, disk: disks.1)])
            ])
    }
}
