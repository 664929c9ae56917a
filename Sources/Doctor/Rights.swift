/// What the service account may see, and which accounts can't follow a failover.
enum Rights {
    static func grants(_ facts: Facts) -> [Finding] {
        guard let proxy = facts.proxy.value else { return [] }
        return facts.servers.value?.flatMap { server -> [Finding] in
            guard let readable = server.readable.value, let rights = server.privileges.value else { return [] }
            var findings: [Finding] = []
            func miss(_ right: String, _ severity: Finding.Severity, _ saving: Finding.Saving, _ saves: String) {
                findings.append(
                    Finding(
                        .grants, severity, server.node, saving: saving, saves: saves,
                        evidence: "\(server.node): the account \(proxy.user) lacks \(right)",
                        remedy: ["GRANT \(right) TO '\(proxy.user)'@'%';    # as conf/grants.sql has it"]))
            }
            let seesAll = rights.contains("SELECT")
            if !readable.contains("global_priv"), !readable.contains("user") {
                miss(
                    "SELECT ON mysql.global_priv", .critical, .service,
                    "all logins but those of [users]: the proxy checks them against the accounts' hashes")
            }
            if !readable.contains("proc"), !seesAll {
                miss(
                    "SELECT ON mysql.proc", .warning, .errors,
                    "what stored programs leave in sessions (locks, variables, settings): a move loses it unseen")
            }
            if !rights.contains("REFERENCES"), !seesAll {
                miss(
                    "REFERENCES ON *.*", .warning, .errors,
                    "clients' certainty: without knowing the tables' engines each transaction that a lost primary ends is of "
                        + "unknown outcome (08007, not 1213)")
            }
            // init_connect is run for it as for anybody; where it fails, a new primary can't be asked.
            let initial = server.variables["init_connect"] ?? ""
            if !initial.isEmpty, !rights.contains("CONNECTION ADMIN"), !rights.contains("SUPER") {
                miss(
                    "CONNECTION ADMIN ON *.*", .notice, .service,
                    "the checks, should init_connect ever do what the account may not: then the server ends its sessions"
                )
            }
            return findings
        } ?? []
    }

    static func fixedAccounts(_ facts: Facts) -> [Finding] {
        facts.servers.value?.compactMap { server in
            guard let accounts = server.fixedAccounts.value, !accounts.isEmpty else { return nil }
            return Finding(
                .fixedAccounts, .notice, server.node, saving: .errors,
                saves:
                    "these accounts' sessions in a failover: nobody but the client can log in again, so they are ended",
                evidence: "\(server.node): " + few(accounts) { "'\($0.user)'@'\($0.host)' (\($0.plugin))" },
                remedy: accounts.prefix(fewMax).map {
                    "ALTER USER '\($0.user)'@'\($0.host)' IDENTIFIED VIA mysql_native_password USING PASSWORD('…');    # or: "
                        + "the application connects again by itself"
                })
        } ?? []
    }
}
