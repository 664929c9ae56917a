import Cluster
import Health
import Reactor

/// Why an observer has nothing to tell.
public enum ObservationFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was printed can't be understood, or says that the tool failed.
    case format(FormatError)
    /// The tool is not there, or could not be started; or a file could not be read.
    case system(SystemError)
    /// The tool ended with this status, and what it complained about.
    case exited(tool: String, status: Int32, complaint: String)
    case signalled(tool: String, signal: Int32)
    case timedOut(tool: String, after: Instant.Span)
    case tooMuchOutput(tool: String, bytesMax: Int)

    public var description: String {
        switch self {
        case .format(let error): error.description
        case .system(let error): error.description
        case .exited(let tool, let status, let complaint):
            complaint.isEmpty ? "\(tool) ended with status \(status)" : "\(tool) ended with \(status): \(complaint)"
        case .signalled(let tool, let signal): "\(tool) was ended by signal \(signal)"
        case .timedOut(let tool, let after): "\(tool) did not end within \(after)"
        case .tooMuchOutput(let tool, let bytesMax): "\(tool) printed more than \(bytesMax) bytes"
        }
    }
}
