import Glibc
import Synchronization

/// The terminal while the live view is on it: keys as they are pressed, no echo, the alternate screen. Everything is
/// put back by ``restore()``.
final class Terminal {
    private var saved = termios()

    /// Nil where standard input or output is no terminal.
    init?() {
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1, tcgetattr(STDIN_FILENO, &saved) == 0 else {
            return nil
        }
        var raw = saved
        // Ctrl-C arrives as a key (ISIG off), so that the end is always an orderly one.
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
        tcsetattr(STDIN_FILENO, TCSANOW, &raw)
        for number in [SIGTERM, SIGHUP] { signal(number) { _ in isEnding.store(true, ordering: .relaxed) } }
        write("\u{1B}[?1049h\u{1B}[?25l")
    }

    func restore() {
        write("\u{1B}[?25h\u{1B}[?1049l")
        tcsetattr(STDIN_FILENO, TCSANOW, &saved)
    }

    /// Columns and rows.
    var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    func show(_ lines: [String]) {
        let rows = lines.prefix(max(1, size.rows)).map { $0 + "\u{1B}[K" }
        write("\u{1B}[H" + rows.joined(separator: "\r\n") + "\u{1B}[J")
    }

    /// Waits that long; true when the user (q, Ctrl-C, Ctrl-D) or a signal ends it.
    func waitForEnd(milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        if poll(&entry, 1, milliseconds) > 0 {
            var key: UInt8 = 0
            guard read(STDIN_FILENO, &key, 1) == 1 else { return true }
            if [UInt8(ascii: "q"), UInt8(ascii: "Q"), 3, 4].contains(key) { return true }
        }
        return isEnding.load(ordering: .relaxed)
    }

    private func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}

private let isEnding = Atomic<Bool>(false)
