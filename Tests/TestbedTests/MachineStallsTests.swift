import Foundation
import Testing

@testable import Testbed

@Suite(.serialized)
struct MachineStallsTests {
    @Test("time in which this process was stopped is seen, and no other")
    func stopped() throws {
        let stalls = MachineStalls()
        let begun = ContinuousClock.now
        usleep(200_000)
        #expect(stalls.since(begun) == .zero)
        let own = ProcessInfo.processInfo.processIdentifier
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", "kill -STOP \(own); sleep 3; kill -CONT \(own)"]
        try shell.run()
        shell.waitUntilExit()
        let deadline = ContinuousClock.now + .seconds(30)
        while stalls.since(begun) == .zero, ContinuousClock.now < deadline { usleep(20_000) }
        let seen = stalls.since(begun)
        #expect(seen >= .seconds(2) && seen <= ContinuousClock.now - begun, "\(seen)")
        #expect(stalls.since(.now) == .zero)
    }
}
