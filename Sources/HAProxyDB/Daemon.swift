import ArgumentParser
import Reactor

/// What `run` and `agent` do before anything else.
enum Daemon {
    /// The log's writer, and memory that nobody else looks into.
    static func begin() throws {
        do throws(SystemError) {
            try LogLines.open()
            try PrivateMemory.close()
        } catch {
            complain("can't start: \(error)")
            throw ExitCode.systemRefuses
        }
    }
}
