import Cluster

extension Draft {
    static let httpTokenKeys = ["http_token", "http_token_file"]

    func hasHTTPToken(in section: Section) -> Bool { Self.httpTokenKeys.contains { section.entries[$0] != nil } }

    /// `http_token` or `http_token_file`: 16 or more printable ASCII characters without blanks, as they stand in a
    /// header.
    mutating func httpToken(in section: Section, from source: some SecretSource) -> String? {
        let given = Self.httpTokenKeys.filter { section.entries[$0] != nil }
        guard let key = given.first else { return nil }
        for other in given.dropFirst() {
            fail(section, other, at: .key, "there is \(key) already; only one of the two can hold the token")
        }
        guard let text = text(key, in: section) else { return nil }
        var token = text
        if key == "http_token" {
            holdsSecret(section, key, source)
        } else {
            readsSecret(section, key, at: .file(text), source)
            do throws(SecretUnavailable) {
                token = try source.secret(at: .file(text))
            } catch {
                fail(section, key, "the token can't be read from \"\(text)\": \(error.reason)")
                return nil
            }
        }
        guard (16...256).contains(token.utf8.count), token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            // It is not repeated: logs are read by others.
            fail(section, key, "must be 16 to 256 printable ASCII characters without blanks")
            return nil
        }
        return token
    }
}

extension Endpoint {
    /// Whether only this host reaches it.
    var isLoopback: Bool {
        if host == "::1" || host == "localhost" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
