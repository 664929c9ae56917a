/// What Pacemaker tells an alert agent, or `crm_mon --external-agent` its program: one thing that happened.
/// Alerts come to the node that executed the operation; the loss of a node is told by the survivors.
public struct AlertEvent: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Hashable, Codable { case node, resource, fencing, attribute }

    public var kind: Kind
    public var node: String
    public var resource: String?
    /// `start`, `stop`, `promote`, `demote`, `monitor`, ….
    public var task: String?
    public var resultCode: Int?
    public var targetCode: Int?
    /// Of the operation: -1 pending, 0 done, …. The alert's lines do not tell it.
    public var status: Int?
    /// `ok`, `lost`, `member`, `Cancelled`, …
    public var text: String
    /// Microseconds since 1970; nil where it was not told or not in a form that is known.
    public var microseconds: Int64?

    public init(
        kind: Kind, node: String, resource: String? = nil, task: String? = nil, resultCode: Int? = nil,
        targetCode: Int? = nil, status: Int? = nil, text: String = "", microseconds: Int64? = nil
    ) {
        self.kind = kind
        self.node = node
        self.resource = resource
        self.task = task
        self.resultCode = resultCode
        self.targetCode = targetCode
        self.status = status
        self.text = text
        self.microseconds = microseconds
    }

    /// What it means for a database on DRBD.
    public enum Meaning: Sendable, Hashable {
        case promoted, demoted, started, stopped
        /// Has begun, and may fail.
        case pending(task: String)
        case failed(task: String)
        case nodeLost, nodeJoined
        case fenced, fencingFailed
        /// A monitor that found what it should, a cancelled operation, an attribute: no news.
        case nothing
    }

    public var meaning: Meaning {
        switch kind {
        case .node: text == "lost" ? .nodeLost : text == "member" ? .nodeJoined : .nothing
        case .fencing: resultCode == 0 ? .fenced : .fencingFailed
        case .attribute: .nothing
        case .resource: resourceMeaning
        }
    }

    private var resourceMeaning: Meaning {
        guard let task, let resultCode, text != "Cancelled" else { return .nothing }
        if status == -1 { return .pending(task: task) }
        switch task {
        case "promote": return resultCode == 0 ? .promoted : .failed(task: task)
        case "demote": return resultCode == 0 ? .demoted : .failed(task: task)
        case "start": return resultCode == 0 ? .started : .failed(task: task)
        case "stop": return resultCode == 0 ? .stopped : .failed(task: task)
        // 0 runs, 8 runs promoted, 7 does not run: a probe's 7 is what it should find.
        case "monitor":
            if resultCode == 0 || resultCode == 8 || resultCode == targetCode { return .nothing }
            return .failed(task: task)
        default: return resultCode == 0 ? .nothing : .failed(task: task)
        }
    }

    static let lineBytesMax = 8192

    /// Reads the environment of an alert agent (`CRM_alert_…`) or of an external agent (`CRM_notify_…`).
    public init(environment: [String: String]) throws(FormatError) {
        func value(_ key: String) -> String? {
            let found = environment["CRM_alert_\(key)"] ?? environment["CRM_notify_\(key)"]
            return found?.isEmpty == true ? nil : found
        }
        let prefix = environment.contains { $0.key.hasPrefix("CRM_alert_") || $0.key.hasPrefix("CRM_notify_") }
        guard prefix else { throw FormatError(.alert, .empty) }
        var time: Int64?
        if let seconds = value("timestamp_epoch").flatMap({ Int64($0) }) {
            let fraction = value("timestamp_usec").flatMap { Int64($0) } ?? 0
            time = AlertEvent.microseconds(seconds, fraction)
        }
        // External agents are told of resources without a kind.
        try self.init(
            kind: value("kind") ?? (value("rsc") == nil ? "" : "resource"), node: value("node"), value: value,
            microseconds: time)
    }

    /// Reads a line `kind=… node=… rsc=… task=… rc=… desc=… ts=…`: what the project's alert agent hands on. A first
    /// word without `=` is the writer's own time and does not count.
    public init(line: String) throws(FormatError) {
        guard line.utf8.count <= AlertEvent.lineBytesMax else {
            throw FormatError(.alert, .tooMuch("bytes in a line", max: AlertEvent.lineBytesMax))
        }
        var fields: [(key: Substring, value: Substring)] = []
        for (index, word) in words(of: line[...]).enumerated() {
            guard let field = word.cut(at: UInt8(ascii: "=")) else {
                if index == 0 { continue }
                throw FormatError(.alert, .malformed(excerpt(word)))
            }
            fields.append((field.before, field.after))
        }
        guard !fields.isEmpty else { throw FormatError(.alert, .empty) }
        func value(_ key: String) -> String? {
            guard let found = fields.first(where: { $0.key == key })?.value, !found.isEmpty else { return nil }
            return String(found)
        }
        var time: Int64?
        if let stamp = value("ts"), let (seconds, fraction) = stamp[...].cut(at: UInt8(ascii: ".")),
            fraction.utf8.count == 6, let seconds = Int64(seconds), let fraction = Int64(fraction)
        {
            time = AlertEvent.microseconds(seconds, fraction)
        }
        try self.init(kind: value("kind") ?? "", node: value("node"), value: value, microseconds: time)
    }

    private init(
        kind: String, node: String?, value: (String) -> String?, microseconds: Int64?
    ) throws(FormatError) {
        guard let known = Kind(rawValue: kind) else {
            throw FormatError(.alert, .unknownWord(key: "kind", word: excerpt(kind)))
        }
        guard let node else { throw FormatError(.alert, .missing("the node")) }
        func number(_ key: String) throws(FormatError) -> Int? {
            guard let text = value(key) else { return nil }
            guard let number = Int(text) else { throw FormatError(.alert, .malformed("\(key) \(excerpt(text))")) }
            return number
        }
        self.init(
            kind: known, node: node, resource: value("rsc"), task: value("task"), resultCode: try number("rc"),
            targetCode: try number("target_rc"), status: try number("status"), text: value("desc") ?? "",
            microseconds: microseconds)
        if known == .resource, resource == nil || task == nil || resultCode == nil {
            throw FormatError(.alert, .missing("the resource, the task or the result"))
        }
    }

    private static func microseconds(_ seconds: Int64, _ fraction: Int64) -> Int64? {
        let (product, isTooMuch) = seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !isTooMuch else { return nil }
        let (sum, overflows) = product.addingReportingOverflow(fraction)
        return overflows ? nil : sum
    }
}
