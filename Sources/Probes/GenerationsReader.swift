import Cluster
import Glibc
import Health
import Reactor

/// Reads the generation identifiers of a resource with `drbdsetup show-gi`: of 8.4 by a volume's minor, of 9 by
/// resource, peer and volume. Lives on its loop's thread, as do its callbacks.
public final class GenerationsReader {
    public struct Options: Sendable, Hashable {
        /// The program, and words that stand before `show-gi`.
        public var drbdsetup = Tool("/usr/sbin/drbdsetup", [])
        /// Its first line says which DRBD the kernel has.
        public var procPath = "/proc/drbd"
        /// For one command.
        public var timeout = Instant.Span.seconds(4)

        public init() {}
    }

    /// More volumes and peers together are not read.
    static let commandsMax = 32

    private struct Step {
        var volume: Int
        var arguments: [String]
    }

    private let loop: EventLoop
    private let options: Options
    private var run: ToolRun?
    private var steps: [Step] = []
    private var found: [(volume: Int, DRBDGenerations)] = []
    private var done: ((Result<[DataGeneration], ObservationFault>) -> Void)?

    public init(loop: EventLoop, options: Options = Options()) {
        self.loop = loop
        self.options = options
    }

    /// One for each volume. Nothing where there is nothing to ask for, or what was read is not of one moment. One
    /// reading at a time: a new one ends the one under way, which then is not answered.
    public func read(
        _ resource: DRBDResourceView, _ done: @escaping (Result<[DataGeneration], ObservationFault>) -> Void
    ) {
        stop()
        steps = steps(for: resource)
        found = []
        self.done = done
        next()
    }

    public func stop() {
        run?.cancel()
        run = nil
        done = nil
    }

    private func steps(for resource: DRBDResourceView) -> [Step] {
        let isOld = ProcDRBD.majorVersion(in: beginning(of: options.procPath)) == 8
        var steps: [Step] = []
        for volume in resource.volumes {
            if isOld {
                guard let minor = volume.minor else { continue }
                steps.append(Step(volume: volume.number, arguments: ["show-gi", String(minor)]))
            } else {
                for peer in resource.peers.compactMap(\.id) {
                    steps.append(
                        Step(
                            volume: volume.number,
                            arguments: ["show-gi", resource.name, String(peer), String(volume.number)]))
                }
            }
        }
        return steps.count <= Self.commandsMax ? steps : []
    }

    private func next() {
        guard !steps.isEmpty else { return finish(united()) }
        let step = steps.removeFirst()
        let program = options.drbdsetup
        let tool = Tool(program.path, program.arguments + step.arguments, environment: program.environment)
        do throws(SystemError) {
            run = try ToolRun(loop: loop, tool, timeout: options.timeout, bytesMax: 64 * 1024) { [weak self] result in
                guard let self else { return }
                run = nil
                switch result.flatMap({ GenerationsReader.read($0, tool) }) {
                case .success(let generations):
                    found.append((step.volume, generations))
                    next()
                case .failure(let fault): finish(.failure(fault))
                }
            }
        } catch {
            finish(.failure(.system(error)))
        }
    }

    private func united() -> Result<[DataGeneration], ObservationFault> {
        var all: [DataGeneration] = []
        for volume in Set(found.map(\.volume)).sorted() {
            let ofVolume = found.filter { $0.volume == volume }.map(\.1)
            guard let generation = DRBDGenerations.united(ofVolume, volume: volume) else { return .success([]) }
            all.append(generation)
        }
        return .success(all)
    }

    private func finish(_ result: Result<[DataGeneration], ObservationFault>) {
        let done = done
        self.done = nil
        steps = []
        done?(result)
    }

    private static func read(_ output: ToolRun.Output, _ tool: Tool) -> Result<DRBDGenerations, ObservationFault> {
        guard output.status == 0 else {
            return .failure(.exited(tool: tool.name, status: output.status, complaint: output.complaint))
        }
        do throws(FormatError) {
            return .success(try DRBDGenerations(showing: String(decoding: output.bytes, as: UTF8.self)))
        } catch {
            return .failure(.format(error))
        }
    }
}

/// Empty where it can't be read.
private func beginning(of path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : ""
}
