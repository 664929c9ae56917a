import Health

/// What DRBD promises, and what happens when it can't.
enum Replication {
    private static func place(_ resource: DRBDConfiguration.Resource) -> String {
        resource.place.flatMap { $0.split(separator: ":").first }.map(String.init) ?? "/etc/drbd.d/\(resource.name).res"
    }

    private static func lines(_ resource: DRBDConfiguration.Resource, _ text: String) -> [String] {
        ["\(place(resource)), on each node: \(text)", "drbdadm adjust \(resource.name)    # on each node"]
    }

    static func acknowledgement(_ facts: Facts) -> [Finding] {
        facts.drbd.value?.resources.compactMap { resource in
            // C is the default.
            guard let letter = resource.net["protocol"]?.uppercased(), letter != "C" else { return nil }
            return Finding(
                .drbdProtocol, .critical, resource.name, saving: .data,
                saves: letter == "A"
                    ? "acknowledged commits when the primary's host dies: they may not have left it"
                    : "acknowledged commits when both hosts lose power: the standby has them in memory only",
                evidence: "drbdadm dump-xml: net { protocol \(letter); }",
                remedy: lines(resource, "net { protocol C; }"))
        } ?? []
    }

    static func fencing(_ facts: Facts) -> [Finding] {
        facts.drbd.value?.resources.compactMap { resource in
            guard (resource.fencing ?? "dont-care") == "dont-care" else { return nil }
            return Finding(
                .drbdFencing, .critical, resource.name, saving: .data,
                saves:
                    "commits that only the lost primary has: a standby that missed them may be promoted all the same",
                evidence:
                    "drbdadm dump-xml: fencing is \(resource.fencing.map { "\($0)" } ?? "not set, which means dont-care")",
                remedy: lines(resource, "net { fencing resource-and-stonith; }    # 8.4: in disk { }"))
        } ?? []
    }

    static func handlers(_ facts: Facts) -> [Finding] {
        facts.drbd.value?.resources.compactMap { resource in
            guard let policy = resource.fencing, policy != "dont-care" else { return nil }
            let isFenced = resource.handlers["fence-peer"] != nil
            let isFreed = resource.handlers["unfence-peer"] != nil || resource.handlers["after-resync-target"] != nil
            guard !isFenced || !isFreed else { return nil }
            let missing =
                (isFenced ? [] : ["fence-peer"]) + (isFreed ? [] : ["unfence-peer (8.4: after-resync-target)"])
            return Finding(
                .drbdHandlers, .critical, resource.name, saving: .service,
                saves: isFenced
                    ? "every failover after the first one: the constraint that bars the standby is never taken back"
                    : "writes: with this policy, and nobody to call, they stop when the peer is lost",
                evidence:
                    "drbdadm dump-xml: fencing \(policy), and handlers { } has no \(missing.joined(separator: ", no "))",
                remedy: lines(
                    resource,
                    "handlers { fence-peer \"/usr/lib/drbd/crm-fence-peer.9.sh\"; "
                        + "unfence-peer \"/usr/lib/drbd/crm-unfence-peer.9.sh\"; }"))
        } ?? []
    }

    /// Those that throw data away which somebody was told are there.
    private static let lossy: Set = [
        "discard-younger-primary", "discard-older-primary", "discard-least-changes", "discard-local", "discard-remote",
        "consensus", "violently-as0p", "call-pri-lost-after-sb", "discard-secondary",
    ]

    static func splitBrain(_ facts: Facts) -> [Finding] {
        facts.drbd.value?.resources.flatMap { resource -> [Finding] in
            var findings: [Finding] = []
            // `consensus` and `discard-secondary` rest on what after-sb-0pri says, or on a role: with a primary that wrote
            // while it was cut off, too.
            let chosen = ["after-sb-0pri", "after-sb-1pri", "after-sb-2pri"].compactMap { key in
                resource.net[key].map { (key, $0) }
            }
            let losing = chosen.filter { lossy.contains($0.1) }
            if !losing.isEmpty {
                findings.append(
                    Finding(
                        .drbdSplitBrain, .warning, resource.name, saving: .data,
                        saves: "one side's acknowledged commits after a split brain: they are thrown away unasked",
                        evidence: "drbdadm dump-xml: net { " + losing.map { "\($0.0) \($0.1); " }.joined() + "}",
                        remedy: lines(
                            resource,
                            "net { after-sb-0pri discard-zero-changes; after-sb-1pri disconnect; after-sb-2pri disconnect; }"
                        )))
            }
            if resource.handlers["split-brain"] == nil {
                findings.append(
                    Finding(
                        .drbdSplitBrain, .warning, resource.name, saving: .knowledge,
                        saves:
                            "days without a standby that nobody knows of: DRBD tells of a split brain in the kernel's log "
                            + "alone",
                        evidence: "drbdadm dump-xml: handlers { } has no split-brain",
                        remedy: lines(
                            resource, "handlers { split-brain \"/usr/lib/drbd/notify-split-brain.sh root\"; }")))
            }
            return findings
        } ?? []
    }

    static func state(_ facts: Facts) -> [Finding] {
        facts.drbdState.value?.compactMap { view in
            let disks = view.volumes.filter { $0.disk != .upToDate }.map { "disk \($0.disk.rawValue)" }
            let peers = view.peers.flatMap { peer -> [String] in
                guard peer.connection == .connected else { return ["connection \(peer.connection.rawValue)"] }
                return peer.volumes.filter { $0.disk != .upToDate }.map { "the peer's disk \($0.disk.rawValue)" }
            }
            let alone = view.peers.isEmpty ? ["no connection"] : []
            let faults = disks + peers + alone
            guard !faults.isEmpty else { return nil }
            // 8.4 shows no connection at all where there is none.
            let isAlone = view.peers.allSatisfy { $0.connection == .standAlone }
            return Finding(
                .drbdState, .critical, view.name, saving: .data,
                saves: "the data, if this disk or host goes now: there is no second copy that is up to date",
                evidence: "drbdsetup status: role \(view.role.rawValue), " + faults.joined(separator: ", "),
                remedy: isAlone
                    ? [
                        "drbdadm connect \(view.name)    # on both nodes; after a split brain the one whose data are given up "
                            + "is made Secondary, and connects with --discard-my-data"
                    ] : ["drbdadm status \(view.name)    # then see to the link, the other host, or the disk"])
        } ?? []
    }
}
