/// Bytes as ASCII text, without Unicode's opinions.
enum ASCII {
    static func lowercased(_ bytes: [UInt8]) -> [UInt8] {
        bytes.map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }
    }

    static func starts(_ bytes: [UInt8], _ prefix: StaticString) -> Bool {
        guard bytes.count >= prefix.utf8CodeUnitCount else { return false }
        for index in 0..<prefix.utf8CodeUnitCount where bytes[index] != prefix.byte(at: index) { return false }
        return true
    }

    /// Decimal digits only; nil where there is anything else, or more than 64 bits.
    static func unsigned(_ bytes: [UInt8]) -> UInt64? {
        var value: UInt64 = 0
        for byte in bytes {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            let (product, overflowed) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(UInt64(byte - 0x30))
            if overflowed || carried { return nil }
            value = sum
        }
        return bytes.isEmpty ? nil : value
    }
}
