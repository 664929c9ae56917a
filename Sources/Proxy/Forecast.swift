import MySQLWire
import Routing

/// What a failover would keep of a session and what it would lose, as things stand: for people.
extension Worker {
    func forecast(of s: SessionRef) -> MoveForecast {
        var forecast = s.pointee.journal.forecast
        if s.pointee.loggedIn {
            if isRepeatable(s) { forecast.keep(.account) } else { forecast.lose(.account) }
        }
        forecast.keep(.preparedStatements, s.pointee.prepared.all.count)
        forecast.lose(.openCursors, s.pointee.prepared.all.count { $0.hasCursor })
        forecast.lose(.longData, s.pointee.prepared.all.count { $0.hasLongData })
        if s.pointee.inTransaction { forecast.lose(.transaction) }
        return forecast
    }

    /// The proxy can log in again without the client: it knows the password's proof, or will from the account's hash.
    private func isRepeatable(_ s: SessionRef) -> Bool {
        s.pointee.credentials.stage1 != nil || !s.pointee.credentials.relayedScramble.isEmpty
    }
}
