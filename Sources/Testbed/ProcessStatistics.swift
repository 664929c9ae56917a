import Foundation

/// What the kernel says of a process (`/proc/PID`).
public struct ProcessStatistics: Sendable {
    /// User and system time of all its threads, in seconds (resolution 10 ms).
    public let cpuSeconds: Double
    /// Resident memory in bytes.
    public let residentBytes: Int
    /// Open descriptors.
    public let descriptors: Int
    public let threads: Int

    /// Nil where there is no such process, or it is not ours to look at.
    public init?(pid: pid_t) {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")
        else { return nil }
        // The command's name is in parentheses and may hold spaces: fields are counted from its end (the third).
        guard let name = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: name)...].split(separator: " ")
        guard fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]),
            let threads = Int(fields[17]), let pages = Int(fields[21])
        else { return nil }
        cpuSeconds = (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        residentBytes = pages * Int(sysconf(Int32(_SC_PAGESIZE)))
        descriptors = open.count
        self.threads = threads
    }
}
