/// What is needed of /proc/PID/stat.
public struct ProcessStatus: Sendable, Hashable {
    /// Hundredths of a second from the host's boot to the process's start: with the pid, who it is.
    public var startTicks: Int64
    /// It has ended, and nobody has taken notice of that yet.
    public var isZombie: Bool

    /// Nil for what is none. A program's name may hold blanks and brackets: what counts follows the last one.
    public init?(_ text: String) {
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let ticks = Int64(fields[19]), ticks >= 0 else { return nil }
        startTicks = ticks
        isZombie = fields[0] == "Z" || fields[0] == "X"
    }
}
