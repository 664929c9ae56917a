import ClusterFormats
import Foundation
import Health

/// Recorded (and composed: see the README.txt beside them) output of the cluster's tools.
struct Fixture: CustomStringConvertible {
    /// Below `Fixtures`.
    let path: String

    var description: String { path }
    var name: String { String(path.split(separator: "/").last ?? "") }
    var bytes: [UInt8] { [UInt8]((try? Data(contentsOf: Fixture.folder.appending(path: path))) ?? Data()) }
    var text: String { String(decoding: bytes, as: UTF8.self) }

    static let folder = Bundle.module.url(forResource: "Fixtures", withExtension: nil) ?? URL(filePath: "/")

    /// All of them, by path.
    static let all: [Fixture] = {
        let base = folder.resolvingSymlinksInPath().path + "/"
        var found: [Fixture] = []
        let walk = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.isRegularFileKey])
        for case let file as URL in walk ?? FileManager.DirectoryEnumerator() {
            guard (try? file.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true else { continue }
            found.append(Fixture(path: String(file.resolvingSymlinksInPath().path.dropFirst(base.count))))
        }
        return found.sorted { $0.path < $1.path }
    }()
}

/// Which parser a fixture is for, told by its file's name.
enum Kind {
    case events, status, statusJSON, proc, generations, monitor, base, quorum, simulation, alertLines, alertEnvironment,
        drbdConfiguration, corosyncMap, corosyncFile, notes, witness

    /// For people: WitnessTests hold the parsers' views against them.
    private static let witnesses: Set = [
        "drbdadm-role.txt", "drbdadm-cstate.txt", "drbdadm-dstate.txt", "drbdsetup-sh-status.txt", "crm_mon-1.txt",
    ]

    init?(_ fixture: Fixture) {
        let name = fixture.name
        if name == "README.txt" || name == "expected.txt" || name.hasPrefix("json-unsupported") {
            self = .notes
        } else if Kind.witnesses.contains(name) {
            self = .witness
        } else if name.hasPrefix("drbd-dump") {
            self = .drbdConfiguration
        } else if name.hasPrefix("corosync-cmapctl") {
            self = .corosyncMap
        } else if name == "corosync.conf" {
            self = .corosyncFile
        } else if name.hasPrefix("events2-") || name.contains("events2-now") || fixture.path.contains("/events2/") {
            self = .events
        } else if name.hasSuffix(".json") {
            self = .statusJSON
        } else if name.contains("status") {
            self = .status
        } else if name.hasPrefix("proc") {
            self = .proc
        } else if name.contains("show-gi") {
            self = .generations
        } else if name.hasPrefix("crm_mon") {
            self = .monitor
        } else if name.hasPrefix("crm_simulate") {
            self = .simulation
        } else if name.hasPrefix("cib-") {
            self = .base
        } else if name.hasPrefix("corosync-quorumtool") {
            self = .quorum
        } else if name == "pacemaker-alert-lines.txt" {
            self = .alertLines
        } else if name.hasSuffix("alert-env.txt") || name.hasSuffix("agent.env") {
            self = .alertEnvironment
        } else {
            return nil
        }
    }
}

