/// An amount of memory, as a configuration gives it.
struct ByteSize: Hashable, Comparable {
    var bytes: Int

    init(bytes: Int) { self.bytes = bytes }

    /// Reads `512KiB`, `256MiB`, `2GiB`, also with `K`, `M`, `G` alone. Nil for anything else, also for what does not fit.
    init?(text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits) else { return nil }
        let unit: Int
        switch text.dropFirst(digits.count) {
        case "KiB", "K": unit = 1 << 10
        case "MiB", "M": unit = 1 << 20
        case "GiB", "G": unit = 1 << 30
        default: return nil
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        self.bytes = bytes
    }

    static func < (a: ByteSize, b: ByteSize) -> Bool { a.bytes < b.bytes }

    static func mebibytes(_ n: Int) -> ByteSize { ByteSize(bytes: n << 20) }
}

extension ByteSize: CustomStringConvertible {
    /// In the largest unit that it is a whole number of.
    var description: String {
        for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] where bytes % unit == 0 && bytes > 0
        {
            return "\(bytes / unit)\(name)"
        }
        return "\(bytes) bytes"
    }
}
