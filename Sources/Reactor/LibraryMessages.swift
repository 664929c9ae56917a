import CLibevent
import Glibc

/// What libevent has to say: by itself it would write to standard error, and wait where that takes nothing.
public enum LibraryMessages {
    public typealias Handler = @Sendable (_ text: String, _ isFatal: Bool) -> Void

    private static let handler = Guarded<Handler?>(nil)

    /// For the whole process. After a fatal message libevent ends it.
    ///
    /// - Parameter body: called on any thread that runs a loop.
    public static func hear(_ body: @escaping Handler) {
        handler.withLock { $0 = body }
        event_set_log_callback { severity, text in
            // Whoever called libevent looks at the error after this.
            let error = errno
            defer { errno = error }
            guard let text, let body = LibraryMessages.handler.withLock({ $0 }) else { return }
            body(String(cString: text), severity == EVENT_LOG_ERR)
        }
    }
}
