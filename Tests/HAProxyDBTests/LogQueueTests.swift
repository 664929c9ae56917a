import Cluster
import Foundation
import Glibc
import Testing

@testable import HAProxyDB

@Suite struct LogQueueTests {
    private func drained(_ queue: inout LogQueue<String>) -> [LogQueue<String>.Entry] {
        var all: [LogQueue<String>.Entry] = []
        while let entry = queue.next() { all.append(entry) }
        return all
    }

    @Test func givesLinesInTheirOrder() {
        var queue = LogQueue<String>()
        for number in 0..<3000 {
            queue.add("\(number)", bytes: 10)
            if number % 2 == 1 { #expect(queue.next() == .line("\(number / 2)")) }
        }
        #expect(queue.count == 1500 && queue.bytes == 15_000)
        #expect(drained(&queue) == (1500..<3000).map { .line("\($0)") })
        #expect(queue.bytes == 0 && queue.lostTotal == 0)
    }

    @Test func whatIsTooManyIsLostAndToldInItsPlace() {
        var queue = LogQueue<String>(linesMax: 3, bytesMax: 100)
        for text in ["a", "b", "c", "d", "e"] { queue.add(text, bytes: 1) }
        #expect(queue.lostTotal == 2)
        #expect(queue.next() == .line("a"))
        // One place is free, and the word on the loss would take it.
        queue.add("f", bytes: 1)
        #expect(queue.next() == .line("b"))
        queue.add("g", bytes: 1)
        #expect(drained(&queue) == [.line("c"), .lost(3), .line("g")])
        #expect(queue.lostTotal == 3)
    }

    @Test func isBoundedInBytes() {
        var queue = LogQueue<String>(linesMax: 100, bytesMax: 10)
        queue.add("a", bytes: 6)
        queue.add("b", bytes: 5)
        #expect(queue.bytes == 6)
        #expect(drained(&queue) == [.line("a"), .lost(1)])
    }

    @Test func theLossIsToldAsSoonAsThereIsNothingElse() {
        var queue = LogQueue<String>(linesMax: 1, bytesMax: 100)
        queue.add("a", bytes: 1)
        queue.add("b", bytes: 1)
        #expect(drained(&queue) == [.line("a"), .lost(1)])
        #expect(drained(&queue) == [])
    }

    @Test func whatCannotBeWrittenIsLostAndNotTriedForEver() {
        var queue = LogQueue<String>()
        queue.add("a", bytes: 1)
        let line = queue.next()
        #expect(line == .line("a"))
        queue.failed(.line("a"))
        #expect(queue.next() == nil)
        queue.add("b", bytes: 1)
        #expect(queue.next() == .lost(1))
        queue.failed(.lost(1))
        #expect(queue.next() == .line("b"))
        queue.add("c", bytes: 1)
        #expect(drained(&queue) == [.lost(1), .line("c")])
        #expect(queue.lostTotal == 1)
    }
}

@Suite struct LogWriterTests {
    private func pipe() throws -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(Glibc.pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    private func text(_ entry: LogQueue<String>.Entry) -> String {
        switch entry {
        case .line(let line): line + "\n"
        case .lost(let count): "lost \(count)\n"
        }
    }

    @Test func nobodyWaitsForAFullPipe() throws {
        let ends = try pipe()
        let writer = try LogWriter<String>(ends.writing, queue: LogQueue(linesMax: 100), format: { [text] in text($0) })
        let long = String(repeating: "x", count: 1000)
        // More than pipe and queue hold: a writer that waited would never come to the end.
        for _ in 0..<1000 { writer.add(long, bytes: 1000) }
        #expect(writer.lost > 0)
        #expect(!writer.finish(within: .milliseconds(20)))
        // Lines, and the words on what was lost between them, until all are accounted for.
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 65_536)
        func accounted() -> Int {
            text.split(separator: "\n").reduce(0) { sum, line in
                sum + (line.hasPrefix("lost ") ? Int(line.dropFirst(5)) ?? 0 : line.count == 1000 ? 1 : 0)
            }
        }
        while !text.hasSuffix("\n") || accounted() < 1000 {
            let count = read(ends.reading, &buffer, buffer.count)
            try #require(count > 0)
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
        #expect(accounted() == 1000)
        #expect(text.split(separator: "\n").count { $0.count == 1000 } == 1000 - Int(writer.lost))
        writer.add("and so on", bytes: 9)
        #expect(writer.finish(within: .seconds(10)))
        #expect(read(ends.reading, &buffer, buffer.count) == 10)
    }

    @Test func aPipeWithoutAReaderIsNoEnd() throws {
        let ends = try pipe()
        signal(SIGPIPE, SIG_IGN)
        close(ends.reading)
        let writer = try LogWriter<String>(ends.writing, format: { [text] in text($0) })
        for _ in 0..<10 { writer.add("x", bytes: 1) }
        #expect(writer.finish(within: .seconds(10)))
        #expect(writer.lost == 10)
    }
}
