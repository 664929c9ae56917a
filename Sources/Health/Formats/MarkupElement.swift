/// An element of a document that was read (see ClusterFormats): what views are made of.
public struct MarkupElement: Sendable, Hashable {
    public var name: String
    public var attributes: [String: String]
    public var children: [MarkupElement]
    /// The text directly within, without that of the children.
    public var text: String
    /// Where it begins, counted from 1.
    public var line: Int

    public init(
        name: String, attributes: [String: String] = [:], children: [MarkupElement] = [], text: String = "",
        line: Int = 0
    ) {
        self.name = name
        self.attributes = attributes
        self.children = children
        self.text = text
        self.line = line
    }

    /// The first child of that name.
    public subscript(child name: String) -> MarkupElement? { children.first { $0.name == name } }

    func children(named name: String) -> [MarkupElement] { children.filter { $0.name == name } }
}

/// Reads an element's attributes in the words of one format.
struct Attributes {
    let element: MarkupElement
    let format: FormatError.Format

    func error(_ fault: FormatError.Fault) -> FormatError { FormatError(format, line: element.line, fault) }

    /// Nil where it is missing or empty.
    subscript(key: String) -> String? {
        guard let value = element.attributes[key], !value.isEmpty else { return nil }
        return value
    }

    func required(_ key: String) throws(FormatError) -> String {
        guard let value = self[key] else { throw error(.missing("\(key) of <\(excerpt(element.name))>")) }
        return value
    }

    func flag(_ key: String) throws(FormatError) -> Bool? {
        guard let word = self[key] else { return nil }
        guard let value = Attributes.truth(word) else { throw error(.unknownWord(key: key, word: excerpt(word))) }
        return value
    }

    func requiredFlag(_ key: String) throws(FormatError) -> Bool {
        guard let value = try flag(key) else { throw error(.missing("\(key) of <\(excerpt(element.name))>")) }
        return value
    }

    func number(_ key: String) throws(FormatError) -> Int? {
        guard let word = self[key] else { return nil }
        guard let value = Attributes.score(word) else { throw error(.malformed("\(key)=\(excerpt(word))")) }
        return value
    }

    /// A number that Pacemaker keeps within its infinities.
    func score(_ key: String) throws(FormatError) -> Int? {
        try number(key).map { min(max($0, -1_000_000), 1_000_000) }
    }

    /// Pacemaker's words for a boolean (crm_str_to_boolean).
    static func truth(_ word: String) -> Bool? {
        switch word.lowercased() {
        case "true", "on", "yes", "y", "1": true
        case "false", "off", "no", "n", "0": false
        default: nil
        }
    }

    /// An integer or Pacemaker's infinity, which is a million.
    static func score(_ word: String) -> Int? {
        switch word {
        case "INFINITY", "+INFINITY": 1_000_000
        case "-INFINITY": -1_000_000
        default: Int(word)
        }
    }
}
