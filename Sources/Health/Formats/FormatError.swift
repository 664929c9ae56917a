/// What a tool of the cluster printed can't be understood: in which format, where, and why. A diagnosis for people and
/// a reason not to decide anything; never a guess at what may have been meant.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Format: String, Sendable, Hashable {
        case drbdEvents = "drbdsetup events2"
        case drbdStatus = "drbdsetup status"
        case drbdStatusJSON = "drbdsetup status --json"
        case procDRBD = "/proc/drbd"
        case drbdGenerations = "drbdsetup show-gi"
        case crmMon = "crm_mon"
        case clusterInformationBase = "cibadmin"
        case alert = "Pacemaker alert"
        case simulation = "crm_simulate"
        case quorum = "corosync-quorumtool"
        case corosyncMap = "corosync-cmapctl"
        case corosyncFile = "corosync.conf"
        case drbdConfiguration = "drbdadm dump-xml"
        case xml = "XML"
    }

    public enum Fault: Hashable, Sendable {
        case empty
        /// More than this many bytes, lines, elements or levels: which of them is said.
        case tooMuch(String, max: Int)
        /// What stands there instead of what the format has.
        case malformed(String)
        /// A word that the format's list does not have.
        case unknownWord(key: String, word: String)
        case missing(String)
        /// A change of something that was never introduced.
        case unknownObject(String)
        /// The tool itself says that it failed.
        case refused(code: Int, message: String)
        /// Another program's or another version's output.
        case unsupported(String)
    }

    public var format: Format
    /// Counted from 1; 0 for the text as a whole.
    public var line: Int
    public var fault: Fault

    public init(_ format: Format, line: Int = 0, _ fault: Fault) {
        self.format = format
        self.line = line
        self.fault = fault
    }

    public var description: String {
        let place = line > 0 ? "\(format.rawValue), line \(line)" : format.rawValue
        switch fault {
        case .empty: return "\(place): nothing was printed"
        case .tooMuch(let what, let max): return "\(place): more than \(max) \(what)"
        case .malformed(let what): return "\(place): not understood: \(what)"
        case .unknownWord(let key, let word): return "\(place): unknown \(key) “\(word)”"
        case .missing(let what): return "\(place): \(what) is missing"
        case .unknownObject(let what): return "\(place): \(what) was never introduced"
        case .refused(let code, let message): return "\(place): failed with \(code): \(message)"
        case .unsupported(let what): return "\(place): unsupported: \(what)"
        }
    }
}

/// A short, printable piece of foreign text for an error message: 80 characters, control characters replaced.
package func excerpt(_ text: some StringProtocol) -> String {
    var kept = ""
    for scalar in text.unicodeScalars.prefix(80) {
        kept.unicodeScalars.append(scalar.properties.generalCategory == .control ? "?" : scalar)
    }
    return kept
}

/// Lines without their ends; a carriage return before the end goes too. (Splitting by Character would miss `\r\n`.)
func lines(of text: String) -> [Substring] {
    text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
        Substring(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
    }
}

/// The words between blanks and tabs.
func words(of line: Substring) -> [Substring] {
    line.utf8.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.map { Substring($0) }
}

extension Substring {
    /// Before and after the first occurrence of an ASCII byte; nil where there is none.
    func cut(at separator: UInt8) -> (before: Substring, after: Substring)? {
        guard let at = utf8.firstIndex(of: separator) else { return nil }
        return (Substring(utf8[..<at]), Substring(utf8[utf8.index(after: at)...]))
    }
}
