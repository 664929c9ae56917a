import Foundation

/// The right to write a log, which one process has at a time: a lock on a file of its own beside it (`….lock`). The
/// log's own locks are SQLite's, and last no longer than a transaction.
///
/// The lock belongs to the open file, not to the process: it ends with its holder, however that ends, and is not passed
/// on to programs that are started. The file stays behind; what it says means something only while it is locked.
public final class LedgerLock: Sendable {
    /// Who writes a log.
    public struct Holder: Hashable, Sendable, CustomStringConvertible {
        /// As the holder sees it itself; 0 where it has not written it down yet.
        public var pid: Int32
        /// What it was started with, e.g. its configuration.
        public var origin: String

        public var description: String {
            let process = pid == 0 ? "another process" : "process \(pid)"
            return origin.isEmpty ? process : "\(process) (\(origin))"
        }
    }

    // <fcntl.h> has them only where _GNU_SOURCE is set.
    private static let askWhoHolds: Int32 = 36  // F_OFD_GETLK
    private static let takeNow: Int32 = 37  // F_OFD_SETLK

    private let descriptor: Int32
    private let path: String

    /// Takes it, or says who has it; never waits.
    ///
    /// - Parameters:
    ///   - path: the log's. Different names of one file are the same log.
    ///   - origin: what others are told of this process beside its number; one line.
    public init(_ path: String, origin: String) throws(LedgerFailure) {
        self.path = Self.path(for: path)
        descriptor = open(self.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            throw .unusable("its lock \(self.path) can't be opened: \(String(cString: strerror(errno)))")
        }
        var lock = Self.whole
        guard fcntl(descriptor, Self.takeNow, &lock) == 0 else {
            let error = errno
            defer { close(descriptor) }
            guard error == EAGAIN || error == EACCES else {
                throw .unusable("its lock \(self.path) can't be taken: \(String(cString: strerror(error)))")
            }
            throw .taken(Self.holder(descriptor))
        }
        let words = Array("\(getpid())\n\(origin)\n".utf8)
        // A disk without room: the lock holds, and others are not told whose it is.
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, words, words.count, 0)
    }

    deinit { close(descriptor) }

    /// Who writes the log now; nil where nobody does, or it is not to be found out. Takes nothing.
    public static func holder(of path: String) -> Holder? {
        let descriptor = open(Self.path(for: path), O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var lock = whole
        guard fcntl(descriptor, askWhoHolds, &lock) == 0, lock.l_type != Int16(F_UNLCK) else { return nil }
        return holder(descriptor)
    }

    /// Whether the next one who wants it would find this lock: not where its file was removed.
    var isInPlace: Bool {
        var own = stat()
        return fstat(descriptor, &own) == 0 && FileIdentity(path) == FileIdentity(own)
    }

    private static var whole: flock {
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        return lock
    }

    private static func holder(_ descriptor: Int32) -> Holder {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        let lines = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
        return Holder(
            pid: lines.first.flatMap { Int32($0) } ?? 0, origin: lines.count > 1 ? String(lines[1]) : "")
    }

    private static func path(for log: String) -> String {
        let url = URL(filePath: log)
        let place =
            realpath(log) ?? realpath(url.deletingLastPathComponent().path).map { "\($0)/\(url.lastPathComponent)" }
        return "\(place ?? log).lock"
    }

    private static func realpath(_ path: String) -> String? {
        guard let found = Foundation.realpath(path, nil) else { return nil }
        defer { free(found) }
        return String(cString: found)
    }
}
