import Foundation

/// A proxy's availability log in a directory of its own, looked at with `haproxydb report`.
public final class AvailabilityLog: Sendable {
    /// An outage as the report's JSON has it.
    public struct Outage: Decodable, Sendable {
        public struct PhaseLength: Decodable, Sendable {
            public let phase: String
            public let seconds: Double?
        }

        public let run: Int
        public let number: Int
        public let beganUnixNs: Int64
        public let seconds: Double
        public let over: Bool
        public let interrupted: Bool
        public let felt: Bool
        public let kind: String
        public let planned: Bool
        public let cause: String
        public let diagnoses: [String]
        public let from: String
        public let to: String
        public let lostGeneration: Int
        public let gainedGeneration: Int
        public let detectionSeconds: Double?
        public let phases: [PhaseLength]
        public let errors: Bool
        public let delay: Bool
        public let held: Int
        public let rerun: Int
        public let failed: Int
        public let abandoned: Int
        public let unknown: Int
        public let moved: Int
        public let reconnected: Int
        public let refused: Int
        public let sessionsLost: Int
        public let usersPresent: Int
        public let usersAffected: Int
        public let userMinutesLost: Double

        /// Seconds since 1970.
        public var began: Double { Double(beganUnixNs) / 1e9 }
        public var ended: Double { began + seconds }
        /// Clients that come before the first primary are in an outage too, of no interest to most tests.
        public var isOfInterest: Bool { felt && kind != "start" }
    }

    public struct Gap: Decodable, Sendable {
        public let began: String
        public let ended: String
        public let reason: String
    }

    public struct Report: Decodable, Sendable {
        public let totals: [String: Int]
        public let outages: [Outage]
        public let gaps: [Gap]
        public let agreedSeconds: Double
        public let unrecordedSeconds: Double
        public var text: String { _text ?? "" }
        fileprivate var _text: String?

        /// Begun is what became of it: answered, failed, abandoned, or still pending.
        public var isBalanced: Bool {
            let ends = ["answered", "failed", "abandoned", "pending"]
            return totals["begun"] == ends.reduce(0) { $0 + (totals[$1] ?? 0) }
        }
    }

    private let directory: TemporaryDirectory
    public let path: String

    public init() throws {
        directory = try TemporaryDirectory(prefix: "hadbl")
        path = "\(directory.path)/availability.db"
    }

    /// What goes into the proxy's configuration.
    public var section: String { "[availability]\nfile = \"\(path)\"" }

    /// What `haproxydb report` prints, and its exit status.
    public func run(_ arguments: [String]) throws -> (text: String, status: Int32) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try ProxyProcess.findProgram())
        process.arguments = ["report", "--file", path] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (String(decoding: data, as: UTF8.self), process.terminationStatus)
    }

    /// Nil while there is nothing that can be read.
    public func read() throws -> Report? {
        let (text, status) = try run(["--format", "json"])
        guard status == 0 else { return nil }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        var report = try decoder.decode(Report.self, from: Data(text.utf8))
        report._text = text
        return report
    }

    /// Until the log says so.
    @discardableResult
    public func wait(_ timeout: Duration = .seconds(30), until fulfilled: (Report) -> Bool) throws -> Report {
        let deadline = ContinuousClock.now + timeout
        while true {
            let report = try read()
            if let report, fulfilled(report) { return report }
            guard ContinuousClock.now < deadline else {
                throw TestbedFailure("after \(timeout) the log says:\n\(report?.text ?? "nothing")")
            }
            usleep(50_000)
        }
    }
}
