import ArgumentParser
import Glibc

/// The codes of <sysexits.h> that this program ends with.
extension ExitCode {
    /// The configuration is wrong (EX_USAGE).
    static let configurationWrong = ExitCode(64)
    /// The system refuses what is needed (EX_OSERR).
    static let systemRefuses = ExitCode(71)
    /// It may well work later: an address in use, a name that can't be resolved now (EX_TEMPFAIL).
    static let notNow = ExitCode(75)
}

/// Tells the user on standard error; where there is a log, in its order and without waiting.
func complain(_ text: String) {
    let text = "haproxydb: \(text)\n"
    if LogLines.say(text) { return }
    let line = Array(text.utf8)
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// A line of `check` on standard error: as it is, for editors that go to its place.
func warn(_ line: String) {
    let line = Array("\(line)\n".utf8)
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
