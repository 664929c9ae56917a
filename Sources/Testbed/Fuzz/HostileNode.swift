import Cluster
import Foundation

/// A second node that is no server: whoever connects gets something else each time.
final class HostileNode: Sendable {
    private let listener: Listener

    /// Listens at once.
    init(seed: UInt64) throws {
        let random = Watched(SplitMix64(seed))
        let open = Watched(0)
        listener = try Listener { connection in
            let number = random.change { $0.next() }
            // A proxy that kept on asking would find nobody who listens.
            guard open.value < 64 else { return connection.close() }
            open.update { $0 += 1 }
            let thread = Thread {
                Self.serve(connection, SplitMix64(number))
                connection.close()
                open.update { $0 -= 1 }
            }
            thread.stackSize = 512 << 10
            thread.start()
        }
    }

    var port: UInt16 { listener.port }

    func close() { listener.close() }

    private static func serve(_ connection: RawConnection, _ seed: SplitMix64) {
        var random = seed
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) } }
        connection.giveUpSending(after: .milliseconds(500))
        let greeting = Wire.packet(Wire.greeting())
        switch below(12) {
        case 0: return
        case 1: return connection.reset()
        case 2: _ = connection.waitForEnd(.seconds(5))
        case 3: connection.send(bytes(1 + below(3000)))
        case 4: for _ in 0..<200 where !connection.send(bytes(50_000)) { return }
        case 5:
            for byte in greeting.prefix(20) where connection.send([byte]) { Thread.sleep(forTimeInterval: 0.02) }
        case 6: connection.send(Wire.packet([0xff, 0x15, 0x04] + Array("#08004no".utf8)))
        case 7: connection.send(Wire.packet([0xff, 0x69, 0x04] + Array("Host is blocked".utf8)))
        case 8: connection.send(Wire.packet(bytes(below(200))))
        case _:
            // Goes on as a server does, for a while.
            connection.send(greeting)
            let answers: [[UInt8]] = [
                Wire.ok, Wire.authSwitch("mysql_clear_password"), Wire.authSwitch("dialog", [4]), [0xfe], [0xfb, 0x2f],
                [1], [0xfe] + [UInt8](repeating: 0xff, count: 8), [0xff, 0x0a, 0x05] + Array("#HY000read only".utf8),
            ]
            var sequence: UInt8 = 2
            for _ in 0..<(1 + below(6)) {
                guard let heard = connection.receive(.seconds(3)), !heard.isEmpty else { return }
                connection.send(Wire.packet(answers[below(answers.count)], sequence: sequence))
                sequence = UInt8(below(4))
            }
        }
        _ = connection.waitForEnd(.milliseconds(below(2000)))
    }
}
