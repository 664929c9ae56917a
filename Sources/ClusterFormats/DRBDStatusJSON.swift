import Foundation
import Health

/// Reads `drbdsetup status --json` of DRBD 9. Keys that are not needed may be missing or new.
public enum DRBDStatusJSON {
    static let bytesMax = 4 * 1024 * 1024
    /// Of brackets; the format has 6.
    static let depthMax = 32

    /// - Returns: resources by name; empty where none is configured.
    public static func resources(in bytes: [UInt8]) throws(FormatError) -> [DRBDResourceView] {
        guard !bytes.isEmpty else { throw FormatError(.drbdStatusJSON, .empty) }
        guard bytes.count <= bytesMax else { throw FormatError(.drbdStatusJSON, .tooMuch("bytes", max: bytesMax)) }
        try checkDepth(bytes)
        let read: [Resource]
        do {
            read = try JSONDecoder().decode([Resource].self, from: Data(bytes))
        } catch let error as DecodingError {
            throw FormatError(.drbdStatusJSON, .malformed(sentence(error)))
        } catch {
            throw FormatError(.drbdStatusJSON, .malformed(excerpt("\(error)")))
        }
        var views: [DRBDResourceView] = []
        for resource in read { views.append(try resource.view()) }
        return views.sorted { $0.name < $1.name }
    }

    /// The decoder recurses; how deep is not for the text to say.
    private static func checkDepth(_ bytes: [UInt8]) throws(FormatError) {
        var depth = 0
        var isInText = false
        var isEscaped = false
        for byte in bytes {
            if isInText {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInText = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInText = true
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
            guard depth <= depthMax else { throw FormatError(.drbdStatusJSON, .tooMuch("levels", max: depthMax)) }
        }
    }

    private static func sentence(_ error: DecodingError) -> String {
        func place(_ context: DecodingError.Context) -> String {
            context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
        }
        return switch error {
        case .keyNotFound(let key, let context): excerpt("\(place(context)): no \(key.stringValue)")
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            excerpt("\(place(context)): \(context.debugDescription)")
        @unknown default: excerpt("\(error)")
        }
    }

    private static func word<Word: RawRepresentable<String>>(_ key: String, _ text: String) throws(FormatError) -> Word
    {
        guard let word = Word(rawValue: text) else {
            throw FormatError(.drbdStatusJSON, .unknownWord(key: key, word: excerpt(text)))
        }
        return word
    }

    private struct Resource: Decodable {
        var name: String
        var role: String
        var suspended: Bool
        var user: Bool?
        var noData: Bool?
        var fencing: Bool?
        var quorum: Bool?
        var devices: [Device]
        var connections: [Connection]

        enum CodingKeys: String, CodingKey {
            case name, role, suspended, devices, connections
            case user = "suspended-user"
            case noData = "suspended-no-data"
            case fencing = "suspended-fencing"
            case quorum = "suspended-quorum"
        }

        func view() throws(FormatError) -> DRBDResourceView {
            var reasons: [DRBDSuspension] = []
            if user == true { reasons.append(.user) }
            if noData == true { reasons.append(.noData) }
            if fencing == true { reasons.append(.fencing) }
            if quorum == true { reasons.append(.quorum) }
            if suspended, reasons.isEmpty { reasons.append(.unsaid) }
            var volumes: [DRBDResourceView.Volume] = []
            for device in devices {
                volumes.append(
                    .init(
                        number: device.volume, minor: device.minor, disk: try word("disk-state", device.disk),
                        hasQuorum: device.quorum))
            }
            var peers: [DRBDResourceView.Peer] = []
            for connection in connections { peers.append(try connection.peer()) }
            return DRBDResourceView(
                name: name, role: try word("role", role), suspended: reasons,
                volumes: volumes.sorted { $0.number < $1.number }, peers: peers.sorted { ($0.id ?? -1) < ($1.id ?? -1) }
            )
        }
    }

    private struct Device: Decodable {
        var volume: Int
        var minor: Int?
        var disk: String
        var quorum: Bool?

        enum CodingKeys: String, CodingKey {
            case volume, minor, quorum
            case disk = "disk-state"
        }
    }

    private struct Connection: Decodable {
        var id: Int
        var name: String
        var state: String
        var role: String
        var devices: [PeerDevice]

        enum CodingKeys: String, CodingKey {
            case name
            case id = "peer-node-id"
            case state = "connection-state"
            case role = "peer-role"
            case devices = "peer_devices"
        }

        func peer() throws(FormatError) -> DRBDResourceView.Peer {
            var volumes: [DRBDResourceView.PeerVolume] = []
            for device in devices { volumes.append(try device.volume()) }
            return .init(
                id: id, name: name, connection: try word("connection-state", state),
                role: try word("peer-role", role), volumes: volumes.sorted { $0.number < $1.number })
        }
    }

    private struct PeerDevice: Decodable {
        var number: Int
        var replication: String
        var disk: String
        var done: Double?

        enum CodingKeys: String, CodingKey {
            case number = "volume"
            case replication = "replication-state"
            case disk = "peer-disk-state"
            case done = "percent-resync-done"
        }

        func volume() throws(FormatError) -> DRBDResourceView.PeerVolume {
            var hundredths: Int?
            if let done {
                guard done >= 0, done <= 100 else {
                    throw FormatError(.drbdStatusJSON, .malformed("\(done) percent"))
                }
                hundredths = Int((done * 100).rounded())
            }
            return .init(
                number: number, replication: try word("replication-state", replication),
                disk: try word("peer-disk-state", disk), doneHundredths: hundredths)
        }
    }
}
