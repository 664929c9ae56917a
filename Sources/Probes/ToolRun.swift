import Cluster
import Health
import Reactor

/// Runs a tool once, within a time and an amount of output, and hands on all that it printed.
package final class ToolRun {
    package struct Output {
        package var bytes: [UInt8]
        package var status: Int32
        /// What it wrote to standard error, shortened and printable.
        package var complaint: String

        /// Whether the tool did not understand what it was asked: it is of another version.
        var isForeign: Bool {
            guard status != 0, !bytes.starts(with: Array("<".utf8)) else { return false }
            let complaint = complaint.lowercased()
            return ["unrecognized option", "unknown option", "invalid option"].contains { complaint.contains($0) }
        }
    }

    private let tool: Tool
    private let bytesMax: Int
    private var process: ToolProcess?
    private var timer: Timer?
    private var bytes: [UInt8] = []
    private var fault: ObservationFault?
    private var onEnd: ((Result<Output, ObservationFault>) -> Void)?

    /// - Parameter onEnd: once, from the loop; an exit status other than 0 is no fault here.
    package init(
        loop: EventLoop, _ tool: Tool, timeout: Instant.Span, bytesMax: Int,
        onEnd: @escaping (Result<Output, ObservationFault>) -> Void
    ) throws(SystemError) {
        self.tool = tool
        self.bytesMax = bytesMax
        self.onEnd = onEnd
        process = try ToolProcess(
            loop: loop, tool, onBytes: { [weak self] in self?.took($0) }, onEnd: { [weak self] in self?.ended($0) })
        timer = loop.schedule(after: timeout) { [weak self] in
            self?.giveUp(.timedOut(tool: tool.name, after: timeout))
        }
    }

    /// Kills it, and tells nothing.
    package func cancel() {
        onEnd = nil
        timer?.cancel()
        process?.abandon()
        process = nil
    }

    private func giveUp(_ fault: ObservationFault) {
        if self.fault == nil { self.fault = fault }
        process?.kill()
    }

    private func took(_ more: UnsafeRawBufferPointer) {
        guard fault == nil else { return }
        guard bytes.count + more.count <= bytesMax else {
            return giveUp(.tooMuchOutput(tool: tool.name, bytesMax: bytesMax))
        }
        bytes += more
    }

    private func ended(_ end: ToolProcess.End) {
        timer?.cancel()
        let complaint = process?.complaintText ?? ""
        process = nil
        let onEnd = onEnd
        self.onEnd = nil
        if let fault {
            onEnd?(.failure(fault))
            return
        }
        switch end {
        case .exited(let status): onEnd?(.success(Output(bytes: bytes, status: status, complaint: complaint)))
        case .signalled(let signal): onEnd?(.failure(.signalled(tool: tool.name, signal: signal)))
        }
    }
}
