import Cluster
import Proxy
import Reactor

/// Takes one sample of the data plane every second, and hands it to all who want it: a sample resets what it counts
/// "since the sample before", so there must be one taker only. On the control loop.
final class SecondClock {
    private let loop: EventLoop
    private let fleet: Fleet
    private let mailbox: Mailbox<SecondSample>
    private var takers: [(SecondSample) -> Void] = []
    private var timer: Timer?
    private var watch: Watch?

    init(loop: EventLoop, fleet: Fleet) throws(SystemError) {
        self.loop = loop
        self.fleet = fleet
        mailbox = try Mailbox()
    }

    /// Called on the loop with every sample from now on. The first one starts the clock.
    func onSample(_ taker: @escaping (SecondSample) -> Void) {
        takers.append(taker)
        guard timer == nil else { return }
        watch = mailbox.attach(to: loop) { [weak self] sample in
            for taker in self?.takers ?? [] { taker(sample) }
        }
        timer = loop.schedule(every: .seconds(1)) { [fleet, mailbox] in
            fleet.sample { mailbox.post($0) }
        }
    }

    func stop() {
        timer?.cancel()
        timer = nil
        watch?.cancel()
        watch = nil
        takers = []
    }
}
