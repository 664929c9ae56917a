import Cluster
import Glibc
import Health
import Probes
import Reactor

/// Moves the primary with Pacemaker's own tools, or with the commands that are configured, and takes back what that told
/// the cluster to prefer. Lives on its loop's thread.
public final class ClusterMover {
    public struct Options: Sendable, Hashable {
        /// What moves the primary; `{node}` stands for the node's name. Empty: crm_resource.
        public var move: [String] = []
        /// What takes back the preference that it leaves. Empty: crm_resource, where `move` is empty too.
        public var clear: [String] = []
        public var crmResource = Tool("/usr/sbin/crm_resource", [])
        public var cibadmin = Tool("/usr/sbin/cibadmin", [])
        public var crmSimulate = Tool("/usr/sbin/crm_simulate", [])
        /// For one command.
        public var timeout = Instant.Span.seconds(30)
        /// How long the cluster may take to come to rest before it is asked what it would do without the preference.
        public var settleSeconds = 20
        /// Where a copy of the cluster's configuration is written for a moment.
        public var directory = "/run/haproxydb"

        public init() {}
    }

    /// Done, or not, and one sentence without its full stop; a done one may be ``done``.
    public typealias Answer = (_ isDone: Bool, _ text: String) -> Void

    public static let done = "done"

    /// What the cluster last said; nil while it can't be asked.
    public var view: PacemakerView?

    private let loop: EventLoop
    private let names: ResourceNames
    private let options: Options
    private let onNote: (String) -> Void
    private var runs: [UInt64: ToolRun] = [:]
    private var lastRun: UInt64 = 0

    public init(loop: EventLoop, names: ResourceNames, options: Options, onNote: @escaping (String) -> Void) {
        self.loop = loop
        self.names = names
        self.options = options
        self.onNote = onNote
    }

    /// Kills what runs; nothing is answered any more.
    public func stop() {
        for run in runs.values { run.cancel() }
        runs = [:]
    }

    /// What would be run, or why nothing would.
    public func plan(to node: String, _ answer: Answer) {
        switch command(to: node) {
        case .failure(let refusal): answer(false, refusal.reason)
        case .success(let tool):
            let clearing = clearCommand.map { ", and then \(text($0))" } ?? ""
            let condition = options.clear.isEmpty && !clearing.isEmpty ? ", unless the primary would then go back" : ""
            answer(true, text(tool) + clearing + condition)
        }
    }

    /// Asks the cluster; it moves when it sees fit.
    public func move(to node: String, _ answer: @escaping Answer) {
        switch command(to: node) {
        case .failure(let refusal): answer(false, refusal.reason)
        case .success(let tool): run(tool, answer)
        }
    }

    /// - Parameter isSettled: the move has succeeded, so that the preference stays where the cluster would undo it
    ///   otherwise. A configured command is run in any case.
    public func clear(isSettled: Bool, _ answer: @escaping Answer) {
        guard let tool = clearCommand else { return answer(true, Self.done) }
        guard isSettled, options.clear.isEmpty else { return run(tool, answer) }
        // What is still being started would look like something that is to be moved.
        let removal = "\(text(tool)) removes it"
        output(crmResource(["--wait", "--timeout=\(options.settleSeconds)s"])) { [weak self] _ in
            self?.simulate { [weak self] verdict in
                switch verdict {
                case .success(false): self?.run(tool, answer)
                case .success(true):
                    answer(true, "the preference stays, without it the primary would go back; \(removal)")
                case .failure(let refusal): answer(true, "the preference stays (\(refusal.reason)); \(removal)")
                }
            }
        }
    }

    // MARK: commands

    private struct Refusal: Error {
        var reason: String
    }

    private func command(to node: String) -> Result<Tool, Refusal> {
        guard NodeName.isValid(node) else { return .failure(Refusal(reason: "that is no node's name")) }
        guard options.move.isEmpty else { return .success(Tool(options.move.map { $0 == "{node}" ? node : $0 })) }
        guard let view else { return .failure(Refusal(reason: "the cluster can't be asked on this node")) }
        guard view.resources.contains(where: { $0.clone == names.promotable }) else {
            return .failure(Refusal(reason: "the cluster has no resource \(names.promotable)"))
        }
        guard let target = view.node(named: node) else {
            return .failure(Refusal(reason: "the cluster has no node \(node)"))
        }
        let obstacles = [
            (!target.isOnline || target.isPending, "offline"), (target.isUnclean, "unclean"),
            (target.isStandby || target.isStandbyOnFail, "in standby"),
            (target.isInMaintenance || view.isInMaintenance == true, "in maintenance"),
        ]
        if let obstacle = obstacles.first(where: \.0)?.1 {
            return .failure(Refusal(reason: "\(node) is \(obstacle) in the cluster"))
        }
        return .success(
            crmResource(["--move", "--resource", names.promotable, promotedOption(view.version), "--node", node]))
    }

