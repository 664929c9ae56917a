import Foundation

/// What HAProxy answered; see the file's own words on the configuration.
struct HAProxyRecords: Decodable {
    /// Commands and their answers, in the order in which they were given.
    var answers: [[String]]
    /// Answered with `Permission denied` on a socket of that level.
    var deniedToUsers: [String]
    var deniedToOperators: [String]
    var statCSV: String
    /// `show stat typed` without the values.
    var statFields: [String]
    var statJSONItem: String
    /// `show info typed` without the values.
    var infoKeys: [String]
    var infoJSONItem: String
    var serversState: String
    var serversConn: String
    /// The first line of `show sess`.
    var sess: String

    static let debian = Result { () throws -> HAProxyRecords in
        let url = Bundle.module.url(forResource: "Fixtures/haproxy-2.6.12", withExtension: "json")
        guard let url else { throw CocoaError(.fileNoSuchFile) }
        return try JSONDecoder().decode(HAProxyRecords.self, from: Data(contentsOf: url))
    }
}
