import Cluster

/// Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).
struct MetricsText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private(set) var text = ""

    enum Kind: String { case counter, gauge, histogram }

    mutating func metric(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func value(_ name: String, _ labels: [(String, String)] = [], _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.0)=\"\(Self.escaped($0.1, quotes: true))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    mutating func value(_ name: String, _ labels: [(String, String)] = [], _ n: some BinaryInteger) {
        value(name, labels, String(n))
    }

    mutating func value(_ name: String, _ labels: [(String, String)] = [], _ flag: Bool) {
        value(name, labels, flag ? "1" : "0")
    }

    /// A metric with one value and without labels.
    mutating func single(_ name: String, _ kind: Kind, _ help: String, _ n: some BinaryInteger) {
        metric(name, kind, help)
        value(name, [], n)
    }

    mutating func single(_ name: String, _ kind: Kind, _ help: String, seconds: Double) {
        metric(name, kind, help)
        value(name, [], "\(seconds)")
    }

    static func escaped(_ text: String, quotes: Bool) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\"" where quotes: out += "\\\""
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
