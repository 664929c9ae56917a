import Cluster
import Reactor
import Testing

@Suite struct MailboxTests {
    @Test func everyMessageArrivesOnceAndInEachPostersOrder() throws {
        let loop = try guardedLoop()
        let mailbox = try Mailbox<(poster: Int, number: Int)>()
        let posters = 4
        let each = 5000
        var next = Array(repeating: 0, count: posters)
        var received = 0
        mailbox.attach(to: loop) { message in
            #expect(message.number == next[message.poster])
            next[message.poster] += 1
            received += 1
            if received == posters * each { loop.stop() }
        }
        let threads = try (0..<posters).map { poster in
            try spawnThread(named: "poster") {
                for number in 0..<each { mailbox.post((poster, number)) }
            }
        }
        loop.run()
        for thread in threads { thread.join() }
        #expect(next == Array(repeating: each, count: posters))
    }

    @Test func whatWasPostedBeforeAttachingArrives() throws {
        let loop = try guardedLoop()
        let mailbox = try Mailbox<Int>()
        mailbox.post(1)
        mailbox.post(2)
        var received: [Int] = []
        mailbox.attach(to: loop) {
            received.append($0)
            if $0 == 1 { mailbox.post(3) }
            if $0 == 3 { loop.stop() }
        }
        loop.run()
        #expect(received == [1, 2, 3])
    }

    @Test func aThreadRunsItsOwnLoopAndIsStoppedByMail() throws {
        let mailbox = try Mailbox<Bool>()
        let thread = try spawnThread(named: "a name longer than the kernel keeps") {
            do {
                let loop = try guardedLoop()
                mailbox.attach(to: loop) { _ in loop.stop() }
                loop.run()
            } catch {
                Issue.record("\(error)")
            }
        }
        mailbox.post(true)
        thread.join()
    }
}
