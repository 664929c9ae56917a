import Cluster
import MySQLWire
import Reactor

/// What the ledger is told.
extension Worker {
    func sample() -> SecondSample {
        var sample = SecondSample()
        sample.users = sessionCount
        sample.begun = counters.begun.current
        sample.answered = counters.answered.current
        sample.failed = counters.failed.current
        sample.abandoned = counters.abandoned.current
        sample.heldTotal = counters.heldTotal.current
        sample.rerun = counters.rerun.current
        sample.moved = counters.moved.current
        sample.loginsRefused = counters.loginsRefused.current
        sample.bytesIn = counters.bytesIn.current
        sample.bytesOut = counters.bytesOut.current
        var next = sessions
        while let s = next {
            next = s.pointee.next
            var isAffected = s.pointee.affectedIn == samplesTaken
            switch s.pointee.frontend {
            case .held:
                sample.heldNow += 1
                isAffected = true
            case .streaming, .waiting, .infile: sample.inFlightNow += 1
            case .login, .ungreeted:
                if s.pointee.queue == .held {
                    sample.loginsHeldNow += 1
                    isAffected = true
                }
            case .handshake, .switching, .relaying, .idle, .discarding, .closing: break
            }
            if isAffected { sample.usersAffected += 1 }
        }
        sample.usersAffected += affectedAndGone
        affectedAndGone = 0
        samplesTaken &+= 1
        for i in 0..<LatencyScale.bucketCount {
            sample.latency[i] = latency[i]
            latency[i] = 0
        }
        return sample
    }

    /// A session has to wait.
    func noteHeld(_ s: SessionRef) {
        s.pointee.affectedIn = samplesTaken
        guard !isTroubled else { return }
        isTroubled = true
        fleet.onService(.held(now))
    }

    /// A statement ended with an error of ours.
    func noteFailed(_ s: SessionRef) {
        counters.failed.add()
        s.pointee.affectedIn = samplesTaken
        guard !isTroubled else { return }
        isTroubled = true
        fleet.onService(.failed(now))
    }

    /// A statement was answered by a node.
    @inline(__always)
    func noteAnswered(_ s: SessionRef) {
        counters.answered.add()
        let end = MonotonicClock.now()
        let microseconds = (end - s.pointee.startedAt).nanoseconds / 1000
        latency[LatencyScale.bucket(ofMicroseconds: microseconds)] &+= 1
        if isTroubled, gateOpen {
            isTroubled = false
            fleet.onService(.answered(end))
        }
    }

    /// A session ends. Its statement, if there is one, is not going to be answered.
    func noteGone(_ s: SessionRef) {
        switch s.pointee.frontend {
        case .held, .streaming, .waiting, .infile: counters.abandoned.add()
        case .ungreeted, .handshake, .switching, .login, .relaying, .idle, .discarding, .closing: break
        }
        if s.pointee.affectedIn == samplesTaken { affectedAndGone += 1 }
    }
}
