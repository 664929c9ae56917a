import Cluster

/// A section under inspection: its entries, and where it stands in the text.
struct Section {
    var path: Outline.Path
    /// As errors name it.
    var name: String
    var entries: [String: TOMLTree]
}

/// Collects what is wrong while a configuration is read. Its readers answer nil both for an absent and for a wrong
/// value; a wrong one has been noted, and the caller goes on with the default.
struct Draft {
    enum Side { case key, value }

    let file: String
    let outline: Outline
    private(set) var errors: [ConfigurationError] = []
    private(set) var warnings: [ConfigurationWarning] = []
    /// That the file itself is open to others has been said.
    var hasToldOfItself = false

    init(file: String, outline: Outline) {
        self.file = file
        self.outline = outline
    }

    // MARK: Errors

    mutating func fail(_ path: Outline.Path, at side: Side = .value, key: String, _ message: String) {
        errors.append(ConfigurationError(file: file, position: position(of: path, side), key: key, message: message))
    }

    mutating func warn(_ section: Section, _ key: String, _ message: String) {
        warn(section.path + [key], key: "\(section.name).\(key)", message)
    }

    mutating func warn(_ path: Outline.Path, key: String, _ message: String) {
        let position = position(of: path, .value)
        warnings.append(ConfigurationWarning(file: file, position: position, key: key, message: message))
    }

    private func position(of path: Outline.Path, _ side: Side) -> Position {
        // What an inline table leaves out, or what is missing altogether, is told at the nearest thing that is there.
        var place: Outline.Place?
        var path = path
        while place == nil, !path.isEmpty {
            place = outline.places[path]
            path.removeLast()
        }
        return place.map { side == .key ? $0.key : $0.value } ?? Position(line: 1, column: 1)
    }

    mutating func fail(_ section: Section, _ key: String, at side: Side = .value, _ message: String) {
        fail(section.path + [key], at: side, key: "\(section.name).\(key)", message)
    }

    /// Notes the section's keys that nobody knows.
    mutating func expectOnly(_ known: [String], in section: Section) {
        for key in section.entries.keys.sorted() where !known.contains(key) {
            let help =
                EditDistance.suggestion(for: key, among: known).map { "did you mean \"\($0)\"?" }
                ?? "there are: \(known.joined(separator: ", "))"
            fail(section, key, at: .key, "unknown key; \(help)")
        }
    }

    // MARK: Values

    mutating func require(_ key: String, in section: Section) -> Bool {
        if section.entries[key] != nil { return true }
        fail(section.path, at: .key, key: "\(section.name).\(key)", "is missing")
        return false
    }

    mutating func text(_ key: String, in section: Section, empty: Bool = false) -> String? {
        guard let tree = section.entries[key] else { return nil }
        guard case .text(let text) = tree else {
            fail(section, key, "must be a text in quotes, not \(tree.kind)")
            return nil
        }
        if text.isEmpty, !empty {
            fail(section, key, "must not be empty")
            return nil
        }
        return text
    }

    mutating func flag(_ key: String, in section: Section) -> Bool? {
        guard let tree = section.entries[key] else { return nil }
        guard case .boolean(let flag) = tree else {
            fail(section, key, "must be true or false, not \(tree.kind)")
            return nil
        }
        return flag
    }

