import Cluster
import Foundation
import MySQLWire
import Testing

/// A recorded dialogue with a real server; the format is described in `Fixtures/record.py`.
struct Fixture: CustomTestStringConvertible {
    enum Line: Equatable {
        case note(String)
        case client(Packet)
        case server(Packet)
        /// The server waits for a command.
        case over
    }

    struct Packet: Equatable {
        var sequence: UInt8
        var payload: [UInt8]
        var framed: [UInt8]

        /// A COM_STMT_EXECUTE with a cursor type.
        var asksForCursor: Bool {
            payload.first == Command.statementExecute.rawValue
                && payload.withUnsafeBytes { CommandPacket.cursorType($0) ?? 0 } != 0
        }
    }

    struct Unreadable: Error { var text: String }

    let name: String
    let capabilities: Capabilities
    let lines: [Line]

    var testDescription: String { name }

    init(_ name: String) throws {
        guard
            let file = Bundle.module.url(forResource: name, withExtension: "txt", subdirectory: "Fixtures")
        else { throw Unreadable(text: name) }
        self.name = name
        var capabilities: Capabilities?
        var lines: [Line] = []
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            switch words[0] {
            case "capabilities":
                capabilities = UInt64(words[1], radix: 16).map(Capabilities.init(rawValue:))
            case "#": lines.append(.note(words[1]))
            case "C": lines.append(.client(try Fixture.packet(words[1])))
            case "S": lines.append(.server(try Fixture.packet(words[1])))
            case "!": lines.append(.over)
            case let word: throw Unreadable(text: "\(name): \(word)")
            }
        }
        guard let capabilities else { throw Unreadable(text: name) }
        self.capabilities = capabilities
        self.lines = lines
    }

    private static func packet(_ hex: String) throws -> Packet {
        let digits = Array(hex.utf8)
        var bytes: [UInt8] = []
        for i in stride(from: 0, to: digits.count - 1, by: 2) {
            let pair = String(decoding: digits[i...i + 1], as: UTF8.self)
            guard let byte = UInt8(pair, radix: 16) else { throw Unreadable(text: pair) }
            bytes.append(byte)
        }
        let length = bytes.withUnsafeBytes { PacketHeader($0).length }
        guard length == bytes.count - PacketHeader.size else { throw Unreadable(text: "length \(length)") }
        return Packet(sequence: bytes[3], payload: Array(bytes[4...]), framed: bytes)
    }

    static let all: [Fixture] = {
        let folder = Bundle.module.url(forResource: "Fixtures", withExtension: nil)?.path ?? ""
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return files.filter { $0.hasSuffix(".txt") }.sorted().compactMap { try? Fixture(String($0.dropLast(4))) }
    }()

    /// The server's packets of the dialogue, in order.
    var serverPackets: [Packet] {
        lines.compactMap { line in
            if case .server(let packet) = line { packet } else { nil }
        }
    }

    /// The server's packets after the first heading that contains `note`, up to the answer's end.
    func answer(to note: String) throws -> (command: Packet, answer: [Packet]) {
        guard
            let start = lines.firstIndex(where: { if case .note(let text) = $0 { text.contains(note) } else { false } })
        else { throw Unreadable(text: "\(name): no \(note)") }
        var command: Packet?
        var answer: [Packet] = []
        for line in lines[(start + 1)...] {
            switch line {
            case .client(let packet): command = command ?? packet
            case .server(let packet): answer.append(packet)
            case .note: break
            case .over:
                guard let command else { throw Unreadable(text: note) }
                return (command, answer)
            }
        }
        throw Unreadable(text: "\(name): \(note) has no end")
    }
}

extension [UInt8] {
    /// Hands the bytes to an initializer that reads a payload.
    func read<T, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> T) throws(E) -> T {
        // `withUnsafeBytes` rethrows untyped; the result carries the typed error across.
        let result: Result<T, E> = withUnsafeBytes { bytes in
            do throws(E) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}

extension SplitMix64 {
    mutating func bytes(upTo count: Int) -> [UInt8] {
        (0..<Int.random(in: 0...count, using: &self)).map { _ in UInt8.random(in: 0...255, using: &self) }
    }
}
