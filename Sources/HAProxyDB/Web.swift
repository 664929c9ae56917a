import Admin
import Proxy
import Reactor
import Settings

extension HTTPServer {
    /// The HTTP side as configured; nil where there is none.
    convenience init?(
        _ admin: Configuration.Admin, loop: EventLoop, source: some WebSource
    ) throws(SystemError) {
        guard let http = admin.http else { return nil }
        try self.init(
            listen: http, token: admin.httpToken, loop: loop, source: source,
            latencyBound: { LatencyScale.upperBoundMicroseconds(of: $0) })
    }
}

extension Control: WebSource {}

extension WorkSample {
    init(_ sample: SecondSample) {
        self.init()
        users = sample.users
        begun = sample.begun
        answered = sample.answered
        failed = sample.failed
        abandoned = sample.abandoned
        heldTotal = sample.heldTotal
        rerun = sample.rerun
        moved = sample.moved
        loginsRefused = sample.loginsRefused
        bytesIn = sample.bytesIn
        bytesOut = sample.bytesOut
        heldNow = sample.heldNow
        inFlightNow = sample.inFlightNow
        loginsHeldNow = sample.loginsHeldNow
        usersAffected = sample.usersAffected
        latency = sample.latency
    }
}