/// Hands bytes to the parser of that kind.
func parse(_ kind: Kind, _ bytes: [UInt8]) throws(FormatError) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    switch kind {
    case .events:
        var stream = DRBDEventStream()
        var steps: [String] = []
        for line in text.split(separator: "\n") {
            switch try stream.read(line) {
            case .nothing: break
            case .complete, .changed: steps.append(summary(stream.resources))
            case .helperCalled(let helper, let resource): steps.append("call \(helper) for \(resource)")
            case .helperAnswered(let helper, _, let status): steps.append("\(helper) answered \(status)")
            }
        }
        return steps.joined(separator: "\n    ")
    case .status: return summary(try DRBDStatus.resources(in: text))
    case .statusJSON: return summary(try DRBDStatusJSON.resources(in: bytes))
    case .proc: return summary(try ProcDRBD.resources(in: text))
    case .generations: return summary(try DRBDGenerations(showing: text))
    case .monitor: return summary(try PacemakerView(xml: bytes))
    case .base:
        let configuration = try ClusterConfiguration(xml: bytes)
        return summary(try ClusterInformationBase(xml: bytes)) + " | " + summary(configuration)
    case .drbdConfiguration: return summary(try DRBDConfiguration(xml: bytes))
    case .corosyncMap: return summary(try CorosyncSettings(map: text))
    case .corosyncFile: return summary(try CorosyncSettings(file: text))
    case .quorum: return summary(try QuorumView(text: text))
    case .simulation:
        let summary = try TransitionSummary(text: text)
        let steps = summary.steps.map { "\($0.action) \($0.resource)" }.joined(separator: ", ")
        return "[\(steps)] \(summary.touches("p_drbd_mysql") ? "DRBD changes" : "DRBD stays")"
    case .alertLines:
        var all: [String] = []
        for line in text.split(separator: "\n") { all.append(summary(try AlertEvent(line: String(line)))) }
        return all.joined(separator: "\n    ")
    case .alertEnvironment:
        var all: [String] = []
        for block in text.components(separatedBy: "---\n") where !block.isEmpty {
            var environment: [String: String] = [:]
            for line in block.split(separator: "\n") {
                guard let at = line.firstIndex(of: "=") else { continue }
                environment[String(line[..<at])] = String(line[line.index(after: at)...])
            }
            all.append(summary(try AlertEvent(environment: environment)))
        }
        return all.joined(separator: "\n    ")
    case .notes, .witness: return ""
    }
}

// MARK: one line for a value

func summary(_ views: [DRBDResourceView]) -> String {
    if views.isEmpty { return "nothing configured" }
    return views.map { view in
        var parts = ["\(view.name) \(view.role.rawValue)"]
        if !view.suspended.isEmpty {
            parts.append("suspended:\(view.suspended.map(\.rawValue).joined(separator: ","))")
        }
        if let may = view.mayPromote { parts.append("may_promote:\(may)") }
        if view.wasSplitBrainDetected { parts.append("SPLIT-BRAIN") }
        parts.append(view.isWritable ? "writable" : "not writable")
        for volume in view.volumes {
            let quorum = volume.hasQuorum.map { " quorum:\($0)" } ?? ""
            parts.append("[\(volume.number) \(volume.disk.rawValue)\(quorum)]")
        }
        for peer in view.peers {
            let id = peer.id.map { "\($0)" } ?? "?"
            parts.append("peer \(id) \"\(peer.name)\" \(peer.connection.rawValue) \(peer.role.rawValue)")
            for volume in peer.volumes {
                let done = volume.doneHundredths.map { " \($0)" } ?? ""
                parts.append("[\(volume.number) \(volume.replication.rawValue) \(volume.disk.rawValue)\(done)]")
            }
        }
        return parts.joined(separator: " ")
    }.joined(separator: "; ")
}

func summary(_ generations: DRBDGenerations) -> String {
    func hex(_ value: UInt64) -> String { String(value, radix: 16, uppercase: true) }
    var flags: [String] = []
    if let set = generations.flags {
        if set.isConsistent { flags.append("consistent") }
        if set.wasUpToDate { flags.append("upToDate") }
        if set.wasPrimary { flags.append("primary") }
        if set.wasConnected { flags.append("connected") }
        if set.isFullSyncPending { flags.append("fullSync") }
        if set.isPeerOutdated { flags.append("peerOutdated") }
        if set.isCrashedPrimary { flags.append("crashedPrimary") }
    }
    let history = generations.history.map(hex).joined(separator: ",")
    return "\(hex(generations.current)) on \(hex(generations.bitmap)) after \(history) \(flags.joined(separator: " "))"
}

