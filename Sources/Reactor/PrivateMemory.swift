import CPlatform
import Glibc

/// Who may look into the process's memory, which holds passwords and keys.
public enum PrivateMemory {
    /// With this variable in its environment a process stays as it is: for debuggers.
    public static let exemption = "HAPROXYDB_DUMPABLE"

    /// From now on only root: no debugger of the same user (PR_SET_DUMPABLE), and no core file of a crash (RLIMIT_CORE).
    public static func close() throws(SystemError) {
        guard getenv(exemption) == nil else { return }
        try blockingCall("prctl") { platform_forbid_dumps() }
    }
}
