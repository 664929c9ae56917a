/// What is needed of /proc/self/mountinfo: on which device a path lies, and where something is mounted.
public struct MountTable: Sendable, Hashable {
    public struct Device: Sendable, Hashable {
        public var major: UInt32
        public var minor: UInt32

        public init(major: UInt32, minor: UInt32) {
            self.major = major
            self.minor = minor
        }

        /// As the kernel packs both into one number for programs.
        public init(number: UInt64) {
            major = UInt32(truncatingIfNeeded: (number >> 8 & 0xFFF) | (number >> 32 & 0xFFFF_F000))
            minor = UInt32(truncatingIfNeeded: (number & 0xFF) | (number >> 12 & 0xFFFF_FF00))
        }
    }

    private struct Mount: Sendable, Hashable {
        var point: String
        var device: Device
    }

    private var mounts: [Mount] = []

    /// Lines that make no sense are passed over.
    public init(_ text: String) {
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 5 else { continue }
            let numbers = fields[2].split(separator: ":").compactMap { UInt32($0) }
            guard numbers.count == 2 else { continue }
            let device = Device(major: numbers[0], minor: numbers[1])
            mounts.append(Mount(point: Self.plain(fields[4]), device: device))
        }
    }

    /// Whether something is mounted at just this place.
    public func hasMount(at path: String) -> Bool { mounts.contains { $0.point == path } }

    /// Of the innermost mount that holds the path; of several at one place the last, which covers the others.
    public func device(of path: String) -> Device? {
        var best: (length: Int, device: Device)?
        for mount in mounts {
            let isHolder = mount.point == "/" || path == mount.point || path.hasPrefix(mount.point + "/")
            guard isHolder, mount.point.utf8.count >= best?.length ?? 0 else { continue }
            best = (mount.point.utf8.count, mount.device)
        }
        return best?.device
    }

    /// Blanks and their like are written as three octal digits.
    private static func plain(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3,
                let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
