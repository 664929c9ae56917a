import Cluster
import ClusterFormats
import Health
import Reactor

/// Asks the cluster's configuration now and then where the database lies. Lives on its loop's thread, as do its callbacks.
public final class DatabasePlaceReader {
    public struct Options: Sendable, Hashable {
        public var cibadmin = Tool("/usr/sbin/cibadmin", ["--query"])
        /// Between two questions; a configuration changes seldom.
        public var interval = Instant.Span.seconds(60)
        /// The same after one that came to nothing, as while Pacemaker starts.
        public var retry = Instant.Span.seconds(2)
        public var timeout = Instant.Span.seconds(10)

        public init() {}
    }

    private let loop: EventLoop
    private let names: ResourceNames
    private let options: Options
    private let onPlace: (DatabasePlace) -> Void
    private var run: ToolRun?
    private var timer: Timer?
    private var isRunning = false

    public init(
        loop: EventLoop, names: ResourceNames, options: Options = Options(),
        onPlace: @escaping (DatabasePlace) -> Void
    ) {
        self.loop = loop
        self.names = names
        self.options = options
        self.onPlace = onPlace
    }

    public func start() {
        guard !isRunning else { return }
        isRunning = true
        ask()
    }

    /// Kills a question under way. No callback comes any more.
    public func stop() {
        isRunning = false
        timer?.cancel()
        run?.cancel()
        run = nil
    }

    private func ask() {
        do throws(SystemError) {
            run = try ToolRun(
                loop: loop, options.cibadmin, timeout: options.timeout, bytesMax: 16 * 1024 * 1024,
                onEnd: { [weak self] in self?.answered($0) })
        } catch {
            plan(options.retry)
        }
    }

    private func plan(_ pause: Instant.Span) {
        timer = loop.schedule(after: pause) { [weak self] in self?.ask() }
    }

    private func answered(_ output: Result<ToolRun.Output, ObservationFault>) {
        run = nil
        guard isRunning else { return }
        guard case .success(let output) = output, output.status == 0,
            let place = try? DatabasePlace(cib: XMLReader.read(output.bytes), names)
        else { return plan(options.retry) }
        plan(options.interval)
        onPlace(place)
    }
}
