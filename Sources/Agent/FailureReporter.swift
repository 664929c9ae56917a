import Cluster
import Glibc
import Health
import Probes
import Reactor

/// Tells the cluster that its database has failed on this node, where that is wanted: gives ``Health/FailureWatch`` its
/// events and runs what it orders. Lives on its loop's thread.
public final class FailureReporter {
    public struct Options: Sendable, Hashable {
        public var crmResource = Tool("/usr/sbin/crm_resource", [])
        public var timeout = Instant.Span.seconds(30)
        /// Between two connections to the server's socket, where a hung one is to be found.
        public var knockInterval = Instant.Span.seconds(1)
        /// Until a server that has taken the connection must have said something.
        public var greetingMax = Instant.Span.milliseconds(900)

        public init() {}
    }

    /// Where the server answers on this host; nil: it is not knocked at, and its process's end has to do.
    public var socketPath: String?
    /// Has the cluster asked anew.
    public var onLook: () -> Void = {}

    private let loop: EventLoop
    private let node: String
    private let names: ResourceNames
    private let options: Options
    private let onNote: (String) -> Void
    private var watch: FailureWatch
    private var knock: ServerKnock?
    private var timer: Timer?
    private var run: ToolRun?

    public init(
        loop: EventLoop, node: String, names: ResourceNames, watch: FailureWatch.Options, options: Options = Options(),
        onNote: @escaping (String) -> Void
    ) {
        self.loop = loop
        self.node = node
        self.names = names
        self.options = options
        self.onNote = onNote
        self.watch = FailureWatch(watch)
    }

    public func stop() {
        timer?.cancel()
        knock?.cancel()
        run?.cancel()
        run = nil
    }

    /// The cluster's mariadbd as it was seen; nil where there is none.
    public func processSeen(_ pid: Int32?) {
        carryOut(watch.processSeen(pid, at: MonotonicClock.now()))
        planKnock()
    }

    /// What the cluster says; nil where it can't be asked.
    public func clusterSeen(_ view: PacemakerView?, began: Instant) {
        let word = view?.word(onDatabaseOf: node, names) ?? .restrains(.unseen)
        carryOut(watch.clusterSeen(word, began: began, at: MonotonicClock.now()))
    }

    private func carryOut(_ orders: [FailureWatch.Order]) {
        for order in orders {
            switch order {
            case .note(let sentence): onNote(sentence)
            case .look:
                onLook()
                begin()
            case .report: report()
            }
        }
    }

    // MARK: the server

    private func planKnock() {
        guard watch.wantsKnocks, socketPath != nil else { return }
        timer?.cancel()
        timer = loop.schedule(after: options.knockInterval) { [weak self] in self?.begin() }
    }

    private func begin() {
        let began = MonotonicClock.now()
        guard let socketPath else {
            return carryOut(watch.knocked(.refused, began: began, at: began))
        }
        knock?.cancel()
        knock = ServerKnock(loop: loop, path: socketPath, greetingMax: options.greetingMax) { [weak self] in
            guard let self else { return }
            knock = nil
            carryOut(watch.knocked($0, began: began, at: MonotonicClock.now()))
            planKnock()
        }
    }

    // MARK: the cluster

    private func report() {
        guard run == nil else { return }
        let tool = Tool(
            options.crmResource.path,
            options.crmResource.arguments + ["--fail", "--resource", names.database, "--node", node],
            environment: options.crmResource.environment)
        let begun = MonotonicClock.now()
        do throws(SystemError) {
            run = try ToolRun(loop: loop, tool, timeout: options.timeout, bytesMax: 1 << 20) { [weak self] in
                guard let self else { return }
                run = nil
                let span = MonotonicClock.now() - begun
                switch $0 {
                case .success(let output) where output.status == 0:
                    onNote("The cluster was told that \(names.database) has failed on \(node), after \(span).")
                case .success(let output):
                    onNote(
                        "The cluster was not told that \(names.database) has failed on \(node): \(tool.name) ended with "
                            + "\(output.status): \(output.complaint).")
                case .failure(let fault):
                    onNote("The cluster was not told that \(names.database) has failed on \(node): \(fault).")
                }
            }
        } catch {
            onNote("The cluster was not told that \(names.database) has failed on \(node): \(error).")
        }
    }
}

/// One connection to a server's socket, to see whether anybody says anything there.
final class ServerKnock {
    private var descriptor: Int32 = -1
    private var watch: Watch?
    private var timer: Timer?
    private var onEnd: ((FailureWatch.Knock) -> Void)?

    /// - Parameter onEnd: once, from the loop.
    init(
        loop: EventLoop, path: String, greetingMax: Instant.Span, onEnd: @escaping (FailureWatch.Knock) -> Void
    ) {
        self.onEnd = onEnd
        do throws(SystemError) {
            descriptor = try Sockets.connectUnix(path)
            watch = loop.watch(descriptor, read: true, write: false) { [weak self] _ in self?.heard() }
            timer = loop.schedule(after: greetingMax) { [weak self] in self?.end(.silent) }
        } catch {
            // Where the queue of those who wait is full, somebody holds the socket.
            let knock = error.errno == EAGAIN ? FailureWatch.Knock.silent : .refused
            timer = loop.schedule(after: .zero) { [weak self] in self?.end(knock) }
        }
    }

    func cancel() {
        onEnd = nil
        close()
    }

    private func heard() {
        var byte: UInt8 = 0
        let transfer = withUnsafeMutableBytes(of: &byte) { try? Sockets.receive(descriptor, into: $0) }
        switch transfer {
        case .bytes?: end(.answered)
        case .wouldBlock?: break
        // Closed by its end, before it said anything.
        case .ended?, nil: end(.refused)
        }
    }

    private func end(_ knock: FailureWatch.Knock) {
        let onEnd = onEnd
        cancel()
        onEnd?(knock)
    }

    private func close() {
        watch?.cancel()
        timer?.cancel()
        if descriptor >= 0 { Sockets.close(descriptor) }
        descriptor = -1
    }
}
