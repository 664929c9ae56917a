/// Reads `drbdsetup events2` of 8.4 and 9, with or without `--timestamps`, line by line: an initial dump of `exists`
/// lines that ends with `exists -`, then changes, which carry only the keys that changed.
///
/// A thrown error leaves the state unusable: begin anew with a new process and a new stream. Limits: 4 KiB a line,
/// 256 resources, 64 peers and 1024 volumes each.
public struct DRBDEventStream: Sendable {
    public enum Outcome: Hashable, Sendable {
        /// Within the dump, or nothing that is in view changed.
        case nothing
        /// The dump has ended: ``resources`` is whole now.
        case complete
        case changed
        /// DRBD runs a helper (`fence-peer`, `split-brain`, …) for a resource.
        case helperCalled(String, resource: String)
        /// Status as of waitpid(2): exit code times 256.
        case helperAnswered(String, resource: String, status: Int)
    }

    package static let lineBytesMax = 4096
    static let resourcesMax = 256
    static let peersMax = 64
    static let volumesMax = 1024

    /// By name. Empty until the first dump has ended, and while DRBD has nothing configured.
    public private(set) var resources: [DRBDResourceView] = []
    /// Has a whole dump been read?
    public private(set) var isComplete = false
    /// The dump under way; nil between dumps.
    private var dump: [DRBDResourceView]? = []
    private var line = 0
    /// Resources with a split brain that an earlier stream saw.
    private let splitBrains: [String]

    /// - Parameter earlier: what the stream before this one saw last: a split brain is remembered over its end.
    public init(after earlier: [DRBDResourceView] = []) {
        splitBrains = earlier.filter(\.wasSplitBrainDetected).map(\.name)
    }

    /// - Parameter text: one line without its end.
    public mutating func read(_ text: Substring) throws(FormatError) -> Outcome {
        line += 1
        guard text.utf8.count <= DRBDEventStream.lineBytesMax else {
            throw error(.tooMuch("bytes in a line", max: DRBDEventStream.lineBytesMax))
        }
        var words = words(of: text)
        if let first = words.first?.utf8.first, first >= UInt8(ascii: "0"), first <= UInt8(ascii: "9") {
            words.removeFirst()
        }
        guard words.count >= 2 else { throw error(.malformed(excerpt(text))) }
        let verb = words[0]
        if verb == "exists", words[1] == "-" {
            guard var dump else { return .nothing }
            let isFirst = !isComplete
            let before = resources
            for at in dump.indices where dump[at].replication == .off {
                let name = dump[at].name
                let earlier = isFirst ? splitBrains : before.filter(\.wasSplitBrainDetected).map(\.name)
                if earlier.contains(name) { dump[at].wasSplitBrainDetected = true }
            }
            resources = dump
            self.dump = nil
            isComplete = true
            return isFirst || resources != before ? .complete : .nothing
        }
        let fields = try Fields(words.dropFirst(2), line: line)
        if verb == "exists" {
            // Tools that lost events print everything again.
            var all = dump ?? []
            try apply(verb, words[1], fields, &all)
            dump = all
            return .nothing
        }
        if words[1] == "helper" { return try helper(verb, fields) }
        if var all = dump {
            try apply(verb, words[1], fields, &all)
            dump = all
            return .nothing
        }
        let before = resources
        try apply(verb, words[1], fields, &resources)
        return resources == before ? .nothing : .changed
    }

    private func error(_ fault: FormatError.Fault) -> FormatError { FormatError(.drbdEvents, line: line, fault) }

    private mutating func helper(_ verb: Substring, _ fields: Fields) throws(FormatError) -> Outcome {
        let resource = try fields.required("name")
        let helper = try fields.required("helper")
        switch verb {
        case "call":
            if helper == "split-brain" {
                if let at = resources.firstIndex(where: { $0.name == resource }) {
                    resources[at].wasSplitBrainDetected = true
                }
            }
            return .helperCalled(excerpt(helper), resource: excerpt(resource))
        case "response":
            guard let status = Int(try fields.required("status")) else { throw error(.malformed("a helper's status")) }
            return .helperAnswered(excerpt(helper), resource: excerpt(resource), status: status)
        default: throw error(.unknownWord(key: "event", word: excerpt(verb)))
        }
    }

