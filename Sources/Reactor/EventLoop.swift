import CLibevent
import Cluster
import Glibc

/// One thread's event loop: a libevent base without locks (epoll, level-triggered, precise timers).
///
/// Not Sendable: make it, use it and drop it on one thread; others reach it through a ``Mailbox``. The data plane
/// puts its own raw events on ``base``; everyone else uses the closure forms, whose handles the loop keeps alive
/// until they fire, are cancelled, or the loop goes.
public final class EventLoop {
    /// `struct event_base *`
    public let base: OpaquePointer
    /// The kernel takes no more watched descriptors: told once, until it does again. Those that wait for it are tried
    /// again by a timer.
    public var onRefusal: ((SystemError) -> Void)?
    private var live: [ObjectIdentifier: EventHandle] = [:]
    private var isStopping = false
    /// Watches that the kernel has not taken.
    private var refused: Set<ObjectIdentifier> = []
    private static let retryInterval: Instant.Span = .milliseconds(50)

    public init() throws(SystemError) {
        guard let configuration = event_config_new() else { throw SystemError(errno: ENOMEM, call: "event_config_new") }
        defer { event_config_free(configuration) }
        let flags = EVENT_BASE_FLAG_NOLOCK.rawValue | EVENT_BASE_FLAG_PRECISE_TIMER.rawValue
        event_config_set_flag(configuration, Int32(flags))
        event_config_avoid_method(configuration, "select")
        event_config_avoid_method(configuration, "poll")
        guard let base = event_base_new_with_config(configuration) else {
            throw SystemError(errno: errno, call: "event_base_new")
        }
        self.base = base
    }

    deinit {
        for handle in live.values { handle.release() }
        event_base_free(base)
    }

    /// Runs until ``stop()``, also while there is nothing to wait for. Returns at once if it was already stopped.
    public func run() {
        if !isStopping { event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY) }
        isStopping = false
    }

    /// Ends ``run()`` after the callback under way. From the loop's own thread only.
    public func stop() {
        isStopping = true
        event_base_loopbreak(base)
    }

    /// Runs `body` once after that time. The handle may be dropped; keep it to cancel.
    @discardableResult
    public func schedule(after delay: Instant.Span, _ body: @escaping () -> Void) -> Timer {
        let timer = Timer(loop: self, repeats: false, body)
        timer.arm(delay)
        return timer
    }

    /// Runs `body` every so often, the first time after one interval.
    @discardableResult
    public func schedule(every interval: Instant.Span, _ body: @escaping () -> Void) -> Timer {
        let timer = Timer(loop: self, repeats: true, body)
        timer.arm(interval)
        return timer
    }

    /// Calls `body` whenever the descriptor is ready (level-triggered: as long as it is), until cancelled. The
    /// descriptor stays the caller's; cancel the watch before closing it.
    @discardableResult
    public func watch(
        _ descriptor: Int32, read: Bool, write: Bool, _ body: @escaping (Readiness) -> Void
    ) -> Watch {
        let watch = Watch(loop: self, descriptor: descriptor, body)
        watch.update(read: read, write: write)
        return watch
    }

    fileprivate func keep(_ handle: EventHandle) { live[ObjectIdentifier(handle)] = handle }
    fileprivate func forget(_ handle: EventHandle) {
        live[ObjectIdentifier(handle)] = nil
        refused.remove(ObjectIdentifier(handle))
    }

    /// A timer needs nothing of the kernel.
    fileprivate func retry(_ handle: EventHandle, after error: SystemError) {
        if refused.isEmpty { onRefusal?(error) }
        refused.insert(ObjectIdentifier(handle))
        schedule(after: Self.retryInterval) { [weak handle] in handle?.watchAgain() }
    }

    fileprivate func accepted(_ handle: EventHandle) { refused.remove(ObjectIdentifier(handle)) }
}

/// What a watched descriptor is ready for. An error or a hang-up shows as both.
public struct Readiness: Hashable, Sendable {
    public let readable: Bool
    public let writable: Bool
}

/// An event with a closure. Owned by its loop while it can fire.
public class EventHandle {
    fileprivate weak var loop: EventLoop?
    fileprivate var event: UnsafeMutablePointer<event>?

    fileprivate init(loop: EventLoop) { self.loop = loop }

    deinit { release() }

    /// Never fires again. Idempotent, allowed from within its own body.
    public func cancel() {
        release()
        loop?.forget(self)
    }

    public var isActive: Bool { event != nil }

    fileprivate func release() {
        if let event { event_free(event) }
        event = nil
    }

    fileprivate func fired(_ what: Int16) {}

