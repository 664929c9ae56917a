@testable import Admin

/// What decides who may ask, line by line: the Authorization header, the query, the Host header. (The head itself is
/// cut into lines by libevent.) Nobody gets in without the token.
enum HTTPHeads {
    private static let token = "0123456789abcdef"

    static func read(_ bytes: UnsafeRawBufferPointer) {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 2, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        func line(_ index: Int) -> String? { index < lines.count && !lines[index].isEmpty ? lines[index] : nil }
        for token in [nil, Self.token] {
            let refusal = HTTPAccess(token: token).refusal(
                authorization: line(0), query: line(1), host: line(2))
            guard token != nil, refusal == nil else { continue }
            let query = line(1).flatMap(HTTPAccess.tokenParameter)
            require(
                query == Self.token || line(0)?.hasSuffix(Self.token) == true, "let in without the token: \(lines)")
        }
    }
}
