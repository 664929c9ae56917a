import CPlatform
import Cluster
import Glibc
import Health
import Reactor

/// Looks which mariadbd on this node is the cluster's: the one that was started with the resource's own paths. Its end is
/// here at once. Lives on its loop's thread, as do its callbacks.
///
/// No rights are needed: a process's words and its start are for everybody to read in /proc.
public final class DatabaseObserver {
    public struct Options: Sendable, Hashable {
        public var procPath = "/proc"
        /// Between two looks while a process is known, or none is to be expected. One costs as much as `ps`.
        public var interval = Instant.Span.seconds(1)
        /// The same while one is awaited.
        public var awaitedInterval = Instant.Span.milliseconds(200)

        public init() {}
    }

    private let loop: EventLoop
    private let options: Options
    private let onChange: (NodeReport.Database?) -> Void
    private var timer: Timer?
    private var known: Known?
    private var isRunning = false
    private let bootID: String?
    /// What was told last.
    public private(set) var database: NodeReport.Database?

    private struct Known {
        var process: NodeReport.Database.Process
        var ticks: Int64
        /// Readable when it has ended; -1 where the kernel gives none.
        var handle: Int32
        var watch: Watch?
    }

    /// Where the cluster's database lies; nothing is told as long as that is not known.
    public var place = DatabasePlace() {
        didSet { if isRunning, place != oldValue { look() } }
    }

    /// The cluster is about to start it here.
    public var isAwaited = false {
        didSet { if isRunning, isAwaited, !oldValue { look() } }
    }

    /// - Parameter onChange: what differs from before.
    public init(
        loop: EventLoop, options: Options = Options(), onChange: @escaping (NodeReport.Database?) -> Void
    ) {
        self.loop = loop
        self.options = options
        self.onChange = onChange
        bootID = SmallFile.bytes("\(options.procPath)/sys/kernel/random/boot_id").map {
            String(decoding: $0.prefix { $0 != UInt8(ascii: "\n") }.prefix(64), as: UTF8.self)
        }
    }

    public func start() {
        guard !isRunning else { return }
        isRunning = true
        look()
    }

    /// No callback comes any more.
    public func stop() {
        isRunning = false
        timer?.cancel()
        forget()
    }

    private func look() {
        timer?.cancel()
        timer = loop.schedule(after: isAwaited && known == nil ? options.awaitedInterval : options.interval) {
            [weak self] in self?.look()
        }
        guard place.pidFile != nil || place.dataDirectory != nil else { return tell(nil) }
        if let known, !isAlive(known) { forget() }
        if known == nil { find() }
        tell(
            NodeReport.Database(
                process: known?.process, pidFile: place.pidFile, dataDirectory: place.dataDirectory,
                isOnDevice: isOnDevice, bootID: bootID))
    }

    private func tell(_ database: NodeReport.Database?) {
        guard database != self.database else { return }
        self.database = database
        onChange(database)
    }

    // MARK: the process

    private func status(of pid: Int32) -> ProcessStatus? {
        SmallFile.bytes("\(options.procPath)/\(pid)/stat").flatMap {
            ProcessStatus(String(decoding: $0, as: UTF8.self))
        }
    }

    private func isAlive(_ known: Known) -> Bool {
        status(of: known.process.pid).map { $0.startTicks == known.ticks && !$0.isZombie } ?? false
    }

    private func forget() {
        guard let known else { return }
        known.watch?.cancel()
        if known.handle >= 0 { close(known.handle) }
        self.known = nil
    }

    /// The first that is started with the place's own paths; the cluster runs no second one.
    private func find() {
        guard let directory = opendir(options.procPath) else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let pid = Int32(name), pid > 0 else { continue }
            guard let words = SmallFile.bytes("\(options.procPath)/\(pid)/cmdline"),
                ServerCommandLine(words).isOf(place), let status = status(of: pid), !status.isZombie
            else { continue }
            return take(pid, status)
        }
    }

    private func take(_ pid: Int32, _ status: ProcessStatus) {
        let handle = platform_pidfd_open(pid)
        let process = NodeReport.Database.Process(pid: pid, startedAt: startedAt(status))
        known = Known(process: process, ticks: status.startTicks, handle: handle)
        guard handle >= 0 else { return }
        known?.watch = loop.watch(handle, read: true, write: false) { [weak self] _ in
            self?.forget()
            self?.look()
        }
    }

    /// By the clock on the wall, milliseconds since 1970; nil where the clock may have been set since.
    private func startedAt(_ status: ProcessStatus) -> Int64? {
        let age = NodeClock.sinceBoot - status.startTicks * 1000 / Int64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        return age >= 0 && age < Self.ageMax ? NodeClock.wall - age : nil
    }

    private static let ageMax: Int64 = 10_000

    // MARK: the mount

    private var isOnDevice: Bool? {
        guard let directory = place.dataDirectory, let device = place.device,
            let table = SmallFile.bytes("\(options.procPath)/self/mountinfo")
        else { return nil }
        var facts = stat()
        guard stat(device, &facts) == 0, facts.st_mode & S_IFMT == S_IFBLK else { return nil }
        let wanted = MountTable.Device(number: UInt64(facts.st_rdev))
        guard let path = realpath(directory, nil) else { return nil }
        defer { free(path) }
        return MountTable(String(decoding: table, as: UTF8.self)).device(of: String(cString: path)).map { $0 == wanted }
    }
}

/// The clocks of the agent's own node, milliseconds.
public enum NodeClock {
    /// Since 1970, by the clock on the wall.
    public static var wall: Int64 { read(CLOCK_REALTIME) }
    /// Since the host's boot, sleep included.
    public static var sinceBoot: Int64 { read(CLOCK_BOOTTIME) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
