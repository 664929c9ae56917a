import Foundation
import Reactor

/// What must not outlive this process: children and temporary directories. Cleared when the process exits (a
/// child is also killed by the kernel when this process dies of a signal; then only the directories stay).
enum Leftovers {
    private struct State {
        var children: Set<pid_t> = []
        var directories: Set<String> = []
        var isRegistered = false
    }

    private static let state = Guarded(State())

    static func add(directory: String) { change { $0.directories.insert(directory) } }
    static func remove(directory: String) { change { $0.directories.remove(directory) } }
    static func add(child: pid_t) { change { $0.children.insert(child) } }
    /// To be called before the child is reaped: afterwards its pid may belong to somebody else.
    static func remove(child: pid_t) { change { $0.children.remove(child) } }

    private static func change(_ body: (inout State) -> Void) {
        state.withLock { state in
            if !state.isRegistered {
                state.isRegistered = true
                atexit { Leftovers.clear() }
            }
            body(&state)
        }
    }

    private static func clear() {
        let left = state.withLock { $0 }
        for pid in left.children { kill(pid, SIGKILL) }
        for directory in left.directories { try? FileManager.default.removeItem(atPath: directory) }
    }
}
