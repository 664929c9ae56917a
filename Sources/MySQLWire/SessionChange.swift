/// One thing of the session that a statement changed, as attached to an OK packet.
/// Source: MariaDB's sql/session_tracker.cc. MariaDB sends one system variable per entry; entries with several pairs,
/// which its documentation allows, are read as several changes.
public enum SessionChange: Equatable, Hashable, Sendable {
    case systemVariable(name: [UInt8], value: [UInt8])
    /// The default schema is now this; empty where there is none.
    case schema([UInt8])
    /// Something that is tracked in no other way changed too.
    case stateChanged(Bool)
    /// MySQL only; the entry's bytes.
    case gtids([UInt8])
    /// The statements that would start a transaction with the present characteristics (`SET TRANSACTION …;`).
    case transactionCharacteristics([UInt8])
    /// 8 characters, `________` for none: T explicit, I implicit, r/R read, w/W written, s unsafe, S results, L locked.
    case transactionState([UInt8])
    /// MariaDB 11.5 on, where built in; nil is NULL.
    case userVariable(name: [UInt8], value: [UInt8]?)
    case unknown(type: UInt8)

    /// Reads one entry and appends what it means.
    static func read(_ reader: inout PacketReader, into changes: inout [SessionChange]) throws(WireError) {
        let type = try reader.uint8("session state: type")
        var entry = PacketReader(try reader.lengthEncodedSlice("session state: entry"))
        switch type {
        case 0:
            while !entry.isAtEnd {
                let name = try entry.lengthEncodedArray("session state: variable name")
                let value = try entry.lengthEncodedArray("session state: variable value")
                changes.append(.systemVariable(name: name, value: value))
            }
        case 1: changes.append(.schema(try entry.lengthEncodedArray("session state: schema")))
        case 2: changes.append(.stateChanged(entry.rest().last == UInt8(ascii: "1")))
        case 3: changes.append(.gtids(entry.rest()))
        case 4:
            changes.append(.transactionCharacteristics(try entry.lengthEncodedArray("session state: characteristics")))
        case 5: changes.append(.transactionState(try entry.lengthEncodedArray("session state: transaction")))
        case 6:
            let name = try entry.lengthEncodedArray("session state: user variable name")
            let value = entry.isAtEnd ? nil : try entry.lengthEncodedArray("session state: user variable value")
            changes.append(.userVariable(name: name, value: value))
        case _: changes.append(.unknown(type: type))
        }
    }

    /// Appends the entry; an unknown one has nothing to say and is left out.
    func write(to writer: inout PacketWriter) {
        var entry = PacketWriter()
        let type: UInt8
        switch self {
        case .systemVariable(let name, let value):
            type = 0
            entry.lengthEncoded(name)
            entry.lengthEncoded(value)
        case .schema(let name):
            type = 1
            entry.lengthEncoded(name)
        case .stateChanged(let changed):
            type = 2
            entry.uint8(UInt8(ascii: changed ? "1" : "0"))
        case .gtids(let bytes):
            type = 3
            entry.raw(bytes)
        case .transactionCharacteristics(let text):
            type = 4
            entry.lengthEncoded(text)
        case .transactionState(let text):
            type = 5
            entry.lengthEncoded(text)
        case .userVariable(let name, let value):
            type = 6
            entry.lengthEncoded(name)
            if let value { entry.lengthEncoded(value) }
        case .unknown: return
        }
        writer.uint8(type)
        writer.lengthEncoded(entry.bytes)
    }
}
