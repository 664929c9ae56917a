import CPlatform
import Cluster
import Doctor
import Foundation
import Glibc
import Health

/// Looks at the host that this runs on: files, the kernel's word on its clock, addresses, disks.
struct HostExaminer {
    /// Where the system's files lie; another place in tests.
    var root = ""

    /// Services that Pacemaker is to start, and nothing else.
    private static let units = ["mariadb", "mysql", "mysqld", "drbd"]

    /// Links by which a boot starts one of them, by its unit's name. Links of old scripts count where systemd does not
    /// start the host, and where it has no unit of that name: then it makes one of the link.
    func units() -> Reading<[String: String]> {
        let system = "\(root)/etc/systemd/system"
        var found: [String: String] = [:]
        for directory in entries(system) where directory.hasSuffix(".wants") || directory.hasSuffix(".requires") {
            for unit in entries("\(system)/\(directory)") where Self.isDatabase(unit) && !isMasked("\(system)/\(unit)")
            {
                found[unit] = "\(system)/\(directory)/\(unit)"
            }
        }
        for level in 2...5 {
            for link in entries("\(root)/etc/rc\(level).d") where link.hasPrefix("S") {
                let name = String(link.drop { $0 == "S" || $0.isNumber })
                let unit = "\(name).service"
                guard Self.units.contains(name), !hasUnit(unit), !isMasked("\(system)/\(unit)") else { continue }
                found[unit] = found[unit] ?? "\(root)/etc/rc\(level).d/\(link)"
            }
        }
        return .known(found)
    }

    private static func isDatabase(_ unit: String) -> Bool {
        guard unit.hasSuffix(".service") else { return false }
        // An instance (mariadb@2.service) counts as its template.
        return units.contains(String(unit.dropLast(".service".count).prefix { $0 != "@" }))
    }

    private func entries(_ directory: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
    }

    private func isMasked(_ unit: String) -> Bool {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: unit)) == "/dev/null"
    }

    /// Whether systemd starts this host, and has a unit of that name: then the old script is not run.
    private func hasUnit(_ unit: String) -> Bool {
        isThere("/run/systemd/system")
            && ["/etc/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system"].contains {
                isThere("\($0)/\(unit)")
            }
    }

    /// Also a link that leads nowhere.
    private func isThere(_ path: String) -> Bool {
        var status = stat()
        return lstat(root + path, &status) == 0
    }

    func clock() -> Reading<HostFacts.Clock> {
        let error = platform_clock_error()
        if error < -1 { return .unread("adjtimex: \(String(cString: strerror(Int32(clamping: -error - 1))))") }
        return .known(
            HostFacts.Clock(isSynchronized: error >= 0, errorMax: Instant.Span(nanoseconds: max(0, error) * 1000)))
    }

    /// In numbers, but for loopback's.
    func addresses() -> Reading<Set<String>> {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return .unread("getifaddrs: \(String(cString: strerror(errno)))") }
        defer { freeifaddrs(first) }
        var found: Set<String> = []
        var next = first
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let address = entry.ifa_addr, entry.ifa_flags & UInt32(IFF_LOOPBACK) == 0 else { continue }
            let length: socklen_t
            switch Int32(address.pointee.sa_family) {
            case AF_INET: length = socklen_t(MemoryLayout<sockaddr_in>.size)
            case AF_INET6: length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            case _: continue
            }
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            guard getnameinfo(address, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else {
                continue
            }
            // Without the zone of a link's own address.
            found.insert(String(decoding: text.prefix { $0 != 0 && $0 != 37 }.map(UInt8.init), as: UTF8.self))
        }
        return .known(found)
    }

    /// - Parameters:
    ///   - data: directories that the cluster mounts; one that is not mounted here is the other node's.
    ///   - ledger: the availability log.
    func disks(data: [String], ledger: String?) -> Reading<[HostFacts.Disk]> {
        let mounts = MountTable((try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? "")
        var disks: [HostFacts.Disk] = []
        for path in data where mounts.hasMount(at: path) { disks += disk(.data, path) }
        if let ledger { disks += disk(.ledger, URL(filePath: ledger).deletingLastPathComponent().path) }
        return disks.isEmpty
            ? .elsewhere("neither the data directory nor an availability log is on this host") : .known(disks)
    }

    private func disk(_ use: HostFacts.Disk.Use, _ path: String) -> [HostFacts.Disk] {
        var figures = statvfs()
        guard statvfs(path, &figures) == 0 else { return [] }
        let block = UInt64(figures.f_frsize)
        return [
            HostFacts.Disk(
                use: use, path: path,
                free: block.multipliedReportingOverflow(by: UInt64(figures.f_bavail)).partialValue,
                size: block.multipliedReportingOverflow(by: UInt64(figures.f_blocks)).partialValue)
        ]
    }
}
