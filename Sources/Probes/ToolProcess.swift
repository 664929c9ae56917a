import CPlatform
import Cluster
import Glibc
import Health
import Reactor

/// A tool of the cluster as an administrator would run it.
public struct Tool: Sendable, Hashable {
    /// Absolute; nothing is looked up in PATH.
    public var path: String
    public var arguments: [String]
    /// The whole environment: nothing is inherited. `LC_ALL=C`, since what is printed is read.
    public var environment: [String]

    public static let plainEnvironment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"]

    public init(_ path: String, _ arguments: [String], environment: [String] = Tool.plainEnvironment) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
    }

    /// A whole command; its first word is the program's path.
    public init(_ words: [String]) { self.init(words.first ?? "", Array(words.dropFirst())) }

    /// The file's name, for messages.
    public var name: String { String(path.split(separator: "/").last ?? "") }
}

/// A child process whose output is read on a loop. Always reaped; killed by its own pid only, which is ours until
/// it has been reaped.
final class ToolProcess {
    enum End: Hashable, Sendable {
        case exited(Int32)
        case signalled(Int32)
    }

    static let complaintBytesMax = 4096

    let pid: pid_t
    /// The beginning of what it wrote to standard error.
    private(set) var complaint: [UInt8] = []
    /// The same in one printable line, shortened.
    var complaintText: String {
        var text = complaint[...]
        while let last = text.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: " ") { text.removeLast() }
        return excerpt(String(decoding: text, as: UTF8.self))
    }
    private var output: Int32
    private var errors: Int32
    private let handle: Int32
    private var watches: [Watch] = []
    private var onBytes: ((UnsafeRawBufferPointer) -> Void)?
    private var onEnd: ((End) -> Void)?
    private var hasEnded = false

    /// - Parameters:
    ///   - onBytes: standard output as it comes.
    ///   - onEnd: once, after all output, when the process has been reaped. Not called after ``abandon()``.
    init(
        loop: EventLoop, _ tool: Tool, onBytes: @escaping (UnsafeRawBufferPointer) -> Void,
        onEnd: @escaping (End) -> Void
    ) throws(SystemError) {
        self.onBytes = onBytes
        self.onEnd = onEnd
        let out = try makePipe()
        let err: (read: Int32, write: Int32)
        do throws(SystemError) { err = try makePipe() } catch {
            close(out.read)
            close(out.write)
            throw error
        }
        defer {
            close(out.write)
            close(err.write)
        }
        do throws(SystemError) {
            pid = try spawn(tool, output: out.write, errors: err.write)
            let handle = platform_pidfd_open(pid)
            guard handle >= 0 else {
                let error = SystemError(errno: errno, call: "pidfd_open")
                Glibc.kill(pid, SIGKILL)
                _ = reap(pid, waits: true)
                throw error
            }
            self.handle = handle
        } catch {
            close(out.read)
            close(err.read)
            throw error
        }
        output = out.read
        errors = err.read
        watches = [
            loop.watch(output, read: true, write: false) { [weak self] _ in self?.readOutput() },
            loop.watch(errors, read: true, write: false) { [weak self] _ in self?.readErrors() },
            // Holds the process until it has been reaped, whoever else lets go of it.
            loop.watch(handle, read: true, write: false) { [self] _ in ended() },
        ]
    }

    /// SIGKILL; `onEnd` follows.
    func kill() {
        if !hasEnded { Glibc.kill(pid, SIGKILL) }
    }

    /// SIGKILL, and nothing is told any more; the loop reaps it.
    func abandon() {
        onBytes = nil
        onEnd = nil
        kill()
    }

    private func readOutput() {
        while let count = read(&output, watch: 0, { self.onBytes?($0) }), count == ToolProcess.readBytes {}
    }

    private func readErrors() {
        while let count = read(&errors, watch: 1, { self.keep($0) }), count == ToolProcess.readBytes {}
    }

    private func keep(_ bytes: UnsafeRawBufferPointer) {
        complaint += bytes.prefix(ToolProcess.complaintBytesMax - complaint.count)
    }

    private static let readBytes = 16 * 1024

    /// Bytes that were read; nil where there are none now, or no more.
    private func read(_ descriptor: inout Int32, watch: Int, _ take: (UnsafeRawBufferPointer) -> Void) -> Int? {
        guard descriptor >= 0 else { return nil }
        let from = descriptor
        let count = withUnsafeTemporaryAllocation(byteCount: ToolProcess.readBytes, alignment: 1) { buffer in
            var count: Int
            repeat { count = Glibc.read(from, buffer.baseAddress, buffer.count) } while count < 0 && errno == EINTR
            if count > 0 { take(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
            return count
        }
        if count > 0 { return count }
        if count < 0, errno == EAGAIN { return nil }
        if watches.indices.contains(watch) { watches[watch].cancel() }
        close(descriptor)
        descriptor = -1
        return nil
    }

    private func ended() {
        guard let status = reap(pid, waits: false) else { return }
        hasEnded = true
        // What it wrote last; a process of its own that still holds the pipe does not hold us up.
        readOutput()
        readErrors()
        for watch in watches { watch.cancel() }
        for descriptor in [output, errors, handle] where descriptor >= 0 { close(descriptor) }
        output = -1
        errors = -1
        let onEnd = onEnd
        self.onEnd = nil
        onBytes = nil
        let signal = status & 0x7f
        onEnd?(signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal))
    }
}

/// The wait status; nil while it still runs.
private func reap(_ pid: pid_t, waits: Bool) -> Int32? {
    var status: Int32 = 0
    var result: pid_t
    repeat { result = waitpid(pid, &status, waits ? 0 : WNOHANG) } while result < 0 && errno == EINTR
    return result == 0 ? nil : status
}

private func makePipe() throws(SystemError) -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw SystemError(errno: errno, call: "pipe2") }
    // Our end only: the tool's output is as blocking as it would be on a terminal.
    guard fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 else {
        let error = SystemError(errno: errno, call: "fcntl")
        close(ends[0])
        close(ends[1])
        throw error
    }
    return (ends[0], ends[1])
}

private func spawn(_ tool: Tool, output: Int32, errors: Int32) throws(SystemError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, errors, 2)
    platform_spawn_closefrom(&actions, 3)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    // Ours is ignored: a tool whose reader is gone shall end.
    sigaddset(&signals, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var argv: [UnsafeMutablePointer<CChar>?] = ([tool.path] + tool.arguments).map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = tool.environment.map { strdup($0) } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var pid: pid_t = 0
    let failure = posix_spawn(&pid, tool.path, &actions, &attributes, &argv, &envp)
    guard failure == 0 else { throw SystemError(errno: failure, call: tool.path) }
    return pid
}
