import Foundation
import Ledger

/// The right to write the availability log, taken before anything else is begun: two proxies on one file would make a
/// history of neither.
struct LedgerClaim {
    /// Nil where there is no log, or nobody can have it yet: a directory that is not there. What is wrong with it the
    /// log's writer says, and tries again.
    let lock: LedgerLock?
    /// What others are told of this process beside its number.
    let origin: String

    /// Throws where another process writes the log.
    init(_ path: String?, for file: ConfigurationFile) throws(LedgerFailure) {
        origin = Self.origin(of: file)
        guard let path else {
            lock = nil
            return
        }
        do throws(LedgerFailure) {
            lock = try LedgerLock(path, origin: origin)
        } catch {
            switch error {
            case .taken: throw error
            case .full, .locked, .heldOpen, .corrupt, .foreign, .unusable: lock = nil
            }
        }
    }

    /// For `check`: who else writes the log that the file names. Nil where nobody does, or a proxy with this very file.
    static func rival(_ path: String?, for file: ConfigurationFile) -> LedgerLock.Holder? {
        guard let path, let holder = LedgerLock.holder(of: path), holder.origin != origin(of: file) else { return nil }
        return holder
    }

    private static func origin(of file: ConfigurationFile) -> String { URL(filePath: file.path).absoluteURL.path }
}
