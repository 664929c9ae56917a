import Cluster
import Glibc

/// What addresses this host has, and what listens on them.
public enum HostAddresses {
    /// Whether a socket of this host may have it now, wherever IP_FREEBIND or ip_nonlocal_bind would let it bind to more.
    ///
    /// A way to an address of one's own begins at that address; loopback has all of 127.0.0.0/8. Nothing is sent. (A list
    /// of interfaces takes netlink, which a service need not have.)
    public static func isHere(_ address: String) -> Bool {
        if address.hasPrefix("127.") { return true }
        guard let target = Sockets.numeric(Endpoint(host: address, port: 9)), let own = Sockets.source(for: target)
        else { return false }
        return own.endpoint?.host == target.endpoint?.host
    }

    /// Whether it stands for all addresses.
    public static func isWildcard(_ address: String) -> Bool { address == "0.0.0.0" || address == "::" }

    /// Where something listens at a TCP port now, whoever it is: the kernel's own list.
    public static func listeners(at port: UInt16) -> Set<String> {
        var found: Set<String> = []
        for (path, family) in [("/proc/self/net/tcp", AF_INET), ("/proc/self/net/tcp6", AF_INET6)] {
            guard let file = fopen(path, "re") else { continue }
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 512)
            while fgets(&line, Int32(line.count), file) != nil {
                let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                if let address = listener(text, at: port, family) { found.insert(address) }
            }
        }
        return found
    }

    /// `   0: 0100007F:0CEA 00000000:0000 0A …`: state 0A listens; an address is 32-bit words as they lie in memory.
    static func listener(_ line: String, at port: UInt16, _ family: Int32) -> String? {
        let words = line.split(separator: " ")
        guard words.count > 3, words[3] == "0A" else { return nil }
        let parts = words[1].split(separator: ":")
        let digits = family == AF_INET ? 8 : 32
        guard parts.count == 2, parts[0].utf8.count == digits, UInt16(parts[1], radix: 16) == port else { return nil }
        var memory = [UInt32](repeating: 0, count: digits / 8)
        for index in memory.indices {
            let start = parts[0].index(parts[0].startIndex, offsetBy: index * 8)
            guard let word = UInt32(parts[0][start..<parts[0].index(start, offsetBy: 8)], radix: 16) else { return nil }
            memory[index] = word
        }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(family, memory, &text, socklen_t(text.count)) != nil else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
