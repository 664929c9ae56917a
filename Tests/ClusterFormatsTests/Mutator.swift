import Cluster
import ClusterFormats
import Health

/// Damages text so that much of it stays readable: bytes, words, lines and whole stretches.
struct Mutator {
    var random: SplitMix64
    let samples: [[UInt8]]

    private static let words: [[UInt8]] = [
        "", " ", ":", "::", "=", "-", "/", "%", "\"", "<", ">", "</", "/>", "&#0;", "&lt;", "<!DOCTYPE x>", "<![CDATA[",
        "[", "]", "{", "}", "null", "true", "1e999", "-0", "0", "-1", "100.01", "nan", "inf", "9223372036854775807",
        "-9223372036854775808", "18446744073709551616", "0x", "\r\n", "\n", "\t", "\u{301}", "🧵", "role:",
        "role:Primary",
        "volume:1", "volume:-1", "peer-node-id:7", "exists -", "exists resource name:x role:Primary", "destroy",
        "change connection name:mysql peer-node-id:0", "cs:", "ro:", "Primary/Unknown", "StandAlone",
        "unclean=\"true\"",
        "online=\"false\"", "role=\"Promoted\"", "id=\"p_drbd_mysql:1\"", "(local)", "kind=", "fail-count=\"INFINITY\"",
    ].map { Array($0.utf8) }

    init(seed: UInt64, samples: [[UInt8]]) {
        random = SplitMix64(seed)
        self.samples = samples
    }

    mutating func below(_ bound: Int) -> Int { bound < 1 ? 0 : Int.random(in: 0..<bound, using: &random) }

    mutating func damaged(_ sample: [UInt8]) -> [UInt8] {
        var bytes = sample
        for _ in 0...below(4) {
            let at = below(bytes.count + 1)
            let end = min(bytes.count, at + 1 + below(below(4) == 0 ? 400 : 12))
            switch below(9) {
            case 0: bytes.removeSubrange(at..<end)
            case 1: bytes.removeLast(bytes.count - at)
            case 2: if at < bytes.count { bytes[at] = UInt8(truncatingIfNeeded: random.next()) }
            case 3: bytes.insert(contentsOf: Mutator.words[below(Mutator.words.count)], at: at)
            case 4: bytes.replaceSubrange(at..<end, with: Mutator.words[below(Mutator.words.count)])
            case 5: bytes.insert(contentsOf: bytes[at..<end], at: below(bytes.count + 1))
            case 6:
                let other = samples[below(samples.count)]
                let from = below(other.count)
                bytes.insert(contentsOf: other[from..<min(other.count, from + below(200))], at: at)
            case 7:
                var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
                lines.swapAt(below(lines.count), below(lines.count))
                bytes = Array(lines.joined(separator: [UInt8(ascii: "\n")]))
            case _: if at < bytes.count { bytes[at] ^= 1 << UInt8(below(8)) }
            }
        }
        return bytes
    }
}
