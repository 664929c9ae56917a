import Cluster

/// Which tables a text may write, and how: what sets off their triggers.
struct WrittenTables {
    /// Lower case. Those that are only read are among them, but in an INSERT of one statement.
    private(set) var names: Set<[UInt8]> = []
    private(set) var events: Set<TableTrigger.Event> = []

    /// Of a statement, whose reader this is.
    init(_ text: UnsafeRawBufferPointer, _ reader: StatementReader) {
        if (0..<reader.count).contains(where: { reader.isWord($0, "IMMEDIATE") }) {
            self = WrittenTables(anywhereIn: text)
            return
        }
        for index in 0..<reader.count { events.formUnion(Self.events(of: reader, index)) }
        if events.isEmpty { return }
        if let target = Self.target(reader) {
            names = [target]
        } else {
            for index in 0..<reader.count {
                if let name = reader.name(index) { names.insert(ASCII.lowercased(name)) }
            }
        }
    }

    /// Of a statement that runs texts which stand in it: every word counts, quoted or not.
    init(anywhereIn text: UnsafeRawBufferPointer) {
        NameWords.forEach(in: text) { word in
            events.formUnion(Self.events(of: String(decoding: word, as: UTF8.self).uppercased()))
            names.insert(word)
        }
    }

    /// What this word of a statement does to rows.
    static func events(of reader: StatementReader, _ index: Int) -> [TableTrigger.Event] {
        if reader.kind(index) != .word { return [] }
        let events = events(of: reader.word(index))
        // SELECT … FOR UPDATE
        return events == [.update] && reader.isWord(index - 1, "FOR") ? [] : events
    }

    private static func events(of word: String) -> [TableTrigger.Event] {
        switch word {
        case "INSERT": [.insert]
        case "UPDATE": [.update]
        case "DELETE": [.delete]
        case "REPLACE", "LOAD": [.insert, .delete]
        case _: []
        }
    }

    /// What an INSERT or REPLACE puts rows into, where the text is nothing else.
    private static func target(_ reader: StatementReader) -> [UInt8]? {
        guard reader.isWord(0, "INSERT") || reader.isWord(0, "REPLACE") else { return nil }
        for index in 0..<reader.count where reader.isSymbol(index, ";") && index + 1 < reader.count { return nil }
        var index = 1
        while ["LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "IGNORE", "INTO"].contains(reader.word(index)) { index += 1 }
        while reader.isSymbol(index + 1, ".") { index += 2 }
        return reader.name(index).map(ASCII.lowercased)
    }
}
