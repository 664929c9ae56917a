import COpenSSL

/// `mysql_native_password`: with stage1 = SHA1(password) and stage2 = SHA1(stage1), the server keeps stage2, and the
/// client proves stage1 by the token stage1 XOR SHA1(scramble + stage2). Who knows stage2 gets stage1 out of a right
/// token, and can then log in elsewhere without the password.
public enum NativePassword {
    public static let pluginName = "mysql_native_password"
    /// Bytes of a digest, a token and a scramble.
    public static let size = 20

    /// stage2 out of the server's `*` and 40 hex digits; nil for anything else.
    public static func hash(storedText: String) -> [UInt8]? {
        let text = Array(storedText.utf8)
        guard text.count == 1 + 2 * size, text[0] == UInt8(ascii: "*") else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        for i in stride(from: 1, to: text.count, by: 2) {
            guard let high = nibble(text[i]), let low = nibble(text[i + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    /// What a client sends; 20 bytes. `stage1` and `stage2` have 20 bytes; the scramble is any length.
    public static func token(stage1: [UInt8], stage2: [UInt8], scramble: [UInt8]) -> [UInt8] {
        zip(stage1, sha1(scramble + stage2)).map { $0 ^ $1 }
    }

    /// SHA1(password) out of a client's token; nil where the token is wrong or has not 20 bytes. The comparison takes
    /// the same time wherever it differs.
    public static func stage1(token: [UInt8], scramble: [UInt8], stage2: [UInt8]) -> [UInt8]? {
        guard token.count == size, stage2.count == size else { return nil }
        let candidate = zip(token, sha1(scramble + stage2)).map { $0 ^ $1 }
        let digest = sha1(candidate)
        return CRYPTO_memcmp(digest, stage2, size) == 0 ? candidate : nil
    }

    /// SHA1(password), 20 bytes. An empty password is no password: its token is empty and nothing is hashed.
    public static func stage1(password: String) -> [UInt8] { sha1(Array(password.utf8)) }

    /// SHA1(stage1), 20 bytes.
    public static func stage2(stage1: [UInt8]) -> [UInt8] { sha1(stage1) }

    static func sha1(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: size) { out, count in
            count = SHA1(bytes, bytes.count, out.baseAddress) == nil ? 0 : size
        }
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case _: nil
        }
    }
}
