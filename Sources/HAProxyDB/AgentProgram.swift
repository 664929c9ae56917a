import Agent
import Cluster
import Foundation
import Glibc
import Health
import Logging
import Probes
import Reactor
import Settings

/// `haproxydb agent`: observes this node, tells the proxies, answers other balancers, hears the gate, and moves the
/// primary where it is asked to and may.
final class AgentProgram {
    private let configuration: AgentConfiguration
    private let log: Logger
    private let loop: EventLoop
    private var builder: ReportBuilder
    private var drbd: DRBDObserver?
    private var pacemaker: PacemakerObserver?
    private var database: DatabaseObserver?
    private var place: DatabasePlaceReader?
    private var roleTimer: Reactor.Timer?
    /// Since when a promotion has been under way.
    private var hurriedAt: Instant?
    private let failures: FailureReporter
    private let reader: GenerationsReader
    private var isReading = false
    /// Told once, however often it is tried.
    private var readingFault: ObservationFault?
    /// When DRBD was read last, where it does not speak by itself.
    private var drbdReadAt: Instant?
    private var generationsReadAt: Instant?
    private var servers: [AgentServer] = []
    private var lines: [LineServer] = []
    private let mover: ClusterMover
    /// When Pacemaker was asked last: it is asked every second, DRBD speaks when something changes.
    private var askedAt: Instant?
    private var latest: NodeReport?

    init(_ configuration: AgentConfiguration) throws(SystemError) {
        self.configuration = configuration
        log = LogLines.start(configuration.log)
        Signals.ignoreBrokenPipes()
        Signals.unblock([SIGTERM, SIGINT])
        loop = try EventLoop()
        LogLines.watch(loop, log)
        var reading = GenerationsReader.Options()
        reading.drbdsetup = Tool(configuration.drbdsetup)
        reader = GenerationsReader(loop: loop, options: reading)
        let names = configuration.resources
        let resources = ResourceNames(
            drbd: names.drbd, promotable: names.promotable, filesystem: names.filesystem, address: names.address,
            database: names.database)
        builder = ReportBuilder(node: configuration.node, resource: configuration.drbdResource, names: resources)
        var moving = ClusterMover.Options()
        moving.move = configuration.moveCommand
        moving.clear = configuration.clearCommand
        moving.directory = URL(filePath: configuration.socket).deletingLastPathComponent().path
        let watching = FailureWatch.Options(
            reportsDeaths: configuration.cluster.reportsFailures, hangMax: configuration.cluster.hangLimit)
        failures = FailureReporter(loop: loop, node: configuration.node, names: resources, watch: watching) { [log] in
            log.notice("\($0)")
        }
        mover = ClusterMover(loop: loop, names: resources, options: moving) { [log] in log.notice("\($0)") }
    }

    func start() throws(SystemError) {
        let options = AgentServer.Options(node: configuration.node, key: Array((configuration.cluster.key ?? "").utf8))
        for endpoint in configuration.listen {
            let server = try AgentServer(
                listen: endpoint, loop: loop, options: options,
                onMove: { [unowned self] in move(to: $0, $1) },
                onClear: { [mover] in mover.clear(isSettled: $0, $1) }, onPlan: { [mover] in mover.plan(to: $0, $1) },
                onNote: { [log] in log.notice("\($0)") })
            servers.append(server)
        }
        if let endpoint = configuration.check {
            try answer(Sockets.listen(endpoint, freebind: true), .none) { [unowned self] _, answer in
                answer(CheckAnswer(current).line)
            }
        }
        if let endpoint = configuration.http {
            try answer(Sockets.listen(endpoint, freebind: true), .head) { [unowned self] _, answer in
                answer(CheckAnswer(current).http)
            }
        }
        SocketDirectory.make(for: configuration.socket)
        try answer(Sockets.listenUnix(configuration.socket, mode: configuration.socketMode), .line) {
            [unowned self] line, answer in heard(line, answer)
        }
        for signal in [SIGTERM, SIGINT] { Signals.on(signal, loop: loop) { [unowned self] in stop() } }
        observe()
        let listen = configuration.listen.map(\.description).joined(separator: ", ")
        log.notice("The agent of \(configuration.node) serves on \(listen); socket \(configuration.socket).")
        for warning in configuration.warnings { log.warning("\(warning)") }
    }

