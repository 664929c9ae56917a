import Cluster
import Reactor

/// Whether clients are still there. A close is seen by its event; what is not seen so is looked for here: a client that
/// vanished (its host or the way to it is dead), and one that closed while nothing of it is read.
extension Worker {
    /// Every session is looked at once in so many ticks: 5 s.
    private static let sweepTicks = 250

    /// Of some sessions, on every tick: a client that was sent something and acknowledges nothing is gone.
    ///
    /// Not left to TCP_USER_TIMEOUT: that ends a client as well which is there and only takes its time to read.
    func lookForVanished() {
        for _ in 0...sessionCount / Self.sweepTicks {
            guard let s = presence ?? sessions else { return }
            presence = s.pointee.next
            guard s.pointee.frontend != .leaving,
                Sockets.isDead(s.pointee.clientFD, silentFor: options.clientLostTimeout)
            else { continue }
            destroy(s, reset: true)
        }
    }

    /// The client has closed its connection, although nothing of it was read lately. One that has sent ahead is there as
    /// far as anybody can tell, for a server as well.
    func hasGone(_ s: SessionRef) -> Bool {
        if s.pointee.clientIsGone || s.pointee.clientHalfClosed { return true }
        return !s.pointee.clientReading && s.pointee.clientCarry.isEmpty && Sockets.hasEnded(s.pointee.clientFD)
    }

    /// Memory for all runs short: whoever has kept bytes without moving any for the longest time goes.
    func relieveMemory() {
        var left = 64
        while fleet.budget.isShort, left > 0, let s = longestStuck() {
            fleet.budget.noteRefusal()
            destroy(s, reset: true)
            left -= 1
        }
    }

    private func longestStuck() -> SessionRef? {
        var longest: SessionRef?
        var next = sessions
        while let s = next {
            next = s.pointee.next
            let kept = s.pointee.clientPending.memory + s.pointee.clientCarry.memory
            guard kept > MemoryBudget.alwaysGranted, now - s.pointee.lastActive > .seconds(1) else { continue }
            if longest.map({ s.pointee.lastActive < $0.pointee.lastActive }) ?? true { longest = s }
        }
        return longest
    }
}
