import Cluster
import Health

/// The host beneath it all.
enum Housekeeping {
    static func units(_ facts: Facts) -> [Finding] {
        guard let units = facts.host.units.value else { return [] }
        return units.sorted { $0.key < $1.key }.map { unit, link in
            let isDRBD = unit.hasPrefix("drbd")
            return Finding(
                .strayUnit, isDRBD ? .warning : .critical, unit, saving: isDRBD ? .service : .data,
                saves: isDRBD
                    ? "a boot that gets in Pacemaker's way: DRBD is configured, or waits for its peer, before the cluster asks"
                    : "acknowledged writes: at boot it starts a mariadbd beside the cluster's, on whatever is in its data "
                        + "directory, and a stray server that takes writes may be taken for the primary",
                evidence: "\(link): \(unit) starts at boot, and is Pacemaker's to start",
                remedy: ["systemctl disable \(unit)"])
        }
    }

    /// The proxy listens where the database's server will, on one host. A configuration that names an address which is
    /// neither this host's nor the cluster's is another host's.
    static func ports(_ facts: Facts) -> [Finding] {
        guard let proxy = facts.proxy.value, let addresses = facts.host.addresses.value else { return [] }
        let coming = facts.configuration.value?.resources.filter { $0.type == "IPaddr2" }.compactMap {
            $0.parameters["ip"]
        }
        let ours = addresses.union(coming ?? [])
        // What one server binds the other one will.
        let server = facts.servers.value?.first
        let bound = server?.boundAddresses
        return proxy.nodes.filter { addresses.contains($0.endpoint.host) }.flatMap { node -> [Finding] in
            proxy.listen.filter { listen in
                guard listen.port == node.endpoint.port else { return false }
                let isAll = ServerSettings.wildcards.contains(listen.host)
                return isAll || listen.host == node.endpoint.host || (bound ?? Array(ours)).contains(listen.host)
            }.map { listen in
                Finding(
                    .portClash, .critical, node.name, saving: .service,
                    saves:
                        "the database: whoever comes first has the port, and where it is the proxy mariadbd does not start "
                        + "(\"Bind on TCP/IP port: Address already in use\")",
                    evidence: "\(proxy.file): listen \(listen), and node \(node.name) on this host has \(node.endpoint)"
                        + (bound == nil
                            ? " (bind_address: \(server?.variables["bind_address"] ?? "not known, by default all"))"
                            : ""),
                    remedy: [
                        "\(proxy.file), [proxy]: listen = [\"\(listen.host):\(listen.port == 3306 ? 3307 : listen.port - 1)\"]"
                            + "    # another port than the server's",
                        "or the proxy on an address of its own, and my.cnf: bind_address = \(node.endpoint.host)",
                    ])
            }
        }
    }

    static func clock(_ facts: Facts) -> [Finding] {
        guard let clock = facts.host.clock.value, !clock.isSynchronized else { return [] }
        return [
            Finding(
                .clock, .warning, "this host", saving: .knowledge,
                saves:
                    "the order of events: logs of nodes and proxies can't be laid side by side, and outages get wrong hours",
                evidence: "adjtimex: the clock is not synchronised",
                remedy: ["apt install chrony && systemctl enable --now chrony", "chronyc tracking"])
        ]
    }

    static func disks(_ facts: Facts) -> [Finding] {
        guard let disks = facts.host.disks.value else { return [] }
        return disks.compactMap { disk in
            guard disk.size > 0 else { return nil }
            let percent = Double(disk.free) * 100 / Double(disk.size)
            let isData = disk.use == .data
            guard percent < 10, disk.free < 20 << 30 else { return nil }
            let isFull = percent < 2 || disk.free < 256 << 20
            return Finding(
                .diskSpace, isFull && isData ? .critical : .warning, disk.path, saving: isData ? .service : .knowledge,
                saves: isData
                    ? "the service: with a full disk every write waits until somebody makes room; a failover does not help, "
                        + "the other node has the same data"
                    : "the record of seconds and outages: what can't be written is lost",
                evidence: "\(disk.use.rawValue), \(disk.path): \(disk.free >> 20) MiB free of \(disk.size >> 20) "
                    + "(\(Int(percent)) %)",
                remedy: isData
                    ? [
                        "PURGE BINARY LOGS BEFORE NOW() - INTERVAL 3 DAY;    # if there are, and nobody needs them",
                        "du -xh --max-depth=2 \(disk.path) | sort -h | tail",
                    ]
                    : ["shorter retention_seconds, retention_minutes in [availability]"])
        }
    }
}