    func run() { loop.run() }

    private func answer(
        _ listener: Int32, _ request: LineServer.Request, _ body: @escaping (String, @escaping (String) -> Void) -> Void
    ) throws(SystemError) {
        lines.append(LineServer(loop: loop, listener: listener, request: request, answer: body))
    }

    private func stop() {
        drbd?.stop()
        database?.stop()
        place?.stop()
        failures.stop()
        roleTimer?.cancel()
        reader.stop()
        pacemaker?.stop()
        mover.stop()
        for server in servers { server.close() }
        for server in lines { server.close() }
        unlink(configuration.socket)
        log.notice("Stopped.")
        loop.stop()
    }

    // MARK: what is seen

    private func observe() {
        var asking = PacemakerObserver.Options()
        if !configuration.crmMon.isEmpty { asking.forms = [Tool(configuration.crmMon)] }
        let pacemaker = PacemakerObserver(loop: loop, options: asking) { [unowned self] in
            builder.pacemaker = $0
            mover.view = try? $0.get()
            failures.clusterSeen(try? $0.get(), began: pacemakerAskedAt)
            askedAt = MonotonicClock.now()
            publish()
            // DRBD tells of every change but those of the identifiers.
            if !isReading { readGenerations() }
        }
        var following = DRBDObserver.Options()
        following.events = Tool(configuration.drbdsetup + following.events.arguments)
        let drbd = DRBDObserver(
            loop: loop, options: following,
            onObservation: { [unowned self] in
                let isNews = builder.drbd != $0
                builder.drbd = $0
                if case .success(let observation) = $0, observation.source == .events {
                    drbdReadAt = nil
                } else {
                    drbdReadAt = MonotonicClock.now()
                }
                guard isNews else { return }
                // What was read before proves nothing of what is now.
                builder.generations = nil
                publish()
                readGenerations()
                // A role that changes is the first sign of a move; the cluster's own word is asked for at once.
                pacemaker.refresh()
            },
            onHelper: { [log] helper, resource in log.warning("DRBD calls \(helper) for \(resource).") })
        self.pacemaker = pacemaker
        failures.onLook = { pacemaker.refresh() }
        self.drbd = drbd
        drbd.start()
        pacemaker.start()
        observeDatabase()
    }

    private var pacemakerAskedAt: Instant { pacemaker?.askedAt ?? MonotonicClock.now() }

    private func observeDatabase() {
        let database = DatabaseObserver(loop: loop) { [unowned self] in
            builder.database = $0
            failures.processSeen($0?.process?.pid)
            publish()
        }
        let own = DatabasePlace(
            pidFile: configuration.pidFile, dataDirectory: configuration.dataDirectory,
            socket: configuration.databaseSocket, device: configuration.device)
        let place = DatabasePlaceReader(loop: loop, names: builder.names) { [failures] in
            database.place = own.over($0)
            failures.socketPath = database.place.socket
        }
        failures.socketPath = own.socket
        self.database = database
        self.place = place
        database.place = own
        database.start()
        place.start()
        roleTimer = loop.schedule(every: Self.roleInterval) { [unowned self] in
            builder.noteRole(sinceBoot: NodeClock.sinceBoot, wall: NodeClock.wall)
        }
    }

    /// How exactly it is known when the replica became Primary.
    private static let roleInterval = Instant.Span.milliseconds(200)
    /// After so long what is under way will take its time: it is followed at the usual pace.
    private static let hurryMax = Instant.Span.seconds(60)

    /// What is under way is followed closely.
    private func hurry(_ report: NodeReport, at now: Instant) {
        hurriedAt = report.phase == nil ? nil : hurriedAt ?? now
        let isHurried = hurriedAt.map { now - $0 < Self.hurryMax } ?? false
        pacemaker?.isHurried = isHurried
        database?.isAwaited = isHurried && report.storage?.role != .secondary
    }

