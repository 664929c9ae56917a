import Cluster
import Glibc

/// `show info`, in HAProxy's keys.
struct InfoTable {
    /// One per key, in the order of ``InfoKeys``.
    private let values: [StatValue]

    /// - Parameter residentBytes: what the process has in memory; stands for HAProxy's pools.
    init(_ facts: StatFacts, residentBytes: UInt64, startedAtWall: Int64) {
        let (process, activity, book) = (facts.process, facts.activity, facts.book)
        let uptime = (facts.now - process.startedAt).nanoseconds / 1_000_000_000
        let megabytes = residentBytes / 1_048_576
        // No value has a colon: tools split there.
        let known: [String: StatValue] = [
            "Name": .text("HAProxy"), "Version": .text(process.compatibleVersion),
            "Release_date": .text(process.releaseDate), "Nbthread": .count(process.workers), "Nbproc": .number(1),
            "Process_num": .number(1), "Pid": .number(Int64(process.pid)),
            "Uptime": .text(Overview.uptimeText(uptime)), "Uptime_sec": .number(uptime),
            "PoolAlloc_MB": .count(megabytes), "PoolUsed_MB": .count(megabytes),
            "Ulimit-n": .count(process.descriptorsMax), "Maxsock": .count(process.descriptorsMax),
            "Maxconn": .count(facts.limits.global ?? process.connectionsAtStart),
            "Hard_maxconn": .count(process.connectionsHardMax),
            "CurrConns": .count(activity.sessions), "CumConns": .count(activity.sessionsTotal),
            "CumReq": .count(activity.statementsBegun), "ConnRate": .count(book.sessionRate.now),
            "MaxConnRate": .count(book.sessionRate.max), "SessRate": .count(book.sessionRate.now),
            "MaxSessRate": .count(book.sessionRate.max), "Tasks": .count(activity.sessions),
            "Run_queue": .count(activity.sessionsHeld), "Idle_pct": .count(facts.idle),
            "node": .text(process.hostname.replacingColons), "Stopping": .number(process.isStopping ? 1 : 0),
            "Jobs": .count(activity.sessions), "Listeners": .number(1),
            "DroppedLogs": .count(process.logLinesLost), "TotalBytesOut": .count(activity.bytesOut),
            "BytesOutRate": .count(book.byteRate.now), "Build info": .text(process.compatibleVersion),
            "PoolAlloc_bytes": .count(residentBytes), "PoolUsed_bytes": .count(residentBytes),
            "Start_time_sec": .number(startedAtWall), "Tainted": .text("0"),
            "ConnRateLimit": .count(facts.limits.connectionRate), "SessRateLimit": .count(facts.limits.sessionRate),
            "SslRateLimit": .count(facts.limits.sslRate), "CompressBpsRateLim": .count(facts.limits.compressionRate),
            "Paused": .number(facts.isPaused ? 1 : 0), "Held": .count(activity.sessionsHeld),
            "InTransaction": .count(activity.sessionsInTransaction),
            "Maxconn_configured": .count(process.connectionsAskedFor),
            "UnknownOutcomes": .count(activity.statementsUnknown),
        ]
        values = InfoKeys.all.map { known[$0.name] ?? .number(0) }
    }

    /// `Name: HAProxy`
    var plain: Answer {
        .text(zip(InfoKeys.all, values).map { "\($0.name): \($1.plain)" }.joined(separator: "\n"))
    }

    /// `0.Name.1:POS:str:HAProxy`
    var typed: Answer {
        .text(
            zip(InfoKeys.all, values).map { "\($0.position).\($0.name).1:\($0.tags):\($0.type):\($1.plain)" }
                .joined(separator: "\n"))
    }

    var json: Answer {
        let fields = zip(InfoKeys.all, values).map { key, value in
            "{\"field\":{\"pos\":\(key.position),\"name\":\"\(key.name)\"},\"processNum\":1,"
                + "\"tags\":\(StatTags.json(key.tags)),"
                + "\"value\":{\"type\":\"\(key.type)\",\"value\":\(value.json)}}"
        }
        return .text("[" + fields.joined(separator: ",") + "]")
    }
}

extension String {
    fileprivate var replacingColons: String { String(map { $0 == ":" ? "-" : $0 }) }
}

/// The numbers about the process that only the system knows.
enum ProcessNumbers {
    /// Zero where the system does not tell.
    static func residentBytes() -> UInt64 {
        guard let text = read("/proc/self/statm") else { return 0 }
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = UInt64(fields[1]) else { return 0 }
        return pages &* UInt64(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Seconds since 1970.
    static func wallSeconds() -> Int64 { wallTime().seconds }

    static func wallTime() -> (seconds: Int64, microseconds: Int64) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return (Int64(time.tv_sec), Int64(time.tv_nsec) / 1000)
    }

    /// `[22/Nov/2026:21:55:48.078]`, local time.
    static func dateText() -> String {
        let (seconds, microseconds) = wallTime()
        var (clock, parts) = (time_t(seconds), tm())
        localtime_r(&clock, &parts)
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let month = months.indices.contains(Int(parts.tm_mon)) ? months[Int(parts.tm_mon)] : "???"
        func padded(_ n: some BinaryInteger, _ width: Int = 2) -> String {
            String(repeating: "0", count: max(0, width - String(n).count)) + String(n)
        }
        return "[\(padded(parts.tm_mday))/\(month)/\(Int(parts.tm_year) + 1900):"
            + "\(padded(parts.tm_hour)):\(padded(parts.tm_min)):\(padded(parts.tm_sec)).\(padded(microseconds / 1000, 3))]"
    }

    struct ThreadFacts: Hashable {
        var id: Int
        var name: String
        /// Nanoseconds on a processor since its start.
        var busy: UInt64
    }

    /// This process's threads, in the order of their ids.
    static func threads() -> [ThreadFacts] {
        guard let directory = opendir("/proc/self/task") else { return [] }
        defer { closedir(directory) }
        var threads: [ThreadFacts] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let id = Int(name) else { continue }
            let busy = read("/proc/self/task/\(id)/schedstat")?.split(separator: " ").first.flatMap { UInt64($0) }
            let comm = read("/proc/self/task/\(id)/comm")?.split(separator: "\n").first.map(String.init)
            threads.append(ThreadFacts(id: id, name: comm ?? "?", busy: busy ?? 0))
        }
        return threads.sorted { $0.id < $1.id }
    }

    /// A small file whole.
    private static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
        }
    }
}
