import Glibc

/// Where the keys and values of a TOML text stand. The TOML library reads values and tells no positions, so this walks
/// over the same text a second time; it expects text that the library has accepted, and merely finds less in any other.
struct Outline {
    /// A key's path from the root; an element of an array is `#0`, `#1`, ….
    typealias Path = [String]

    struct Place {
        /// The key, or the section's header.
        var key: Position
        var value: Position
    }

    /// The longest path that is read, of sections, keys, arrays and inline tables together. (The deepest key there is
    /// has three parts.) The library recurses, and its own bound is not one of keys.
    static let levelsMax = 32

    private(set) var places: [Path: Place] = [:]
    /// What the library must not be given, since it would end the process; nothing is read from there on.
    private(set) var fault: (position: Position, message: String)?
    private var bytes: [UInt8]
    private var index = 0
    private var position = Position(line: 1, column: 1)
    /// How often an array of tables (`[[node]]`) has been opened.
    private var opened: [Path: Int] = [:]

    init(_ text: String) {
        bytes = Array(text.utf8)
        // A byte order mark is no part of the first key; the library passes it over too.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
        walk()
        // It may hold secrets.
        bytes.withUnsafeMutableBytes { if let start = $0.baseAddress { explicit_bzero(start, $0.count) } }
        bytes = []
    }

    // MARK: Bytes

    private var byte: UInt8? { index < bytes.count ? bytes[index] : nil }

    private func ahead(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { index + $0.count <= bytes.count && bytes[index..<index + $0.count].elementsEqual($0) }
    }

    private mutating func step(_ count: Int = 1) {
        for _ in 0..<count {
            guard let here = byte else { return }
            index += 1
            if here == UInt8(ascii: "\n") {
                position = Position(line: position.line + 1, column: 1)
            } else if byte.map({ $0 & 0xC0 != 0x80 }) ?? true {
                // The next byte begins a character (it does not continue one of UTF-8's sequences).
                position.column += 1
            }
        }
    }

    /// Notes what is wrong, and ends the walk.
    private mutating func giveUp(_ message: String = "more than \(levelsMax) levels of tables, keys and arrays") {
        if fault == nil { fault = (position, message) }
        index = bytes.count
    }

    private mutating func skipBlanks() {
        while let b = byte, b == UInt8(ascii: " ") || b == UInt8(ascii: "\t") { step() }
    }

    private mutating func skipLine() {
        while let b = byte, b != UInt8(ascii: "\n") { step() }
    }

    /// Blanks, line ends and comments.
    private mutating func skipSpace() {
        while let b = byte {
            switch b {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"): step()
            case UInt8(ascii: "#"): skipLine()
            default: return
            }
        }
    }

    // MARK: Structure

    private mutating func walk() {
        var section: Path = []
        while true {
            skipSpace()
            guard let b = byte else { return }
            if b == UInt8(ascii: "[") {
                section = header()
            } else {
                pair(in: section)
            }
            skipLine()
        }
    }

    /// `[a.b]` or `[[a.b]]`; its path.
    private mutating func header() -> Path {
        let start = position
        let isArray = ahead("[[")
        step(isArray ? 2 : 1)
        skipBlanks()
        // The library asserts that a key begins here.
        if let b = byte, !Self.beginsKey(b), b != UInt8(ascii: "]") {
            giveUp("a section's name must begin with a letter, a digit, a dash, an underscore or a quote")
        }
        let names = key()
        guard names.count <= Self.levelsMax else { return [] }
        var path: Path = []
        for (i, name) in names.enumerated() {
            path.append(name)
            if i == names.count - 1 {
                places[path] = places[path] ?? Place(key: start, value: start)
                if isArray { opened[path, default: 0] += 1 }
            }
            if let count = opened[path] { path.append("#\(count - 1)") }
        }
        places[path] = places[path] ?? Place(key: start, value: start)
        return path
    }

