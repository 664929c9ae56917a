/// One command of a script. Texts are bytes, since not every character set is UTF-8. `{s}` in them stands for the number
/// of the place where the script runs: its schemas are `f{s}a` and `f{s}b`, and its locks have it in their names.
public struct FidelityStep: Sendable, Hashable {
    public enum Action: Sendable, Hashable {
        case query([UInt8])
        /// COM_STMT_PREPARE under a number of the script's own.
        case prepare(Int, [UInt8])
        /// COM_STMT_EXECUTE; with a cursor the rows are fetched by ``fetch(_:rows:)``.
        case execute(Int, [FidelityValue], cursor: Bool)
        case fetch(Int, rows: UInt32)
        case longData(Int, parameter: UInt16, [UInt8])
        case closeStatement(Int)
        case resetStatement(Int)
        /// COM_INIT_DB
        case useSchema([UInt8])
        case fieldList([UInt8])
        case ping
        case resetConnection
        /// COM_CHANGE_USER, with a collation's id (of 16 bits).
        case changeUser(String, schema: String, collation: UInt16)
        /// COM_SET_OPTION: several statements in one text, or not.
        case multiStatements(Bool)
        /// The session gets another server: all sessions of a batch do at once.
        case move
    }

    /// The kind of thing that this is one of, e.g. `set.expression`; findings are told apart by it.
    public let label: String
    public let action: Action
    /// Steps of one number belong together: a temporary table and its end.
    let group: Int

    public init(_ label: String, _ action: Action, group: Int = 0) {
        self.label = label
        self.action = action
        self.group = group
    }
}

/// A parameter of an execution.
public enum FidelityValue: Sendable, Hashable {
    case null
    case int(Int64)
    case text([UInt8])
    /// Sent ahead by ``FidelityStep/Action/longData(_:parameter:_:)``.
    case sentAhead

    /// MYSQL_TYPE_…: LONGLONG, VAR_STRING, BLOB.
    var type: UInt8 {
        switch self {
        case .int: 8
        case .null, .text: 0xfd
        case .sentAhead: 0xfc
        }
    }
}

extension FidelityStep: CustomStringConvertible {
    public var description: String {
        switch action {
        case .query(let text): Self.shown(text)
        case .prepare(let slot, let text): "[prepare \(slot)] \(Self.shown(text))"
        case .execute(let slot, let values, let cursor):
            "[execute \(slot)\(cursor ? " with a cursor" : "")] "
                + values.map(\.description).joined(separator: ", ")
        case .fetch(let slot, let rows): "[fetch \(slot)] \(rows) rows"
        case .longData(let slot, let parameter, let bytes):
            "[long data \(slot)] parameter \(parameter), \(bytes.count) bytes"
        case .closeStatement(let slot): "[close \(slot)]"
        case .resetStatement(let slot): "[reset \(slot)]"
        case .useSchema(let name): "[init db] \(Self.shown(name))"
        case .fieldList(let name): "[field list] \(Self.shown(name))"
        case .ping: "[ping]"
        case .resetConnection: "[reset connection]"
        case .changeUser(let user, let schema, let collation): "[change user] \(user) \(schema) collation \(collation)"
        case .multiStatements(let on): "[set option] multi statements \(on ? "on" : "off")"
        case .move: "---- move ----"
        }
    }

    /// Printable ASCII as it is, everything else as `\xNN`.
    static func shown(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            if (0x20..<0x7f).contains(byte) {
                text.append(Character(UnicodeScalar(byte)))
            } else {
                let digits = String(byte, radix: 16)
                text += "\\x" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return text
    }
}

extension FidelityValue: CustomStringConvertible {
    public var description: String {
        switch self {
        case .null: "NULL"
        case .int(let number): "\(number)"
        case .text(let bytes): "'\(FidelityStep.shown(bytes))'"
        case .sentAhead: "(sent ahead)"
        }
    }
}

extension FidelityStep.Action {
    /// With the place's number in it.
    func placed(_ place: Int) -> FidelityStep.Action {
        let number = Array("\(place)".utf8)
        func put(_ text: [UInt8]) -> [UInt8] { text.replacingPlace(by: number) }
        return switch self {
        case .query(let text): .query(put(text))
        case .prepare(let slot, let text): .prepare(slot, put(text))
        case .execute(let slot, let values, let cursor):
            .execute(
                slot, values.map { if case .text(let text) = $0 { .text(put(text)) } else { $0 } }, cursor: cursor)
        case .useSchema(let name): .useSchema(put(name))
        case .fieldList(let name): .fieldList(put(name))
        case .changeUser(let user, let schema, let collation):
            .changeUser(
                user, schema: String(decoding: put(Array(schema.utf8)), as: UTF8.self), collation: collation)
        case .fetch, .longData, .closeStatement, .resetStatement, .ping, .resetConnection, .multiStatements, .move:
            self
        }
    }
}

extension [UInt8] {
    fileprivate func replacingPlace(by number: [UInt8]) -> [UInt8] {
        let mark = Array("{s}".utf8)
        var result: [UInt8] = []
        var index = 0
        while index < count {
            if self[index] == mark[0], index + mark.count <= count, Array(self[index..<index + mark.count]) == mark {
                result += number
                index += mark.count
            } else {
                result.append(self[index])
                index += 1
            }
        }
        return result
    }
}