    private func readGenerations() {
        guard let storage = builder.storage, storage.disk.map({ $0 != .diskless && $0 != .detaching }) ?? false else {
            reader.stop()
            isReading = false
            builder.generations = nil
            return
        }
        isReading = true
        reader.read(storage) { [unowned self] in
            isReading = false
            guard builder.storage == storage else { return }
            switch $0 {
            case .success(let generations):
                readingFault = nil
                builder.generations = generations.isEmpty ? nil : generations
                generationsReadAt = MonotonicClock.now()
            case .failure(let fault):
                builder.generations = nil
                if readingFault != fault {
                    log.warning("DRBD's generation identifiers can't be read, they will prove nothing: \(fault).")
                }
                readingFault = fault
            }
            publish()
        }
    }

    private func publish() {
        guard let report = builder.report else { return }
        let now = MonotonicClock.now()
        if report != latest { log.info("\(report.line)") }
        latest = report
        let dates = AgentServer.Dates(
            storage: report.storage.map { _ in drbdReadAt ?? now },
            generations: report.storage?.generations.flatMap { _ in generationsReadAt },
            manager: report.manager.flatMap { _ in askedAt })
        for server in servers { server.publish(report, at: askedAt ?? now, dates: dates) }
        hurry(report, at: now)
    }

    /// Nil where it is too old to be believed.
    private var current: NodeReport? {
        guard let askedAt, MonotonicClock.now() - askedAt < HealthOptions().observationAgeMax else { return nil }
        return latest
    }

    // MARK: what is announced here

    private func heard(_ line: String, _ answer: @escaping (String) -> Void) {
        guard let announcement = Announcement(line) else {
            return answer("error: pause [TIME] [REASON], resume [REASON], look or status\n")
        }
        switch announcement {
        case .pause(let wait, let reason): pause(wait, reason, answer)
        case .resume(let reason):
            let told = servers.reduce(0) { $0 + $1.resume(reason: reason) }
            log.notice("Told \(told) proxies that statements may flow: \(reason).")
            pacemaker?.refresh()
            answer("ok told \(told)\n")
        case .look:
            pacemaker?.refresh()
            answer("ok\n")
        case .status: answer("ok \(current?.line ?? "nothing observed")\n")
        }
    }

    private func pause(_ wait: Instant.Span, _ reason: String, _ answer: @escaping (String) -> Void) {
        var missing = servers.count
        var sum = AgentServer.PauseOutcome(asked: 0, clear: 0, open: 0)
        let since = MonotonicClock.now()
        for server in servers {
            server.pause(wait: wait, reason: reason) { [log] outcome in
                sum.asked += outcome.asked
                sum.clear += outcome.clear
                // Proxies say how many: whatever the number is, it ends nobody.
                let (open, isTooMuch) = sum.open.addingReportingOverflow(outcome.open)
                sum.open = isTooMuch ? .max : open
                missing -= 1
                guard missing == 0 else { return }
                let text = "asked \(sum.asked), clear \(sum.clear), open \(sum.open)"
                log.notice("Paused the proxies after \(MonotonicClock.now() - since) (\(reason)): \(text).")
                answer("ok \(text)\n")
            }
        }
    }

    // MARK: what it is asked to do

    private func move(to node: String, _ answer: @escaping ClusterMover.Answer) {
        mover.move(to: node) { [weak self] in
            answer($0, $1)
            self?.pacemaker?.refresh()
        }
    }
}

extension NodeReport {
    /// On one line, for the log and for `announce status`.
    fileprivate var line: String {
        var parts: [String] = []
        if let storage {
            parts.append("DRBD \(storage.role.rawValue), \(storage.disk.rawValue), \(storage.connection.rawValue)")
            if let generations = storage.generations {
                parts.append("data \(generations.map(\.description).joined(separator: " "))")
            }
        }
        if let manager {
            parts.append(manager.hasQuorum ? "quorum" : "no quorum")
            if let promoted = manager.promoted {
                parts.append("promoted \(promoted.isEmpty ? "nobody" : promoted.joined(separator: ", "))")
            }
            if manager.isMaintenance { parts.append("maintenance") }
        }
        if let process = database?.process { parts.append("mariadbd \(process.pid)") }
        if let phase { parts.append(phase.rawValue) }
        parts += troubles
        return "\(node): " + (parts.isEmpty ? "nothing is seen" : parts.joined(separator: "; "))
    }
}
