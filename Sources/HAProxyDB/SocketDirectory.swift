import Foundation
import Glibc

/// Where a Unix socket's file is.
enum SocketDirectory {
    /// Makes it where it is not there: one level, as for a directory in /run that is gone after a reboot. Whatever the
    /// process's umask is, everybody may pass: who may connect, the socket's own mode says. A failure shows when the
    /// socket is bound.
    static func make(for socket: String) {
        let path = URL(filePath: socket).deletingLastPathComponent().path
        if mkdir(path, 0o755) == 0 { chmod(path, 0o755) }
    }
}
