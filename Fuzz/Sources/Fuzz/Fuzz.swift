import CFuzzer
import Glibc

/// `Fuzz TARGET [libFuzzer's options and folders]`; `Fuzz` alone lists the targets, one a line.
@main
struct Fuzz {
    static func main() {
        guard CommandLine.argc > 1, let name = CommandLine.unsafeArgv[1].map({ String(cString: $0) }) else {
            for target in Target.allCases { print(target.rawValue) }
            return
        }
        guard let target = Target(rawValue: name) else {
            print("There is no target \(name).")
            exit(64)
        }
        // libFuzzer sees the program's name and what is behind the target's.
        var arguments = CommandLine.unsafeArgv
        arguments[1] = arguments[0]
        arguments += 1
        var count = CommandLine.argc - 1
        withUnsafeMutablePointer(to: &arguments) { pointer in
            pointer.withMemoryRebound(to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self, capacity: 1) {
                exit(LLVMFuzzerRunDriver(&count, $0, target.run))
            }
        }
    }
}

/// What is fuzzed.
enum Target: String, CaseIterable {
    case packets, tracker, sql, journal, toml, admin, http, formats, evidence

    /// Libfuzzer calls a function of C's: one for each, since it takes no context.
    var run: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32 {
        switch self {
        case .packets: { feed($0, $1, Packets.read) }
        case .tracker: { feed($0, $1, Tracker.read) }
        case .sql: { feed($0, $1, SQL.read) }
        case .journal: { feed($0, $1, Journal.read) }
        case .toml: { feed($0, $1, Settings.read) }
        case .admin: { feed($0, $1, AdminLines.read) }
        case .http: { feed($0, $1, HTTPHeads.read) }
        case .formats: { feed($0, $1, Formats.read) }
        case .evidence: { feed($0, $1, EvidenceLines.read) }
        }
    }
}

private func feed(_ bytes: UnsafePointer<UInt8>?, _ count: Int, _ read: (UnsafeRawBufferPointer) -> Void) -> Int32 {
    read(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}
