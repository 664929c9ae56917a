/// Whether what was acknowledged is there after a crash.
enum Durability {
    /// A setting that is to be changed at once and for good.
    static func lines(_ name: String, _ value: String) -> [String] {
        ["SET GLOBAL \(name) = \(value);", "my.cnf on each node, [mysqld]: \(name) = \(value)"]
    }

    static func secondServer(_ facts: Facts) -> [Finding] {
        guard let servers = facts.servers.value else { return [] }
        let strangers = facts.strangers.map { stranger in
            Finding(
                .secondServer, .critical, stranger.node, saving: .data,
                saves:
                    "writes to data that are not the cluster's: a second server is there, which does not know the account",
                evidence:
                    "\(stranger.node): \(stranger.reason); \(servers.map(\.node).joined(separator: ", ")) answers as well",
                remedy: ["on \(stranger.node): systemctl disable --now mariadb, or whatever started it"])
        }
        let writable = servers.filter { $0.isOn("read_only") == false }
        guard writable.count > 1 else { return strangers }
        return strangers
            + writable.map { server in
                let data = server.variables["datadir"].map { ", datadir \($0)" } ?? ""
                return Finding(
                    .secondServer, .critical, server.node, saving: .data,
                    saves: "writes to data that are not the cluster's: more than one server takes them",
                    evidence:
                        "\(server.node): @@read_only is OFF on \(writable.map(\.node).joined(separator: " and "))\(data)",
                    remedy: [
                        "on the node that is not promoted (`crm_mon -1`): systemctl disable --now mariadb, or whatever started it"
                    ])
            }
    }

    static func flushAtCommit(_ facts: Facts) -> [Finding] {
        facts.servers.value?.compactMap { server in
            // 3 writes and flushes at the preparation and at the commit.
            guard let value = server.number("innodb_flush_log_at_trx_commit"), value != 1, value != 3 else {
                return nil
            }
            return Finding(
                .flushAtCommit, .critical, server.node, saving: .data,
                saves: value == 0
                    ? "up to a second of acknowledged commits each time mariadbd dies, and at a power cut"
                    : "up to a second of acknowledged commits at a power cut or when the host's kernel dies",
                evidence: "\(server.node): innodb_flush_log_at_trx_commit = \(value)",
                remedy: lines("innodb_flush_log_at_trx_commit", "1"))
        } ?? []
    }

    static func syncBinlog(_ facts: Facts) -> [Finding] {
        facts.servers.value?.compactMap { server in
            guard server.isOn("log_bin") == true, let value = server.number("sync_binlog"), value != 1 else {
                return nil
            }
            return Finding(
                .syncBinlog, .critical, server.node, saving: .data,
                saves:
                    "acknowledged commits at a power cut: with a binary log, what it lost is rolled back at recovery",
                evidence: "\(server.node): log_bin = ON, sync_binlog = \(value)", remedy: lines("sync_binlog", "1"))
        } ?? []
    }

    static func doublewrite(_ facts: Facts) -> [Finding] {
        facts.servers.value?.compactMap { server in
            guard server.isOn("innodb_doublewrite") == false else { return nil }
            return Finding(
                .doublewrite, .critical, server.node, saving: .data,
                saves: "tables: a page that was half written at a power cut can't be repaired",
                evidence: "\(server.node): innodb_doublewrite = OFF",
                remedy: ["my.cnf on each node, [mysqld]: innodb_doublewrite = ON    # at the next start"])
        } ?? []
    }

    static func plainTables(_ facts: Facts) -> [Finding] {
        facts.servers.value?.compactMap { server in
            guard let tables = server.plainTables.value, !tables.isEmpty else { return nil }
            return Finding(
                .plainTables, .warning, server.node, saving: .errors,
                saves:
                    "rows of transactions that were rolled back, repairs after a crash, and clients' doubt: what a lost "
                    + "primary leaves in such a table is unknown, and every transaction's end with it (08007, not 1213)",
                evidence: "\(server.node): " + few(tables) { "\($0.schema).\($0.name) (\($0.engine))" },
                remedy: tables.prefix(fewMax).map {
                    "ALTER TABLE \(quoted($0.schema)).\(quoted($0.name)) ENGINE = InnoDB;"
                })
        } ?? []
    }

    private static func quoted(_ name: String) -> String {
        "`" + name.split(separator: "`", omittingEmptySubsequences: false).joined(separator: "``") + "`"
    }
}