    private func apply(
        _ verb: Substring, _ kind: Substring, _ fields: Fields, _ all: inout [DRBDResourceView]
    ) throws(FormatError) {
        let change: Change
        switch verb {
        case "exists", "create": change = .made
        case "change": change = .changed
        case "destroy": change = .gone
        case "rename":
            guard kind == "resource" else { throw error(.unknownWord(key: "renamed object", word: excerpt(kind))) }
            let name = try fields.required("name")
            guard let at = all.firstIndex(where: { $0.name == name }) else {
                throw error(.unknownObject("resource \(excerpt(name))"))
            }
            all[at].name = String(try fields.required("new_name"))
            all.sort { $0.name < $1.name }
            return
        default: throw error(.unknownWord(key: "event", word: excerpt(verb)))
        }
        switch kind {
        case "resource": try resource(change, fields, &all)
        case "device", "connection", "peer-device":
            let name = try fields.required("name")
            guard let at = all.firstIndex(where: { $0.name == name }) else {
                if change == .gone { return }
                throw error(.unknownObject("resource \(excerpt(name))"))
            }
            switch kind {
            case "device": try device(change, fields, &all[at])
            case "connection": try connection(change, fields, &all[at])
            default: try peerDevice(change, fields, &all[at])
            }
        case "path": return
        default: throw error(.unknownWord(key: "object", word: excerpt(kind)))
        }
    }

    private enum Change { case made, changed, gone }

    private func resource(
        _ change: Change, _ fields: Fields, _ all: inout [DRBDResourceView]
    ) throws(FormatError) {
        let name = String(try fields.required("name"))
        let at = all.firstIndex { $0.name == name }
        if change == .gone {
            if let at { all.remove(at: at) }
            return
        }
        var view: DRBDResourceView
        if let at {
            view = all[at]
        } else if change == .made {
            guard all.count < DRBDEventStream.resourcesMax else {
                throw error(.tooMuch("resources", max: DRBDEventStream.resourcesMax))
            }
            view = DRBDResourceView(name: name, role: try fields.word("role"))
        } else {
            throw error(.unknownObject("resource \(excerpt(name))"))
        }
        if let role: DRBDRole = try fields.wordIfPresent("role") { view.role = role }
        if let text = fields["suspended"] {
            guard let reasons = DRBDSuspension.list(text) else {
                throw error(.unknownWord(key: "suspended", word: excerpt(text)))
            }
            view.suspended = reasons
        }
        if let may = try fields.flag("may_promote") { view.mayPromote = may }
        if let score = try fields.number("promotion_score") { view.promotionScore = score }
        if let at {
            all[at] = view
        } else {
            all.insert(view, at: all.firstIndex { $0.name > name } ?? all.count)
        }
    }

    private func device(
        _ change: Change, _ fields: Fields, _ view: inout DRBDResourceView
    ) throws(FormatError) {
        let number = try fields.volume()
        let at = view.volumes.firstIndex { $0.number == number }
        if change == .gone {
            if let at { view.volumes.remove(at: at) }
            return
        }
        var volume: DRBDResourceView.Volume
        if let at {
            volume = view.volumes[at]
        } else if change == .made {
            guard view.volumes.count < DRBDEventStream.volumesMax else {
                throw error(.tooMuch("volumes", max: DRBDEventStream.volumesMax))
            }
            volume = .init(number: number, disk: try fields.word("disk"))
        } else {
            throw error(.unknownObject("volume \(number) of \(excerpt(view.name))"))
        }
        if let minor = try fields.number("minor") { volume.minor = minor }
        if let disk: DRBDDisk = try fields.wordIfPresent("disk") { volume.disk = disk }
        if let quorum = try fields.flag("quorum") { volume.hasQuorum = quorum }
        if let at {
            view.volumes[at] = volume
        } else {
            view.volumes.insert(volume, at: view.volumes.firstIndex { $0.number > number } ?? view.volumes.count)
        }
    }

    /// A peer is known by its id, or by its name where there is no id.
    private func place(of fields: Fields, in view: DRBDResourceView) throws(FormatError) -> Int? {
        if let id = try fields.number("peer-node-id") { return view.peers.firstIndex { $0.id == id } }
        let name = try fields.required("conn-name")
        return view.peers.firstIndex { $0.name == name }
    }

    private func connection(
        _ change: Change, _ fields: Fields, _ view: inout DRBDResourceView
    ) throws(FormatError) {
        let at = try place(of: fields, in: view)
        if change == .gone {
            if let at { view.peers.remove(at: at) }
            return
        }
        var peer: DRBDResourceView.Peer
        if let at {
            peer = view.peers[at]
        } else if change == .made {
            guard view.peers.count < DRBDEventStream.peersMax else {
                throw error(.tooMuch("peers", max: DRBDEventStream.peersMax))
            }
            peer = .init(
                id: try fields.number("peer-node-id"), connection: try fields.word("connection"),
                role: try fields.word("role"))
        } else {
            throw error(.unknownObject("a connection of \(excerpt(view.name))"))
        }
        if let name = fields["conn-name"] { peer.name = String(name) }
        if let state: DRBDConnection = try fields.wordIfPresent("connection") { peer.connection = state }
        if let role: DRBDRole = try fields.wordIfPresent("role") { peer.role = role }
        if let at {
            view.peers[at] = peer
        } else {
            let id = peer.id ?? -1
            view.peers.insert(peer, at: view.peers.firstIndex { ($0.id ?? -1) > id } ?? view.peers.count)
        }
    }

