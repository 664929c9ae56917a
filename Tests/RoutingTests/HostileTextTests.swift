import Glibc
import SmallStack
import Testing

@testable import Routing

/// Texts that are made to hurt whoever reads them.
@Suite struct HostileTextTests {
    /// What may be said again and again, or within itself; `#` is another number each time. Each ends its own quotes, so
    /// that whatever number of them reads the same way.
    static let fragments = [
        "(", ")", ",", ";", "@a,", "@a#,", "@a#:=1,", "`a`(", "f(", "f(a#,b,c) AS (", "f() AS (", "a.b(", "abs(",
        "GET_LOCK('a#',1),", "RELEASE_LOCK('a#'),", "INTO @a ", "INTO @a#,", "NEXT VALUE FOR ", "FOR ", "@@a.b",
        "a#=1,", "@a#=1,", "@a#=@a#,", "'\\'',", "'a\\'' ", "\"a\"", "/*a*/", "/*!1*/", "--\n", "#\n", "0x", "1e1",
        "ANALYZE ", "ANALYZE SELECT ", "SET STATEMENT a=1 FOR ", "DO;", "SET @a#=1;", "t#.u,",
        "PREPARE p# FROM 'x';", "AND ", "+", "COLLATE a ", "_a'x' ", "a`b`(", "LOCK IN ", "\u{e9}", "BEGIN ",
    ]

    static let openings = ["", "SELECT ", "SET @a=", "SET STATEMENT ", "INSERT ", "DROP TABLE ", "CALL p("]

    /// At least so many bytes, and of fragments whole ones.
    static func text(_ opening: String, _ fragment: String, count: Int) -> [UInt8] {
        let parts = fragment.split(separator: "#", omittingEmptySubsequences: false).map { Array($0.utf8) }
        var bytes = Array(opening.utf8)
        var number = 0
        while bytes.count < count {
            bytes += parts.joined(separator: Array("\(number)".utf8))
            number += 1
        }
        return bytes
    }

    static func note(_ text: [UInt8], in journal: inout SessionJournal) {
        let facts = text.withUnsafeBytes { StatementClassifier.classify($0, dialect: Dialect(status: 0x0002)) }
        if let change = facts.change { journal.apply(change) }
    }

    /// State for the changes to meet.
    static func busyJournal() -> SessionJournal {
        var journal = SessionJournal()
        for i in 0..<50 {
            func name(_ letter: String) -> [UInt8] { Array("\(letter)\(i)".utf8) }
            journal.apply(
                .setUserVariables([.init(name: name("a"), expression: Array("'x'".utf8), isContextual: true)]))
            journal.apply(.createTemporaryTable(.init(table: name("t"))))
            journal.apply(.userLock(name("a")))
            journal.apply(.handlerOpen(name("h")))
        }
        return journal
    }

    @Test(
        "what stands in itself, a million deep, on a small stack",
        arguments: ["SET STATEMENT a=1 FOR ", "ANALYZE SELECT ", "EXECUTE IMMEDIATE '", "(", "f(", "WITH a AS ("])
    func nesting(_ fragment: String) {
        onSmallStack {
            // The deepest that the limit lets through, and a million.
            for count in [StatementClassifier.byteCountMax - fragment.utf8.count, fragment.utf8.count * 1_000_000] {
                let text = Self.text("", fragment, count: count)
                var journal = SessionJournal()
                Self.note(text, in: &journal)
                #expect(journal.restoration().flatMap(\.texts).count <= 1)
            }
        }
    }

    @Test("what is nested too deep is a loss, never silently read as something else")
    func tooDeep() {
        let prefix = "SET STATEMENT lock_wait_timeout=1 FOR "
        for depth in [1, Nesting.depthMax] {
            let read = facts(String(repeating: prefix, count: depth) + "SELECT 1")
            #expect(read.effect == .read)
            // Flat, so that neither whoever applies it nor its end recurses.
            guard case .several(let changes) = change(String(repeating: prefix, count: depth) + "SET @a=1") else {
                Issue.record("no list of changes")
                return
            }
            #expect(changes.count == depth + 2)
            #expect(changes.allSatisfy { if case .several = $0 { false } else { true } })
        }
        for depth in [Nesting.depthMax + 1, 8_000] {
            let read = facts(String(repeating: prefix, count: depth) + "SELECT 1")
            #expect(read.effect == .opaque)
            var journal = SessionJournal()
            if let change = read.change { journal.apply(change) }
            #expect(journal.losses == .unknown)
        }
    }

    @Test("twice the text is twice the work, for classifier and journal", arguments: openings)
    func linear(_ opening: String) {
        let busy = Self.busyJournal()
        for fragment in Self.fragments {
            func work(_ count: Int) -> UInt64 {
                let text = Self.text(opening, fragment, count: count)
                var journal = busy
                let before = Self.computed()
                Self.note(text, in: &journal)
                return Self.computed() - before
            }
            // More than the lists that are kept. Of the least of several, since a machine has other things to do; four
            // times the text is at most ten times the work (caches are not for free), the square of it is sixteen times.
            var small = UInt64.max
            var large = UInt64.max
            for _ in 0..<16 {
                small = min(small, work(8_000))
                large = min(large, work(32_000))
                if large < 10 * small { break }
            }
            #expect(large < 10 * small, "\(opening)\(fragment)…: \(small) ns, \(large) ns")
        }
    }

    /// Nanoseconds that this thread has computed.
    private static func computed() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    @Test("a short EXECUTE does not read a long text again")
    func executed() {
        var journal = SessionJournal()
        let name = Array("p".utf8)
        let text = Array("'DO ".utf8) + [UInt8](repeating: 0x20, count: SessionJournal.executedMax) + Array("1'".utf8)
        journal.apply(.prepareName(name, .literal(text)))
        #expect(journal.isMovable)
        journal.apply(.executeName(name))
        #expect(journal.losses == .unknown)

        journal.apply(.prepareName(name, .literal(Array("'SELECT ".utf8) + text.dropFirst(4))))
        journal.lossesTold()
        journal.apply(.executeName(name))
        #expect(journal.isMovable)
    }

    @Test("what a session keeps is bounded in its number too")
    func kept() {
        var journal = SessionJournal(byteCountMax: 16_384)
        for i in 0..<1_000 {
            journal.apply(.prepareName(Array("\(i)".utf8), .literal(Array("''".utf8))))
            if journal.losses.contains(.tooLarge) { break }
            #expect(i < journal.byteCountMax / SessionJournal.textOverhead)
        }
        #expect(journal.losses.contains(.tooLarge))
        #expect(journal.byteCount < 1_000)

        journal = SessionJournal()
        for i in 0...SessionJournal.variablesMax {
            #expect(journal.isMovable)
            journal.systemVariable(name: Array("v\(i)".utf8), value: [])
        }
        #expect(journal.losses == .tooLarge)

        let comment = "/*" + String(repeating: "x", count: SessionJournal.textMax) + "*/"
        for text in ["SET NAMES \(comment) utf8", "SET ROLE \(comment) r"] {
            journal = SessionJournal()
            #expect(change(text) != nil)
            if let change = change(text) { journal.apply(change) }
            #expect(journal.losses == .tooLarge)
            #expect(journal.byteCount < 1_000)
        }
    }
}
