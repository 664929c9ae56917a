import Foundation
import Glibc
import Reactor
import Settings

/// Texts that hold secrets, on their way from where they stand. What was copied on the way is wiped; the text itself
/// is a String, which can't be.
enum SecretText {
    /// Neither a configuration nor a secret is longer.
    private static let lengthMax = 1 << 20

    /// Of a file.
    static func read(_ path: String) throws(SecretUnavailable) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SecretUnavailable(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        // All at once: a growing array would leave copies behind. Pages that are not used are not there.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: lengthMax + 1, alignment: 16)
        var length = 0
        defer {
            if let start = buffer.baseAddress { explicit_bzero(start, length) }
            buffer.deallocate()
        }
        while length < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[length...])
            let count = Glibc.read(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw SecretUnavailable(String(cString: strerror(errno))) }
            if count == 0 { break }
            length += count
        }
        if length > lengthMax { throw SecretUnavailable("is longer than 1 MiB") }
        guard let text = String(validating: buffer[..<length], as: UTF8.self) else {
            throw SecretUnavailable("is not UTF-8")
        }
        return text
    }

    /// Variables that were taken out of the environment; a configuration that is read again asks for them again.
    private static let taken = Guarded<[String: String]>([:])

    /// Of the environment, which has it no more afterwards: neither programs that are started from here nor /proc show
    /// it. Nil where it was never there.
    static func take(_ name: String) -> String? {
        taken.withLock { taken in
            // A new value counts: it may have been set since.
            guard let value = getenv(name) else { return taken[name] }
            let text = String(cString: value)
            explicit_bzero(value, strlen(value))
            unsetenv(name)
            taken[name] = text
            return text
        }
    }
}