func summary(_ view: PacemakerView) -> String {
    var parts: [String] = []
    parts.append("dc:\(view.coordinator ?? "none") quorum:\(view.hasQuorum.map { "\($0)" } ?? "?")")
    if view.isInMaintenance == true { parts.append("MAINTENANCE") }
    if view.isFencingEnabled == true { parts.append("fencing") }
    for node in view.nodes {
        var words = [node.name, node.isOnline ? "online" : "offline"]
        if node.isStandby { words.append("standby") }
        if node.isInMaintenance { words.append("maintenance") }
        if node.isPending { words.append("pending") }
        if node.isUnclean { words.append("UNCLEAN") }
        if node.isShuttingDown { words.append("leaving") }
        let ping = node.attributes.first { $0.name == "pingd" }.map { " pingd=\($0.value)" } ?? ""
        parts.append("(\(words.joined(separator: " "))\(ping))")
    }
    for resource in view.resources where resource.clone != "cl_ping" {
        var words = ["\(resource.id)=\(resource.role.rawValue)"]
        if !resource.nodes.isEmpty { words.append("@\(resource.nodes.joined(separator: "+"))") }
        if let pending = resource.pending { words.append("<\(pending)>") }
        if !resource.isManaged { words.append("unmanaged") }
        if resource.hasFailed { words.append("FAILED") }
        if resource.isBlocked { words.append("BLOCKED") }
        parts.append(words.joined(separator: " "))
    }
    for failure in view.failedActions {
        parts.append("failure:\(failure.resource) \(failure.task)@\(failure.node) \(failure.exitCode)")
    }
    for count in view.failCounts { parts.append("failed \(count.count) times:\(count.resource)@\(count.node)") }
    for event in view.fencing { parts.append("fence \(event.action) \(event.target) \(event.state.rawValue)") }
    let names = ResourceNames()
    let progress = view.progress(names)
    parts.append("=> \(view.promoted(names)) \(progress.phase.rawValue)@\(progress.node ?? "-")")
    if let move = view.plannedMove(names) { parts.append("planned move off \(move)") }
    return parts.joined(separator: " | ")
}

func summary(_ base: ClusterInformationBase) -> String {
    var parts = ["quorum:\(base.hasQuorum.map { "\($0)" } ?? "?") dc:\(base.coordinatorID ?? "none")"]
    parts.append("version \(base.version.map(String.init).joined(separator: "."))")
    if base.isInMaintenance == true { parts.append("MAINTENANCE") }
    if base.isFencingEnabled == true { parts.append("fencing") }
    for node in base.nodes {
        var words = ["\(node.id)=\(node.name)"]
        if let join = node.join { words.append(join) }
        words.append(node.isMember == true ? "member" : "no member")
        words.append(node.isConnected == true ? "connected" : "not connected")
        if node.isExpected == true { words.append("expected") }
        if node.isStandby { words.append("standby") }
        if node.isInMaintenance { words.append("maintenance") }
        parts.append("(\(words.joined(separator: " ")))")
    }
    for operation in base.pendingOperations {
        parts.append("pending \(operation.resource) \(operation.task)@\(operation.node)")
    }
    return parts.joined(separator: " | ")
}

func summary(_ configuration: ClusterConfiguration) -> String {
    let counts = Dictionary(grouping: configuration.resources.flatMap(\.operations), by: \.name).mapValues(\.count)
    let operations = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: " ")
    return "\(configuration.resources.map(\.id).joined(separator: ",")) with \(operations), "
        + "\(configuration.locations.count)+\(configuration.colocations.count) constraints"
}

func summary(_ configuration: DRBDConfiguration) -> String {
    configuration.resources.map { resource in
        func list(_ values: [String: String]) -> String {
            values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        }
        return "\(resource.name) at \(resource.place ?? "?"): net \(list(resource.net)); disk \(list(resource.disk)); "
            + "handlers \(list(resource.handlers))"
    }.joined(separator: " | ")
}

func summary(_ settings: CorosyncSettings) -> String {
    func word<Value>(_ value: Value?) -> String { value.map { "\($0)" } ?? "?" }
    return "token \(word(settings.token)) consensus \(word(settings.consensus)) declared after "
        + "\(word(settings.declaredAfter)) two_node \(word(settings.isTwoNode)) wait_for_all \(word(settings.waitsForAll)) "
        + "links \(word(settings.links))"
}

func summary(_ view: QuorumView) -> String {
    let members = view.members.map { "\($0.id)=\($0.name)\($0.isLocal ? "*" : "")" }.joined(separator: " ")
    return "\(view.isQuorate ? "quorate" : "NOT QUORATE") \(view.totalVotes)/\(view.expectedVotes) "
        + "[\(view.flags.joined(separator: " "))] \(members)"
}

func summary(_ event: AlertEvent) -> String {
    "\(event.kind.rawValue) \(event.node) \(event.resource ?? "-") \(event.task ?? "-") \(event.text) "
        + "\(event.microseconds.map { "\($0)" } ?? "?") => \(event.meaning)"
}
