import Foundation
import Testbed
import Testing

/// Everything that runs real servers, one test at a time: they measure, and the machine is shared.
@Suite(.serialized)
struct Integration {}

/// A pair that tests share which leave its servers running.
enum SharedPair {
    private static let made = Result { () throws -> EmbeddedPair in
        let pair = try EmbeddedPair()
        try pair.start()
        return pair
    }

    static func get() throws -> EmbeddedPair { try made.get() }
}

/// The error of a body that must fail with one of a server's or the client library's.
func clientError(_ body: () throws -> Void) -> ClientError? {
    do {
        try body()
        return nil
    } catch {
        return error as? ClientError
    }
}