    /// `a.b = value`
    private mutating func pair(in section: Path) {
        let start = position
        let before = index
        let names = key()
        skipBlanks()
        guard byte == UInt8(ascii: "="), !names.isEmpty else {
            if index == before { step() }
            return
        }
        guard section.count + names.count <= Self.levelsMax else { return giveUp() }
        step()
        skipBlanks()
        // `a.b = 1` opens the table `a` as well.
        for count in 1...names.count {
            let path = section + names.prefix(count)
            places[path] = places[path] ?? Place(key: start, value: count == names.count ? position : start)
        }
        value(at: section + names)
    }

    private mutating func key() -> [String] {
        var names: [String] = []
        while true {
            skipBlanks()
            guard let b = byte else { return names }
            if b == UInt8(ascii: "\"") || b == UInt8(ascii: "'") {
                let start = index + 1
                skipString()
                names.append(String(decoding: bytes[start..<max(start, index - 1)], as: UTF8.self))
            } else {
                let start = index
                while let b = byte, Self.isBare(b) { step() }
                guard index > start else { return names }
                names.append(String(decoding: bytes[start..<index], as: UTF8.self))
            }
            skipBlanks()
            guard byte == UInt8(ascii: ".") else { return names }
            step()
            if names.count > Self.levelsMax { giveUp() }
        }
    }

    private static func beginsKey(_ b: UInt8) -> Bool {
        b == UInt8(ascii: "\"") || b == UInt8(ascii: "'") || b < 0x80 && isBare(b)
    }

    private static func isBare(_ b: UInt8) -> Bool {
        switch b {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: b >= 0x80
        }
    }

    private mutating func value(at path: Path) {
        guard path.count <= Self.levelsMax else { return giveUp() }
        guard let b = byte else { return }
        switch b {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): skipString()
        case UInt8(ascii: "["): array(at: path)
        case UInt8(ascii: "{"): inlineTable(at: path)
        default:
            let start = (index: index, position: position)
            while let b = byte, !Self.endsBareValue(b) { step() }
            // The library asserts that digits are where it takes the rest for a time.
            if BareMoment.isMeant(bytes[start.index..<index]), !BareMoment.isOne(bytes[start.index..<index]) {
                position = start.position
                giveUp("is no date and no time; nothing here takes one, and texts stand in quotes")
            }
        }
    }

    private static func endsBareValue(_ b: UInt8) -> Bool {
        switch b {
        case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: "#"), UInt8(ascii: "\n"): true
        default: false
        }
    }

    private mutating func array(at path: Path) {
        step()
        var count = 0
        while true {
            skipSpace()
            guard let b = byte else { return }
            if b == UInt8(ascii: "]") { return step() }
            // The library asserts that a value begins here.
            if b == UInt8(ascii: "}") { return giveUp("expected a value or the array's closing bracket") }
            let before = index
            let element = path + ["#\(count)"]
            places[element] = Place(key: position, value: position)
            value(at: element)
            count += 1
            skipSpace()
            if byte == UInt8(ascii: ",") { step() }
            if index == before { return }
        }
    }

    private mutating func inlineTable(at path: Path) {
        step()
        while true {
            skipSpace()
            guard let b = byte else { return }
            if b == UInt8(ascii: "}") { return step() }
            let before = index
            pair(in: path)
            skipSpace()
            if byte == UInt8(ascii: ",") { step() }
            if index == before { return }
        }
    }

    /// From the opening quote to behind the closing one; all four kinds.
    private mutating func skipString() {
        let quote = bytes[index]
        let escapes = quote == UInt8(ascii: "\"")
        let isLong = ahead("\"\"\"") || ahead("'''")
        step(isLong ? 3 : 1)
        while let b = byte {
            if escapes, b == UInt8(ascii: "\\") {
                step(2)
            } else if b == quote, !isLong {
                return step()
            } else if b == quote, ahead("\"\"\"") || ahead("'''") {
                step(3)
                // Up to two quotes may stand before the closing three.
                while byte == quote { step() }
                return
            } else if b == UInt8(ascii: "\n"), !isLong {
                return
            } else {
                step()
            }
        }
    }
}
