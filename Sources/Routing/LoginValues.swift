/// What a session has from its login, before it has set anything: from the server's globals, its configuration or
/// `init_connect`. Another server may give other values.
///
/// Sessions that got the same share one copy (``LoginValueTable``).
public struct LoginValues: Sendable, Hashable {
    /// Of ``SessionVariables/fromLogin``, in that order.
    let values: [[UInt8]]
    /// What the client is told of its session's changes while it has not chosen.
    let tracking: ClientTracking
    /// collation_database: that of the default schema, but for a session that has been reset.
    let collationOfSchema: [UInt8]

    /// Asks for all of it: one row of one value, whatever the character set of results. It has to be the first thing that
    /// a session is asked, before ``SessionJournal/trackingText``. VALUES, and not SELECT, leaves FOUND_ROWS() alone.
    public static let question: [UInt8] = {
        var text = Array("VALUES (CAST(CONCAT_WS(X'1F'".utf8)
        for name in Self.names {
            text += Array(",@@\(name)".utf8)
        }
        for name in SessionVariables.fromLogin {
            let value = Array("@@".utf8) + name
            text += Array(",".utf8)
            text +=
                SessionVariables.nullable.contains(name)
                ? Array("IFNULL(".utf8) + value + Array(",'')".utf8) : value
        }
        return text + Array(",IFNULL(DATABASE(),'')) AS BINARY))".utf8)
    }()

    /// What stands before the values.
    private static let names = [
        "session_track_system_variables", "session_track_schema", "session_track_state_change", "collation_database",
    ]

    /// Nil where it is not the answer to ``question``.
    init?(row: [UInt8]) {
        let parts = row.split(separator: 0x1f, omittingEmptySubsequences: false).map(Array.init)
        guard parts.count == SessionVariables.fromLogin.count + Self.names.count else { return nil }
        tracking = ClientTracking(
            list: parts[0], showsSchema: ClientTracking.isOn(parts[1]), showsState: ClientTracking.isOn(parts[2]))
        collationOfSchema = parts[3]
        values = Array(parts[Self.names.count...])
    }

    private init(values: [[UInt8]], as others: LoginValues) {
        self.values = values
        tracking = others.tracking
        collationOfSchema = others.collationOfSchema
    }

    func value(of name: [UInt8]) -> [UInt8]? {
        SessionVariables.fromLogin.firstIndex(of: name).map { values[$0] }
    }

    /// A name (in UTF-8) in the client's character set; nil where that takes more than is known here. To set another
    /// character set and this one again is not the same: by its name it comes with another collation.
    func spelling(of name: [UInt8]) -> [UInt8]? {
        switch value(of: SessionVariables.characterSetClient).map({ String(decoding: $0, as: UTF8.self) }) {
        case "utf8mb4", "utf8mb3", "utf8": return name
        case "latin1":
            var text: [UInt8] = []
            for scalar in String(decoding: name, as: UTF8.self).unicodeScalars {
                // Below U+00A0 it is Windows' own.
                guard scalar.isASCII || (0xa0...0xff).contains(scalar.value) else { return nil }
                text.append(UInt8(truncatingIfNeeded: scalar.value))
            }
            return text
        case _: return nil
        }
    }

    var isAutocommit: Bool { value(of: SessionVariables.autocommit).map(ClientTracking.isOn) ?? true }

    /// What has to be set where those are `others`, but for autocommit.
    func differing(from others: LoginValues) -> [(name: [UInt8], value: [UInt8])] {
        if values == others.values { return [] }
        return zip(SessionVariables.fromLogin, values).enumerated()
            .filter { $0.element.1 != others.values[$0.offset] && $0.element.0 != SessionVariables.autocommit }
            .map { (name: $0.element.0, value: $0.element.1) }
            .sorted(by: SessionVariables.precedes)
    }

    /// With the value that `others` has: it could not be set.
    func giving(up name: [UInt8], to others: LoginValues) -> LoginValues {
        guard let index = SessionVariables.fromLogin.firstIndex(of: name) else { return self }
        var values = values
        values[index] = others.values[index]
        return LoginValues(values: values, as: self)
    }
}

/// The login values of many sessions, each kept once.
public struct LoginValueTable: Sendable {
    private var known: [[UInt8]: LoginValues] = [:]

    /// Where logins differ more than this, the table begins anew; sessions keep what they have.
    static let countMax = 64

    public init() {}

    /// `packet`: the payload of the row that answers ``LoginValues/question``; what it says, and the default schema in
    /// UTF-8 (empty: none). Nil where it is no such row.
    public mutating func values(ofRow packet: [UInt8]) -> (values: LoginValues, schema: [UInt8])? {
        guard let row = OneValueRow.value(packet), let end = row.lastIndex(of: 0x1f) else { return nil }
        let schema = Array(row[(end + 1)...])
        let said = Array(row[..<end])
        if let values = known[said] { return (values, schema) }
        guard let values = LoginValues(row: said) else { return nil }
        if known.count == Self.countMax { known = [:] }
        known[said] = values
        return (values, schema)
    }
}