    fileprivate func make(_ descriptor: Int32, _ flags: Int32) {
        release()
        guard let loop else { return }
        let argument = Unmanaged.passUnretained(self).toOpaque()
        guard let event = event_new(loop.base, descriptor, Int16(flags), eventFired, argument) else {
            preconditionFailure("out of memory for an event")
        }
        self.event = event
        loop.keep(self)
    }

    /// Watches from now on, or as soon as the kernel can take it: it has a limit of its own (ENOSPC,
    /// fs.epoll.max_user_watches), and its memory has an end.
    fileprivate func watch() {
        guard let event, let loop else { return }
        if event_add(event, nil) == 0 { return loop.accepted(self) }
        let error = SystemError(errno: errno, call: "epoll_ctl")
        let isOurs = [EBADF, EPERM, EEXIST, EINVAL, ENOENT].contains(error.errno)
        precondition(!isOurs, "event_add: \(error)")
        loop.retry(self, after: error)
    }

    /// Unless it was cancelled, or made anew, in the meantime.
    fileprivate func watchAgain() {
        guard let event, event_pending(event, Int16(EV_READ | EV_WRITE | EV_SIGNAL), nil) == 0 else { return }
        watch()
    }

    fileprivate func wait(_ delay: Instant.Span) {
        guard let event else { return }
        // Rounded up: a timer never fires before its time.
        let microseconds = max(0, (delay.nanoseconds + 999) / 1000)
        var time = timeval(tv_sec: Int(microseconds / 1_000_000), tv_usec: Int(microseconds % 1_000_000))
        event_add(event, &time)
    }
}

private func eventFired(_ descriptor: Int32, _ what: Int16, _ argument: UnsafeMutableRawPointer?) {
    guard let argument else { return }
    // Retained for the call: the body may cancel its own handle.
    let handle = Unmanaged<EventHandle>.fromOpaque(argument).takeUnretainedValue()
    withExtendedLifetime(handle) { handle.fired(what) }
}

/// A one-shot or repeating timer.
public final class Timer: EventHandle {
    private let body: () -> Void
    private let repeats: Bool

    fileprivate init(loop: EventLoop, repeats: Bool, _ body: @escaping () -> Void) {
        self.body = body
        self.repeats = repeats
        super.init(loop: loop)
    }

    fileprivate func arm(_ delay: Instant.Span) {
        make(-1, repeats ? EV_PERSIST : 0)
        wait(delay)
    }

    fileprivate override func fired(_ what: Int16) {
        if !repeats { cancel() }
        body()
    }
}

/// A watched descriptor.
public final class Watch: EventHandle {
    public let descriptor: Int32
    private let body: (Readiness) -> Void
    private var flags: Int32 = 0

    fileprivate init(loop: EventLoop, descriptor: Int32, _ body: @escaping (Readiness) -> Void) {
        self.descriptor = descriptor
        self.body = body
        super.init(loop: loop)
    }

    /// Watches for this from now on; neither of the two pauses the watch.
    public func update(read: Bool, write: Bool) {
        let wanted = (read ? EV_READ : 0) | (write ? EV_WRITE : 0)
        guard wanted != flags || event == nil else { return }
        flags = wanted
        if wanted == 0 { return cancel() }
        make(descriptor, wanted | EV_PERSIST)
        watch()
    }

    fileprivate override func fired(_ what: Int16) {
        let what = Int32(what)
        body(Readiness(readable: what & EV_READ != 0, writable: what & EV_WRITE != 0))
    }
}

/// A signal delivered on a loop's thread.
public final class SignalWatch: EventHandle {
    private let body: () -> Void

    fileprivate init(loop: EventLoop, signal: Int32, _ body: @escaping () -> Void) {
        self.body = body
        super.init(loop: loop)
        make(signal, EV_SIGNAL | EV_PERSIST)
        watch()
    }

    fileprivate override func fired(_ what: Int16) { body() }
}

public enum Signals {
    /// Runs `body` on the loop for every arrival of that signal. All signals of a process go to one loop: watch
    /// them on the same one.
    @discardableResult
    public static func on(_ signal: Int32, loop: EventLoop, _ body: @escaping () -> Void) -> SignalWatch {
        SignalWatch(loop: loop, signal: signal, body)
    }

    /// Whoever started the program may have had them blocked, and a blocked SIGTERM would never end it.
    public static func unblock(_ signals: [Int32]) {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    /// Writing to a closed connection is an error (EPIPE), not the end of the process.
    public static func ignoreBrokenPipes() {
        signal(SIGPIPE, SIG_IGN)
    }
}
