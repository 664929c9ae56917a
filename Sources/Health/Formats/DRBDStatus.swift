/// Reads the text of `drbdadm status` and `drbdsetup status` of 8.4 and 9, with or without `--verbose` and
/// `--statistics`. The terse form hides what is normal: that is filled in (a peer without a `connection:` is
/// Connected, one that is Connected replicates). 9's `--json` is better where there is one.
public enum DRBDStatus {
    static let bytesMax = 1024 * 1024
    static let objectsMax = 1024

    /// What the words of a line are about.
    private enum Subject { case resource, volume, peer, peerVolume }

    /// - Returns: resources in the order of the text; empty where none is configured.
    public static func resources(in text: String) throws(FormatError) -> [DRBDResourceView] {
        guard text.utf8.count <= bytesMax else { throw FormatError(.drbdStatus, .tooMuch("bytes", max: bytesMax)) }
        var reader = Reader()
        for (index, line) in lines(of: text).enumerated() {
            if line.utf8.first == UInt8(ascii: "#") { continue }
            try reader.read(line, number: index + 1)
        }
        return try reader.end()
    }

    private struct Reader {
        var done: [DRBDResourceView] = []
        var current: Resource?
        var line = 0

        struct Resource {
            var name: String
            var role: DRBDRole?
            var suspended: [DRBDSuspension] = []
            var volumes: [DRBDResourceView.Volume] = []
            var peers: [Peer] = []
            var subject = Subject.resource
        }

        struct Peer {
            var name: String
            var id: Int?
            var connection: DRBDConnection?
            var role: DRBDRole?
            var volumes: [Volume] = []
        }

        struct Volume {
            var number: Int
            var replication: DRBDReplication?
            var disk: DRBDDisk?
            var done: Int?
        }

        func error(_ fault: FormatError.Fault) -> FormatError { FormatError(.drbdStatus, line: line, fault) }

        mutating func read(_ text: Substring, number: Int) throws(FormatError) {
            line = number
            let words = words(of: text)
            guard let first = words.first else { return }
            var rest = words[...]
            if let byte = text.utf8.first, byte != UInt8(ascii: " "), byte != UInt8(ascii: "\t") {
                try finish()
                // Everything else at the line's beginning is a complaint: "mysql: No such resource".
                guard words.count >= 2, words.dropFirst().allSatisfy({ $0.cut(at: UInt8(ascii: ":")) != nil }),
                    first.utf8.last != UInt8(ascii: ":")
                else { throw error(.malformed(excerpt(text))) }
                current = Resource(name: String(first))
                rest = rest.dropFirst()
            }
            guard var resource = current else { throw error(.malformed(excerpt(text))) }
            // Held once, so that a line does not copy all that was before it.
            current = nil
            for word in rest { try apply(word, to: &resource) }
            current = resource
        }

        /// Long lines are wrapped anywhere, so it is the words that tell what they are about, not the indentation.
        private func apply(_ word: Substring, to resource: inout Resource) throws(FormatError) {
            guard let (key, value) = word.cut(at: UInt8(ascii: ":")), key != "ipv4", key != "ipv6" else {
                guard resource.peers.count < objectsMax else { throw error(.tooMuch("peers", max: objectsMax)) }
                resource.peers.append(Peer(name: String(word)))
                resource.subject = .peer
                return
            }
            switch key {
            case "volume":
                let number = try number(key, value)
                if resource.peers.isEmpty {
                    try addVolume(number, to: &resource)
                } else {
                    try addPeerVolume(number, to: &resource)
                }
            case "disk":
                if resource.subject != .volume { try addVolume(0, to: &resource) }
                resource.volumes[resource.volumes.count - 1].disk = try self.word(key, value)
            case "minor":
                if resource.subject == .volume {
                    resource.volumes[resource.volumes.count - 1].minor = try number(key, value)
                }
            case "quorum":
                guard resource.subject == .volume, value == "yes" || value == "no" else {
                    throw error(.unknownWord(key: "quorum", word: excerpt(value)))
                }
                resource.volumes[resource.volumes.count - 1].hasQuorum = value == "yes"
            case "role":
                if resource.subject == .resource {
                    resource.role = try self.word(key, value)
                } else if !resource.peers.isEmpty {
                    resource.peers[resource.peers.count - 1].role = try self.word(key, value)
                } else {
                    throw error(.malformed(excerpt(word)))
                }
            case "suspended":
                guard let reasons = DRBDSuspension.list(value) else {
                    throw error(.unknownWord(key: "suspended", word: excerpt(value)))
                }
                resource.suspended = reasons
            case "node-id":
                if !resource.peers.isEmpty { resource.peers[resource.peers.count - 1].id = try number(key, value) }
            case "connection":
                guard !resource.peers.isEmpty else { throw error(.malformed(excerpt(word))) }
                resource.peers[resource.peers.count - 1].connection = try self.word(key, value)
            case "replication":
                try ensurePeerVolume(&resource, word)
                setLast(&resource) { $0.replication = nil }
                let state: DRBDReplication = try self.word(key, value)
                setLast(&resource) { $0.replication = state }
            case "peer-disk":
                try ensurePeerVolume(&resource, word)
                let disk: DRBDDisk = try self.word(key, value)
                setLast(&resource) { $0.disk = disk }
            case "done":
                try ensurePeerVolume(&resource, word)
                let done = try hundredths(value, .drbdStatus, line: line)
                setLast(&resource) { $0.done = done }
            // Statistics, and what newer versions add.
            default: break
            }
        }

