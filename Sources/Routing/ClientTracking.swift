import MySQLWire

/// What a client has asked to be told of changes of its session (`session_track_…`); the proxy has the server report
/// more than that.
public struct ClientTracking: Sendable, Hashable {
    /// Names of variables with commas between, as the server has them; `*` for all.
    let list: [UInt8]
    let showsSchema: Bool
    let showsState: Bool

    /// A server's own, where that is not known.
    static let usual = ClientTracking(
        list: Array("autocommit,character_set_client,character_set_connection,character_set_results,time_zone".utf8),
        showsSchema: true, showsState: false)

    static func isOn(_ value: some Collection<UInt8>) -> Bool {
        value.elementsEqual("ON".utf8) || value.elementsEqual("1".utf8)
    }

    static func isOff(_ value: some Collection<UInt8>) -> Bool {
        value.elementsEqual("OFF".utf8) || value.elementsEqual("0".utf8)
    }

    /// Whether a direct connection would have been told.
    public func shows(_ change: SessionChange) -> Bool {
        switch change {
        case .systemVariable(let name, _): shows(name)
        case .schema: showsSchema
        case .stateChanged: showsState
        case .gtids, .transactionCharacteristics, .transactionState, .userVariable, .unknown: true
        }
    }

    private func shows(_ name: [UInt8]) -> Bool {
        let name = ASCII.lowercased(name)
        // Of ours these are not, so it is the client's list that has them.
        if ASCII.starts(name, "session_track_") { return true }
        return list.split(separator: 0x2c).contains { item in
            item.elementsEqual([0x2a]) || ASCII.lowercased(Array(item)).elementsEqual(name)
        }
    }

    /// Whether a change of state is shown even where the answer has no room for what it was.
    public var showsStates: Bool { showsState }

    /// The list for `SET session_track_system_variables`: the client's, and what the journal needs. The client's own
    /// comes first, since the first of several that share a report gives it its name.
    var trackedWithOurs: [UInt8] {
        var own = list.split(separator: 0x2c).map { ASCII.lowercased(Array($0)) }
        let all = own.contains([0x2a])
        own.removeAll { $0 == [0x2a] || $0.isEmpty }
        var text = own.flatMap { $0 + [0x2c] } + Array(SessionVariables.tracked.utf8)
        if all { text += Array(",last_gtid,*".utf8) }
        return text
    }
}
