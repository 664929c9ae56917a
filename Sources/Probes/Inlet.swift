import CMariaDB
import CPlatform
import Glibc

/// The only way by which bytes of a node reach libmariadb: through the connection's ``Intake``.
///
/// The library's sockets are a plugin of its own (`pvio_socket`, mysql/client_plugin.h); reading is taken over for
/// connections that have an inlet, and left as it is for all others. Nothing here waits: a call that would have to is
/// told so, also where the library was asked to close.
final class Inlet {
    /// Bytes that are read in one turn of the loop: a node that sends without an end does not hold it.
    static let turnBytesMax = 16 << 10

    private var intake = Intake()
    /// What was read in this turn.
    private var turnBytes = 0
    private var isShut = false
    /// Why nothing more is read.
    private(set) var refusal: Intake.Refusal?

    /// - Parameter handle: outlived by the inlet.
    init(_ handle: UnsafeMutablePointer<MYSQL>) {
        precondition(Self.isInstalled, "libmariadb has no sockets")
        mysql_options4(handle, MARIADB_OPT_USERDATA, Self.key, Unmanaged.passUnretained(self).toOpaque())
    }

    /// The greeting as it came; empty before it has.
    var greeting: [UInt8] { intake.greeting }

    func asked(_ bounds: Intake.Bounds) { intake.asked(bounds) }

    /// Another turn of the loop begins.
    func turn() { turnBytes = 0 }

    /// Nothing is read any more.
    func shut() { isShut = true }

    /// As recv(2) does it.
    fileprivate func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            let count = intake.read(into: buffer)
            if count > 0 { return count }
            if isShut || refusal != nil { return failed(ECONNRESET) }
            if turnBytes >= Inlet.turnBytesMax { return failed(EAGAIN) }
            let received = withUnsafeTemporaryAllocation(byteCount: Inlet.turnBytesMax, alignment: 1) { room in
                var count: Int
                repeat {
                    count = recv(descriptor, room.baseAddress, room.count, Int32(MSG_DONTWAIT))
                } while count < 0 && errno == EINTR
                let error = errno
                if count > 0 { take(UnsafeRawBufferPointer(rebasing: room[..<count])) }
                return (count: count, error: error)
            }
            if received.count == 0 { return 0 }
            if received.count < 0 { return failed(received.error) }
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        turnBytes += bytes.count
        do throws(Intake.Refusal) { try intake.take(bytes) } catch { refusal = error }
    }

    private func failed(_ error: Int32) -> Int {
        errno = error
        return -1
    }

    // MARK: the library's side

    private static let key = "haproxydb"

    private static func of(_ io: UnsafeMutablePointer<MARIADB_PVIO>) -> Inlet? {
        guard let handle = io.pointee.mysql, let kept = mariadb_kept(handle, key) else { return nil }
        return Unmanaged<Inlet>.fromOpaque(kept).takeUnretainedValue()
    }

    private static func descriptor(of io: UnsafeMutablePointer<MARIADB_PVIO>) -> Int32 {
        var descriptor: Int32 = -1
        _ = own.get_handle(io, &descriptor)
        return descriptor
    }

    /// The library's own methods. Written once, before any connection is made.
    private nonisolated(unsafe) static var own = st_ma_pvio_methods()
    private nonisolated(unsafe) static let taken = UnsafeMutablePointer<st_ma_pvio_methods>.allocate(capacity: 1)

    private static let isInstalled: Bool = {
        guard mysql_server_init(0, nil, nil) == 0, let handle = mysql_init(nil) else { return false }
        defer { mysql_close(handle) }
        // The one plugin that is a file of its own: loaded now, not when a node names it.
        _ = mysql_client_find_plugin(handle, "client_ed25519", Int32(MYSQL_CLIENT_AUTHENTICATION_PLUGIN))
        guard let found = mysql_client_find_plugin(handle, "pvio_socket", Int32(MARIADB_CLIENT_PVIO_PLUGIN)) else {
            return false
        }
        return UnsafeMutableRawPointer(found).withMemoryRebound(to: MARIADB_PVIO_PLUGIN.self, capacity: 1) { plugin in
            own = plugin.pointee.methods.pointee
            taken.initialize(to: own)
            taken.pointee.async_read = { io, buffer, length in
                guard let io, let inlet = Inlet.of(io) else { return Inlet.own.async_read(io, buffer, length) }
                return inlet.read(Inlet.descriptor(of: io), UnsafeMutableRawBufferPointer(start: buffer, count: length))
            }
            // Called where the library does not expect to come back, as from mysql_close().
            taken.pointee.read = { io, buffer, length in
                guard let io, let inlet = Inlet.of(io) else { return Inlet.own.read(io, buffer, length) }
                return inlet.failed(ECONNRESET)
            }
            taken.pointee.write = { io, buffer, length in
                guard let io, Inlet.of(io) != nil else { return Inlet.own.write(io, buffer, length) }
                let flags = Int32(MSG_DONTWAIT) | Int32(platform_msg_nosignal)
                return send(Inlet.descriptor(of: io), buffer, length, flags)
            }
            plugin.pointee.methods = taken
            return true
        }
    }()
}