    mutating func number(_ key: String, in section: Section, _ range: ClosedRange<Int>) -> Int? {
        guard let tree = section.entries[key] else { return nil }
        guard case .integer(let number) = tree else {
            fail(section, key, "must be a whole number, not \(tree.kind)")
            return nil
        }
        guard range.contains(number) else {
            fail(section, key, "\(number) is outside \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    mutating func span(_ key: String, in section: Section, _ range: ClosedRange<Instant.Span>) -> Instant.Span? {
        quantity(
            key, in: section, range, "length of time", "\"250ms\", \"90s\", \"5m\", \"1h\"", Instant.Span.init(text:))
    }

    mutating func size(_ key: String, in section: Section, _ range: ClosedRange<ByteSize>) -> ByteSize? {
        quantity(key, in: section, range, "amount of memory", "\"256MiB\", \"2GiB\"", ByteSize.init(text:))
    }

    /// A number with its unit, in quotes.
    private mutating func quantity<Value: Comparable>(
        _ key: String, in section: Section, _ range: ClosedRange<Value>, _ kind: String, _ examples: String,
        _ read: (String) -> Value?
    ) -> Value? {
        guard let tree = section.entries[key] else { return nil }
        let units = "a number with its unit in quotes (\(examples))"
        guard case .text(let text) = tree else {
            fail(section, key, "must be \(units), not \(tree.kind)")
            return nil
        }
        guard let value = read(text) else {
            fail(section, key, "\"\(text)\" is no \(kind); write \(units)")
            return nil
        }
        guard range.contains(value) else {
            fail(section, key, "\(text) is outside \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    mutating func endpoint(_ key: String, in section: Section) -> Endpoint? {
        guard let text = text(key, in: section) else { return nil }
        return endpoint(text, at: section.path + [key], key: "\(section.name).\(key)")
    }

    mutating func endpoints(_ key: String, in section: Section) -> [Endpoint]? {
        guard let tree = section.entries[key] else { return nil }
        guard case .array(let elements) = tree else {
            fail(section, key, "must be an array of addresses ([\"0.0.0.0:3306\"]), not \(tree.kind)")
            return nil
        }
        if elements.isEmpty {
            fail(section, key, "must have at least one address")
            return nil
        }
        var endpoints: [Endpoint] = []
        for (i, element) in elements.enumerated() {
            let path = section.path + [key, "#\(i)"]
            let name = "\(section.name).\(key)"
            guard case .text(let text) = element else {
                fail(path, key: name, "must hold addresses in quotes, not \(element.kind)")
                continue
            }
            guard let endpoint = endpoint(text, at: path, key: name) else { continue }
            if endpoints.contains(endpoint) {
                fail(path, key: name, "\(endpoint) is there twice")
            } else {
                endpoints.append(endpoint)
            }
        }
        return endpoints
    }

    private mutating func endpoint(_ text: String, at path: Outline.Path, key: String) -> Endpoint? {
        guard let endpoint = Endpoint(text), !endpoint.host.contains(where: \.isWhitespace) else {
            fail(path, key: key, "\"\(text)\" is no address; write host:port, or [v6]:port")
            return nil
        }
        return endpoint
    }

    mutating func word<Word: RawRepresentable & CaseIterable>(_ key: String, in section: Section) -> Word?
    where Word.RawValue == String {
        guard let text = text(key, in: section) else { return nil }
        if let word = Word(rawValue: text) { return word }
        let words = Word.allCases.map(\.rawValue)
        let help =
            EditDistance.suggestion(for: text, among: words).map { "did you mean \"\($0)\"?" }
            ?? "there are: \(words.joined(separator: ", "))"
        fail(section, key, "\"\(text)\" is unknown; \(help)")
        return nil
    }

    /// `password`, `password_file` or `password_env`: one of them.
    mutating func secret(in section: Section, from source: some SecretSource) -> String? {
        let given = Self.secretKeys.filter { section.entries[$0] != nil }
        guard let key = given.first else {
            fail(
                section.path, at: .key, key: "\(section.name).password",
                "is missing (or password_file, or password_env)")
            return nil
        }
        for other in given.dropFirst() {
            fail(section, other, at: .key, "there is \(key) already; only one of the two can hold the password")
        }
        guard let text = text(key, in: section, empty: key == "password") else { return nil }
        let place: SecretPlace
        switch key {
        case "password_file": place = .file(text)
        case "password_env": place = .environment(text)
        default:
            if !text.isEmpty { holdsSecret(section, key, source) }
            return text
        }
        readsSecret(section, key, at: place, source)
        do {
            return try source.secret(at: place)
        } catch {
            fail(section, key, "the password can't be read from \"\(text)\": \(error.reason)")
            return nil
        }
    }

    static let secretKeys = ["password", "password_file", "password_env"]
}
