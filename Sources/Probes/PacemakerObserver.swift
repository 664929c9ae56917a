import Cluster
import ClusterFormats
import Health
import Reactor

/// Asks crm_mon again and again. Lives on its loop's thread, as do its callbacks.
///
/// One question at a time: however often ``refresh()`` is called while one is under way, one more follows it.
public final class PacemakerObserver {
    public struct Options: Sendable, Hashable {
        /// What prints XML: `--output-as=xml --one-shot` from 2.0.3 on, `-X` before. The first that is understood is
        /// asked from then on.
        public var forms = [
            Tool("/usr/sbin/crm_mon", ["--one-shot", "--output-as=xml"]), Tool("/usr/sbin/crm_mon", ["-X"]),
        ]
        /// From the end of one question to the next. A question costs some 60 ms of CPU.
        public var interval = Instant.Span.seconds(1)
        /// The same while something is under way.
        public var hurriedInterval = Instant.Span.milliseconds(200)
        public var timeout = Instant.Span.seconds(5)
        public var bytesMax = 4 * 1024 * 1024

        public init() {}
    }

    private let loop: EventLoop
    private let options: Options
    private let onObservation: (Result<PacemakerView, ObservationFault>) -> Void
    private var run: ToolRun?
    private var timer: Timer?
    private var isRunning = false
    private var isAskedAgain = false
    /// Which of the forms is asked.
    private var form = 0
    /// When the question began whose answer was told last.
    public private(set) var askedAt = Instant(nanoseconds: 0)
    private var begunAt = Instant(nanoseconds: 0)

    /// - Parameter onObservation: the answer to every question, changed or not: its coming is what dates it.
    public init(
        loop: EventLoop, options: Options = Options(),
        onObservation: @escaping (Result<PacemakerView, ObservationFault>) -> Void
    ) {
        self.loop = loop
        self.options = options
        self.onObservation = onObservation
    }

    public func start() {
        guard !isRunning else { return }
        isRunning = true
        ask()
    }

    /// Whether what is under way is of interest step by step.
    public var isHurried = false {
        didSet { if isRunning, isHurried, !oldValue { refresh() } }
    }

    /// Asks now: something is known to have happened.
    public func refresh() {
        guard isRunning else { return }
        if run == nil { ask() } else { isAskedAgain = true }
    }

    /// Kills a question under way. No callback comes any more.
    public func stop() {
        isRunning = false
        isAskedAgain = false
        timer?.cancel()
        run?.cancel()
        run = nil
    }

    private func ask() {
        timer?.cancel()
        begunAt = MonotonicClock.now()
        do throws(SystemError) {
            run = try ToolRun(
                loop: loop, options.forms[form], timeout: options.timeout, bytesMax: options.bytesMax,
                onEnd: { [weak self] in self?.answered($0) })
        } catch {
            plan()
            askedAt = begunAt
            onObservation(.failure(.system(error)))
        }
    }

    private func plan() {
        timer = loop.schedule(after: isHurried ? options.hurriedInterval : options.interval) { [weak self] in
            self?.ask()
        }
    }

    private func answered(_ output: Result<ToolRun.Output, ObservationFault>) {
        run = nil
        guard isRunning else { return }
        if case .success(let output) = output, output.isForeign, options.forms.count > 1 {
            // Of another version: the next form at once, and only the last one's failure is told.
            form = (form + 1) % options.forms.count
            if form != 0 { return ask() }
        }
        askedAt = begunAt
        if isAskedAgain {
            isAskedAgain = false
            ask()
        } else {
            plan()
        }
        switch output {
        case .failure(let fault): onObservation(.failure(fault))
        case .success(let output): onObservation(read(output))
        }
    }

    private func read(_ output: ToolRun.Output) -> Result<PacemakerView, ObservationFault> {
        if output.bytes.isEmpty, output.status != 0 {
            let tool = options.forms[form].name
            return .failure(.exited(tool: tool, status: output.status, complaint: output.complaint))
        }
        do throws(FormatError) {
            // Where it fails it prints a document that says so, and reading that throws.
            let view = try PacemakerView(xml: output.bytes)
            guard output.status == 0 else {
                let tool = options.forms[form].name
                return .failure(.exited(tool: tool, status: output.status, complaint: output.complaint))
            }
            return .success(view)
        } catch {
            return .failure(.format(error))
        }
    }
}
