import Cluster
import ClusterFormats
import Glibc
import Health
import Reactor

/// What was seen of this node's DRBD.
public struct DRBDObservation: Sendable, Hashable {
    public enum Source: String, Sendable, Hashable, Codable {
        /// The event stream: a change is here within a millisecond, and silence means that nothing changed.
        case events
        /// /proc/drbd, read again and again while there is no event stream. No names there, and no split-brain hint.
        case proc
    }

    public var source: Source
    /// By name; empty while nothing is configured, as after Pacemaker has been stopped.
    public var resources: [DRBDResourceView]

    public init(source: Source, resources: [DRBDResourceView]) {
        self.source = source
        self.resources = resources
    }
}

/// Follows `drbdsetup events2`; reads /proc/drbd (8.4) while that is not to be had, and begins it anew with a
/// growing delay. Lives on its loop's thread, as do its callbacks.
public final class DRBDObserver {
    public struct Options: Sendable, Hashable {
        public var events = Tool("/usr/sbin/drbdsetup", ["events2", "--timestamps"])
        public var procPath = "/proc/drbd"
        /// Between two readings of /proc/drbd.
        public var interval = Instant.Span.milliseconds(500)
        /// The initial dump must be complete within this time.
        public var dumpTimeout = Instant.Span.seconds(5)
        /// Before the event stream is begun anew: doubled at every failure, up to the second one.
        public var backoffMin = Instant.Span.milliseconds(100)
        public var backoffMax = Instant.Span.seconds(10)

        public init() {}
    }

    private let loop: EventLoop
    private let options: Options
    private let onObservation: (Result<DRBDObservation, ObservationFault>) -> Void
    private let onHelper: (String, String) -> Void

    private var process: ToolProcess?
    private var stream = DRBDEventStream()
    /// The beginning of a line whose end has not come.
    private var rest: [UInt8] = []
    /// Why the stream under way is given up.
    private var fault: ObservationFault?
    /// Why there is none.
    private var lastFault: ObservationFault?
    private var begunAt: Instant?
    private var backoff: Instant.Span
    /// Of the dump, or until the stream is begun anew.
    private var timer: Timer?
    private var poll: Timer?
    private var isRunning = false

    /// - Parameters:
    ///   - onObservation: from the event stream when something changed; of /proc/drbd after every reading. A failure
    ///     means that nothing is known now, whatever was told before.
    ///   - onHelper: DRBD calls a helper: its name and the resource's (`split-brain`, `mysql`).
    public init(
        loop: EventLoop, options: Options = Options(),
        onObservation: @escaping (Result<DRBDObservation, ObservationFault>) -> Void,
        onHelper: @escaping (String, String) -> Void = { _, _ in }
    ) {
        self.loop = loop
        self.options = options
        self.onObservation = onObservation
        self.onHelper = onHelper
        backoff = options.backoffMin
    }

    public func start() {
        guard !isRunning else { return }
        isRunning = true
        follow()
    }

    /// Ends the event stream's process. No callback comes any more.
    public func stop() {
        isRunning = false
        timer?.cancel()
        poll?.cancel()
        process?.abandon()
        process = nil
    }

    // MARK: the event stream

    private func follow() {
        guard isRunning else { return }
        stream = DRBDEventStream(after: stream.resources)
        rest = []
        fault = nil
        begunAt = MonotonicClock.now()
        do throws(SystemError) {
            process = try ToolProcess(
                loop: loop, options.events, onBytes: { [weak self] in self?.took($0) },
                onEnd: { [weak self] in self?.ended($0) })
            timer = loop.schedule(after: options.dumpTimeout) { [weak self] in self?.dumpTimedOut() }
        } catch {
            lost(.system(error))
        }
    }

    private func dumpTimedOut() {
        guard !stream.isComplete else { return }
        giveUp(.timedOut(tool: options.events.name, after: options.dumpTimeout))
    }

    private func giveUp(_ fault: ObservationFault) {
        if self.fault == nil { self.fault = fault }
        process?.kill()
    }

    private func took(_ bytes: UnsafeRawBufferPointer) {
        guard isRunning, fault == nil else { return }
        rest += bytes
        var from = 0
        var hasChanged = false
        while fault == nil, let end = rest[from...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = String(decoding: rest[from..<end], as: UTF8.self)
            from = end + 1
            do throws(FormatError) {
                switch try stream.read(line[...]) {
                case .nothing, .helperAnswered: break
                case .complete:
                    timer?.cancel()
                    poll?.cancel()
                    poll = nil
                    hasChanged = true
                case .changed: hasChanged = true
                case .helperCalled(let helper, let resource):
                    hasChanged = true
                    onHelper(helper, resource)
                }
            } catch {
                giveUp(.format(error))
            }
            guard isRunning else { return }
        }
        rest.removeFirst(from)
        if rest.count > DRBDEventStream.lineBytesMax {
            giveUp(.format(FormatError(.drbdEvents, .tooMuch("bytes in a line", max: DRBDEventStream.lineBytesMax))))
        }
        // Once for all lines that came together: what stood between them was never true for long.
        if hasChanged, stream.isComplete, fault == nil {
            onObservation(.success(DRBDObservation(source: .events, resources: stream.resources)))
        }
    }

    private func ended(_ end: ToolProcess.End) {
        let complaint = process?.complaintText ?? ""
        process = nil
        timer?.cancel()
        guard isRunning else { return }
        if let fault { return lost(fault) }
        switch end {
        case .exited(let status): lost(.exited(tool: options.events.name, status: status, complaint: complaint))
        case .signalled(let signal): lost(.signalled(tool: options.events.name, signal: signal))
        }
    }

    /// There is no event stream now: /proc/drbd has the word until there is one again.
    private func lost(_ fault: ObservationFault) {
        lastFault = fault
        // One that lived for a while had no trouble to begin.
        if let begunAt, MonotonicClock.now() - begunAt > options.backoffMax { backoff = options.backoffMin }
        timer = loop.schedule(after: backoff) { [weak self] in self?.follow() }
        backoff = min(Instant.Span(nanoseconds: backoff.nanoseconds * 2), options.backoffMax)
        if poll == nil {
            poll = loop.schedule(every: options.interval) { [weak self] in self?.readProc() }
            readProc()
        }
    }

    // MARK: /proc/drbd

    private func readProc() {
        do throws(SystemError) {
            let text = try contents(of: options.procPath)
            do throws(FormatError) {
                let resources = try ProcDRBD.resources(in: text)
                onObservation(.success(DRBDObservation(source: .proc, resources: resources)))
            } catch {
                // DRBD 9 prints its version there and no more: why its tool failed tells more.
                if case .unsupported = error.fault, let lastFault { return onObservation(.failure(lastFault)) }
                onObservation(.failure(.format(error)))
            }
        } catch {
            // Without the module there is no such file.
            if error.errno == ENOENT, let lastFault { return onObservation(.failure(lastFault)) }
            onObservation(.failure(.system(error)))
        }
    }
}

/// The beginning of a file, more than any /proc/drbd has.
private func contents(of path: String) throws(SystemError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError(errno: errno, call: "open \(path)") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 * 1024)
    while bytes.count <= 256 * 1024 {
        let count = read(descriptor, &chunk, chunk.count)
        if count == 0 { break }
        if count < 0 {
            if errno == EINTR { continue }
            throw SystemError(errno: errno, call: "read \(path)")
        }
        bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
}
