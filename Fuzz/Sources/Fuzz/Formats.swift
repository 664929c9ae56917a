import Cluster
import ClusterFormats
import Doctor
import Health

/// What the cluster's and DRBD's tools print: no trap; what is accepted has the sense that the rest relies on.
enum Formats {
    static func read(_ bytes: UnsafeRawBufferPointer) {
        var input = Input(bytes)
        let kind = input.byte()
        let bytes = input.all()
        let text = String(decoding: bytes, as: UTF8.self)
        do throws(FormatError) {
            switch kind % 14 {
            case 0: judge(try PacemakerView(xml: bytes))
            case 1: _ = try ClusterInformationBase(xml: bytes)
            case 2: judge(try DRBDStatusJSON.resources(in: bytes))
            case 3: judge(try DRBDStatus.resources(in: text))
            case 4: judge(try ProcDRBD.resources(in: text))
            case 5:
                var stream = DRBDEventStream()
                for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                    _ = try stream.read(line)
                    judge(stream.resources)
                }
            case 6:
                let generations = try DRBDGenerations(showing: text)
                require(generations.relation(to: generations) == .same, "not the same as itself")
            case 7: _ = try QuorumView(text: text)
            case 8: _ = try AlertEvent(line: text).meaning
            case 9:
                let configuration = try ClusterConfiguration(xml: bytes)
                judge { $0.configuration = .known(configuration) }
            case 10:
                let configuration = try DRBDConfiguration(xml: bytes)
                judge { $0.drbd = .known(configuration) }
            case 11, 12:
                let settings = kind % 14 == 11 ? try CorosyncSettings(map: text) : try CorosyncSettings(file: text)
                judge { $0.corosync = .known(settings) }
            default: _ = try TransitionSummary(text: text).touches("a")
            }
        } catch {
            require(!error.description.isEmpty, "refused without a word")
        }
        if let generation = DataGeneration(text) {
            require(DataGeneration(generation.description) == generation, "\(generation) is not what it says")
        }
    }

    /// The doctor has a word for whatever is configured.
    private static func judge(_ read: (inout Facts) -> Void) {
        var facts = Facts()
        read(&facts)
        require(!Examination(facts).text().isEmpty, "examined without a word")
    }

    private static func judge(_ view: PacemakerView) {
        let names = ResourceNames()
        _ = view.promoted(names)
        _ = view.progress(names)
        _ = view.plannedMove(names)
        for node in view.nodes { _ = (view.isLeaving(node.name, names), view.isGated(node.name)) }
        _ = view.gone
    }

    private static func judge(_ resources: [DRBDResourceView]) {
        for view in resources {
            _ = (view.disk, view.peerDisk, view.connection, view.peerRole, view.replication, view.isWritable)
            if let done = view.doneHundredths { require((0...10_000).contains(done), "\(done) hundredths") }
        }
    }
}
