/// How long a server that was just started takes to be itself.
enum Warmth {
    static let redoMax: Int64 = 4 << 30

    static func redo(_ facts: Facts) -> [Finding] {
        facts.servers.value?.compactMap { server in
            // Before 10.5 there may be more than one file.
            guard let file = server.number("innodb_log_file_size") else { return nil }
            let (size, overflow) = file.multipliedReportingOverflow(
                by: max(1, server.number("innodb_log_files_in_group") ?? 1))
            guard overflow || size > redoMax else { return nil }
            return Finding(
                .redoSize, .notice, server.node, saving: .time(.seconds(10)),
                saves:
                    "InnoDB's recovery: up to \(gibibytes(size)) of redo log are read and applied before the first login",
                evidence: "\(server.node): innodb_log_file_size = \(gibibytes(size)) in all",
                remedy: [
                    "my.cnf on each node, [mysqld]: innodb_log_file_size = 2G    # if writes allow it: compare "
                        + "Innodb_os_log_written of an hour"
                ])
        } ?? []
    }

    private static func gibibytes(_ bytes: Int64) -> String {
        let tenths = bytes >> 20 < 1 << 40 ? (bytes >> 20) * 10 / 1024 : 0
        return "\(tenths / 10).\(tenths % 10) GiB"
    }

    static func bufferPool(_ facts: Facts) -> [Finding] {
        facts.servers.value?.compactMap { server in
            let off = ["innodb_buffer_pool_dump_at_shutdown", "innodb_buffer_pool_load_at_startup"].filter {
                server.isOn($0) == false
            }
            guard !off.isEmpty else { return nil }
            return Finding(
                .bufferPool, .notice, server.node, saving: .errors,
                saves: "slow minutes after each move: the new primary begins with an empty buffer pool",
                evidence: "\(server.node): " + off.map { "\($0) = OFF" }.joined(separator: ", "),
                remedy: off.map { "my.cnf on each node, [mysqld]: \($0) = ON" })
        } ?? []
    }
}