    private func peerDevice(
        _ change: Change, _ fields: Fields, _ view: inout DRBDResourceView
    ) throws(FormatError) {
        guard let of = try place(of: fields, in: view) else {
            if change == .gone { return }
            throw error(.unknownObject("a connection of \(excerpt(view.name))"))
        }
        let number = try fields.volume()
        let at = view.peers[of].volumes.firstIndex { $0.number == number }
        if change == .gone {
            if let at { view.peers[of].volumes.remove(at: at) }
            return
        }
        var volume: DRBDResourceView.PeerVolume
        if let at {
            volume = view.peers[of].volumes[at]
        } else if change == .made {
            guard view.peers[of].volumes.count < DRBDEventStream.volumesMax else {
                throw error(.tooMuch("volumes of a peer", max: DRBDEventStream.volumesMax))
            }
            volume = .init(number: number, replication: try fields.word("replication"), disk: .unknown)
        } else {
            throw error(.unknownObject("volume \(number) of a peer of \(excerpt(view.name))"))
        }
        if let state: DRBDReplication = try fields.wordIfPresent("replication") {
            volume.replication = state
            // Agreement on the data ends a split brain, as does the resynchronization that brings it about.
            if state != .off { view.wasSplitBrainDetected = false }
        }
        if let disk: DRBDDisk = try fields.wordIfPresent("peer-disk") { volume.disk = disk }
        if let done = fields["done"] { volume.doneHundredths = try hundredths(done, .drbdEvents, line: line) }
        if !volume.replication.isResync { volume.doneHundredths = nil }
        if let at {
            view.peers[of].volumes[at] = volume
        } else {
            let place = view.peers[of].volumes.firstIndex { $0.number > number } ?? view.peers[of].volumes.count
            view.peers[of].volumes.insert(volume, at: place)
        }
    }

    /// The `key:value` words of a line; the first colon divides.
    private struct Fields {
        private var all: [(key: Substring, value: Substring)] = []
        private let line: Int

        init(_ words: ArraySlice<Substring>, line: Int) throws(FormatError) {
            self.line = line
            for word in words {
                guard let (key, value) = word.cut(at: UInt8(ascii: ":")), !key.isEmpty else {
                    throw FormatError(.drbdEvents, line: line, .malformed(excerpt(word)))
                }
                all.append((key, value))
            }
        }

        subscript(key: String) -> Substring? { all.first { $0.key == key }?.value }

        private func error(_ fault: FormatError.Fault) -> FormatError { FormatError(.drbdEvents, line: line, fault) }

        func required(_ key: String) throws(FormatError) -> Substring {
            guard let value = self[key], !value.isEmpty else { throw error(.missing(key)) }
            return value
        }

        func word<Word: RawRepresentable<String>>(_ key: String) throws(FormatError) -> Word {
            let value = try required(key)
            guard let word = Word(rawValue: String(value)) else {
                throw error(.unknownWord(key: key, word: excerpt(value)))
            }
            return word
        }

        func wordIfPresent<Word: RawRepresentable<String>>(_ key: String) throws(FormatError) -> Word? {
            self[key] == nil ? nil : try word(key)
        }

        func number(_ key: String) throws(FormatError) -> Int? {
            guard let value = self[key] else { return nil }
            guard let number = Int(value) else { throw error(.malformed("\(key):\(excerpt(value))")) }
            return number
        }

        func volume() throws(FormatError) -> Int {
            guard let number = try number("volume") else { throw error(.missing("volume")) }
            return number
        }

        func flag(_ key: String) throws(FormatError) -> Bool? {
            switch self[key] {
            case nil: nil
            case "yes": true
            case "no": false
            case let word?: throw error(.unknownWord(key: key, word: excerpt(word)))
            }
        }
    }
}

/// `96.59` as 9659; 0 to 100 with up to two decimals that count.
func hundredths(_ text: Substring, _ format: FormatError.Format, line: Int) throws(FormatError) -> Int {
    guard let percent = Double(text), percent >= 0, percent <= 100 else {
        throw FormatError(format, line: line, .malformed("\(excerpt(text)) percent"))
    }
    return Int((percent * 100).rounded())
}
