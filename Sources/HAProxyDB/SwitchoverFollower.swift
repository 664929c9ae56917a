import Admin
import ArgumentParser
import Glibc
import Reactor

/// `ctl switchover NODE`: begins it, and prints what it says as it says it.
struct SwitchoverFollower {
    let path: String
    private static let look: Int32 = 50

    func run(to node: String, isDry: Bool) throws {
        let begun = try ask("switchover \(node) \(isDry ? "dry-run " : "")background")
        if let error = begun.errors.first {
            complain(error)
            throw ExitCode.failure
        }
        var printed = 0
        while true {
            let answer = try ask("show switchover")
            var lines = answer.text.split(separator: "\n")
            let end = lines.popLast()
            for line in lines.dropFirst(printed) { print(line) }
            fflush(nil)
            printed = max(printed, lines.count)
            switch end {
            case "done": return
            case "under way": poll(nil, 0, Self.look)
            case _: throw ExitCode.failure
            }
        }
    }

    private func ask(_ command: String) throws -> CtlAnswer {
        do throws(SystemError) {
            return CtlAnswer(try AdminClient.ask("set severity-output number;" + command, at: path))
        } catch {
            complain("can't reach a proxy at \(path): \(error.reason)")
            throw ExitCode.failure
        }
    }
}