    /// The role has had its present name since 2.1.
    private func promotedOption(_ version: String?) -> String {
        let numbers = (version ?? "").split(separator: ".").prefix(2).compactMap { Int($0) }
        guard numbers.count == 2 else { return "--promoted" }
        return (numbers[0], numbers[1]) < (2, 1) ? "--master" : "--promoted"
    }

    /// Nil where the configured move has none.
    private var clearCommand: Tool? {
        if !options.clear.isEmpty { return Tool(options.clear) }
        return options.move.isEmpty ? crmResource(["--clear", "--resource", names.promotable]) : nil
    }

    private func crmResource(_ arguments: [String], environment: [String] = []) -> Tool {
        let tool = options.crmResource
        return Tool(tool.path, tool.arguments + arguments, environment: tool.environment + environment)
    }

    private func text(_ tool: Tool) -> String { ([tool.name] + tool.arguments).joined(separator: " ") }

    // MARK: what would be

    /// Whether the cluster would move the database's storage, were the preference not there. On a copy of its
    /// configuration, by its own scheduler.
    private func simulate(_ verdict: @escaping (Result<Bool, Refusal>) -> Void) {
        let query = Tool(
            options.cibadmin.path, options.cibadmin.arguments + ["--query"], environment: options.cibadmin.environment)
        output(query) { [weak self] result in
            guard let self else { return }
            guard case .success(let bytes) = result else { return verdict(result.map { _ in false }) }
            guard let copy = TemporaryCopy(of: bytes, in: options.directory) else {
                return verdict(.failure(Refusal(reason: "no copy could be written to \(options.directory)")))
            }
            let clear = crmResource(
                ["--clear", "--resource", names.promotable], environment: ["CIB_file=\(copy.path)"])
            output(clear) { [weak self] result in
                guard let self else { return }
                if case .failure(let refusal) = result { return verdict(.failure(refusal)) }
                let tool = options.crmSimulate
                let simulate = Tool(
                    tool.path, tool.arguments + ["--simulate", "--xml-file", copy.path], environment: tool.environment)
                output(simulate) { [names] result in
                    // The copy is there until here.
                    withExtendedLifetime(copy) {
                        verdict(
                            result.flatMap { bytes in
                                do throws(FormatError) {
                                    let text = String(decoding: bytes, as: UTF8.self)
                                    return .success(try TransitionSummary(text: text).touches(names.drbd))
                                } catch {
                                    return .failure(Refusal(reason: error.description))
                                }
                            })
                    }
                }
            }
        }
    }

    // MARK: running

    /// Tools that may run at a time, whoever asks how often.
    static let runsMax = 16

    private func run(_ tool: Tool, _ answer: @escaping Answer) {
        onNote("Running \(text(tool)).")
        output(tool) { result in
            switch result {
            case .success: answer(true, Self.done)
            case .failure(let refusal): answer(false, refusal.reason)
            }
        }
    }

    /// What it printed, where it ended well. Not answered after ``stop()``.
    private func output(_ tool: Tool, _ done: @escaping (Result<[UInt8], Refusal>) -> Void) {
        guard runs.count < Self.runsMax else {
            return done(.failure(Refusal(reason: "too much is asked of the cluster at once")))
        }
        lastRun += 1
        let id = lastRun
        do throws(SystemError) {
            runs[id] = try ToolRun(loop: loop, tool, timeout: options.timeout, bytesMax: 16 * 1024 * 1024) {
                [weak self] in
                guard self?.runs.removeValue(forKey: id) != nil else { return }
                switch $0 {
                case .success(let output) where output.status == 0: done(.success(output.bytes))
                case .success(let output):
                    let complaint = output.complaint.isEmpty ? "" : ": \(output.complaint)"
                    done(.failure(Refusal(reason: "\(tool.name) ended with \(output.status)\(complaint)")))
                case .failure(let fault): done(.failure(Refusal(reason: fault.description)))
                }
            }
        } catch {
            done(.failure(Refusal(reason: error.description)))
        }
    }
}

/// A file that is gone with its value.
private final class TemporaryCopy {
    let path: String

    /// Nil where it can't be written.
    init?(of bytes: [UInt8], in directory: String) {
        var template = Array("\(directory)/haproxydb-cib.XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { return nil }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                write(descriptor, $0.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            written += count
        }
        close(descriptor)
        guard written == bytes.count else {
            unlink(path)
            return nil
        }
    }

    deinit { unlink(path) }
}
