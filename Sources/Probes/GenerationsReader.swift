import Cluster
import Health
import Reactor

/// Reads the generation identifiers of a volume once, with `drbdsetup show-gi MINOR` (8.4).
public final class GenerationsReader {
    private let loop: EventLoop
    private let path: String
    private let timeout: Instant.Span
    private var run: ToolRun?

    public init(
        loop: EventLoop, drbdsetup path: String = "/usr/sbin/drbdsetup", timeout: Instant.Span = .seconds(5)
    ) {
        self.loop = loop
        self.path = path
        self.timeout = timeout
    }

    /// One reading at a time: a new one ends the one under way, which then is not answered.
    public func read(minor: Int, _ done: @escaping (Result<DRBDGenerations, ObservationFault>) -> Void) {
        stop()
        let tool = Tool(path, ["show-gi", String(minor)])
        do throws(SystemError) {
            run = try ToolRun(loop: loop, tool, timeout: timeout, bytesMax: 64 * 1024) { [weak self] result in
                self?.run = nil
                done(result.flatMap { GenerationsReader.read($0, tool) })
            }
        } catch {
            done(.failure(.system(error)))
        }
    }

    public func stop() {
        run?.cancel()
        run = nil
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
