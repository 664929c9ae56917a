import Cluster
import Glibc

/// What administrators said of the nodes, kept over restarts in the format of HAProxy's server-state files: what
/// `show servers state` prints. One that was saved by hand is as good.
public struct StateFile: Sendable {
    public struct Entry: Sendable, Hashable {
        public var node: NodeID
        public var administrative: AdministrativeState
        public var weight: Int
    }

    public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        public var description: String
    }

    static let sizeMax = 1 << 20
    let path: String

    /// What the file says of these nodes; nothing where there is no file yet. Lines of other proxies and nodes are
    /// passed over.
    func read(proxy: String, nodes: [Node]) throws(Failure) -> [Entry] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0, errno == ENOENT { return [] }
        guard descriptor >= 0 else { throw failure("can't be read") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= Self.sizeMax {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 { throw failure("can't be read") }
            if count == 0 { return try Self.entries(String(decoding: bytes, as: UTF8.self), proxy, nodes, path) }
            bytes += buffer[..<count]
        }
        throw Failure(description: "\(path) is larger than any state file")
    }

    static func entries(
        _ text: String, _ proxy: String, _ nodes: [Node], _ path: String = "the file"
    ) throws(Failure) -> [Entry] {
        let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        if lines.isEmpty { return [] }
        guard lines[0] == ["1"] else { throw Failure(description: "\(path) is no server-state file of version 1") }
        var entries: [Entry] = []
        for fields in lines.dropFirst() where fields.first?.hasPrefix("#") == false {
            guard fields.count >= 19, let bits = Int(fields[6]), let weight = Int(fields[7]) else {
                throw Failure(description: "\(path) has a line that is none of a server's state")
            }
            guard fields[1] == proxy, let node = nodes.first(where: { $0.name == fields[3] }) else { continue }
            // What was said at run time; HAProxy's other bits come from its configuration.
            let state: AdministrativeState = bits & 1 != 0 ? .maintenance : bits & 8 != 0 ? .drain : .ready
            entries.append(Entry(node: node.id, administrative: state, weight: (0...256).contains(weight) ? weight : 1))
        }
        return entries
    }

    /// The old file or the new one, never half of one.
    func write(_ text: String) throws(Failure) {
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw failure("can't be written") }
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                let error = failure("can't be written")
                close(descriptor)
                unlink(temporary)
                throw error
            }
            sent += count
        }
        close(descriptor)
        if rename(temporary, path) != 0 { throw failure("can't be written") }
    }

    private func failure(_ what: String) -> Failure {
        Failure(description: "\(path) \(what): \(String(cString: strerror(errno)))")
    }
}
