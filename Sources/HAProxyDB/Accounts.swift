import Glibc
import Reactor

/// The system's users and groups, by name or number.
enum Accounts {
    static func user(_ name: String) throws(SystemError) -> UInt32 {
        if let number = UInt32(name) { return number }
        guard let entry = getpwnam(name) else { throw SystemError(errno: ENOENT, call: "socket_user \(name)") }
        return entry.pointee.pw_uid
    }

    static func group(_ name: String) throws(SystemError) -> UInt32 {
        if let number = UInt32(name) { return number }
        guard let entry = getgrnam(name) else { throw SystemError(errno: ENOENT, call: "socket_group \(name)") }
        return entry.pointee.gr_gid
    }
}
