/// Who may ask.
struct HTTPAccess: Sendable {
    /// Nil: whoever reaches the address, as long as it is asked for by address or as localhost.
    var token: String?

    /// Whether users, and addresses of clients, are shown: to those who have shown a token. Without one in the
    /// configuration nobody has, and there are counts only.
    var showsUsers: Bool { token != nil }

    /// What stands in the way, nil for nothing.
    ///
    /// - Parameters:
    ///   - authorization: the header of that name.
    ///   - query: the URI's, without the question mark.
    ///   - host: the header of that name.
    func refusal(authorization: String?, query: String?, host: String?) -> HTTPAnswer? {
        guard let token else {
            // A page on the net can give its own name this address (DNS rebinding), but not this header.
            return host.map(Self.isOurs) ?? true ? nil : .foreignHost
        }
        let scheme = "bearer "
        if let authorization, authorization.lowercased().hasPrefix(scheme),
            Self.isSame(String(authorization.dropFirst(scheme.count)), token)
        {
            return nil
        }
        if let given = query.flatMap(Self.tokenParameter), Self.isSame(given, token) { return nil }
        return .unauthorized
    }

    static func isOurs(_ host: String) -> Bool {
        var name = Substring(host)
        if name.hasPrefix("[") {
            guard let end = name.firstIndex(of: "]") else { return false }
            return name[..<end].dropFirst().utf8.allSatisfy {
                isHexadecimal($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
            }
        }
        if let colon = name.lastIndex(of: ":") { name = name[..<colon] }
        if name.lowercased() == "localhost" { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }

    /// `token=…`, its percent escapes resolved.
    static func tokenParameter(_ query: String) -> String? {
        for pair in query.split(separator: "&") where pair.hasPrefix("token=") {
            return unescaped(pair.dropFirst("token=".count))
        }
        return nil
    }

    private static func unescaped(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                let digits = rest.prefix(2)
                guard digits.count == 2, digits.allSatisfy(isHexadecimal),
                    let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
                else { return nil }
                rest = rest.dropFirst(2)
                bytes.append(value)
            } else {
                bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Takes as long for any text of that length: the time tells nothing of how much of it was right.
    static func isSame(_ given: String, _ token: String) -> Bool {
        let (a, b) = (Array(given.utf8), Array(token.utf8))
        var difference = a.count ^ b.count
        for i in a.indices { difference |= Int(a[i] ^ (b.isEmpty ? 0xFF : b[i % b.count])) }
        return difference == 0
    }
}