        private func setLast(_ resource: inout Resource, _ change: (inout Volume) -> Void) {
            let peer = resource.peers.count - 1
            guard peer >= 0, !resource.peers[peer].volumes.isEmpty else { return }
            change(&resource.peers[peer].volumes[resource.peers[peer].volumes.count - 1])
        }

        private func addVolume(_ number: Int, to resource: inout Resource) throws(FormatError) {
            guard resource.peers.isEmpty, !resource.volumes.contains(where: { $0.number == number }) else {
                throw error(.malformed("volume \(number) out of place"))
            }
            guard resource.volumes.count < objectsMax else { throw error(.tooMuch("volumes", max: objectsMax)) }
            resource.volumes.append(.init(number: number, disk: .unknown))
            resource.subject = .volume
        }

        private func addPeerVolume(_ number: Int, to resource: inout Resource) throws(FormatError) {
            let peer = resource.peers.count - 1
            guard !resource.peers[peer].volumes.contains(where: { $0.number == number }) else {
                throw error(.malformed("volume \(number) of a peer twice"))
            }
            guard resource.peers[peer].volumes.count < objectsMax else {
                throw error(.tooMuch("volumes of a peer", max: objectsMax))
            }
            resource.peers[peer].volumes.append(Volume(number: number))
            resource.subject = .peerVolume
        }

        private func ensurePeerVolume(_ resource: inout Resource, _ word: Substring) throws(FormatError) {
            guard !resource.peers.isEmpty else { throw error(.malformed(excerpt(word))) }
            if resource.subject != .peerVolume { try addPeerVolume(0, to: &resource) }
        }

        private func number(_ key: Substring, _ value: Substring) throws(FormatError) -> Int {
            guard let number = Int(value) else { throw error(.malformed("\(excerpt(key)):\(excerpt(value))")) }
            return number
        }

        private func word<Word: RawRepresentable<String>>(
            _ key: Substring, _ value: Substring
        ) throws(FormatError) -> Word {
            guard let word = Word(rawValue: String(value)) else {
                throw error(.unknownWord(key: excerpt(key), word: excerpt(value)))
            }
            return word
        }

        private mutating func finish() throws(FormatError) {
            guard let resource = current else { return }
            guard let role = resource.role else { throw error(.missing("the role of \(excerpt(resource.name))")) }
            guard done.count < objectsMax else { throw error(.tooMuch("resources", max: objectsMax)) }
            done.append(
                DRBDResourceView(
                    name: resource.name, role: role, suspended: resource.suspended, volumes: resource.volumes,
                    peers: resource.peers.map { peer in
                        let connection = peer.connection ?? .connected
                        var volumes = peer.volumes
                        // One that is not mentioned has nothing to say: off, and unknown.
                        if volumes.isEmpty { volumes = resource.volumes.map { Volume(number: $0.number) } }
                        return .init(
                            id: peer.id, name: peer.name, connection: connection, role: peer.role ?? .unknown,
                            volumes: volumes.map { volume in
                                .init(
                                    number: volume.number,
                                    replication: volume.replication ?? (connection == .connected ? .established : .off),
                                    disk: volume.disk ?? .unknown, doneHundredths: volume.done)
                            })
                    }))
            current = nil
        }

        mutating func end() throws(FormatError) -> [DRBDResourceView] {
            try finish()
            return done
        }
    }
}
