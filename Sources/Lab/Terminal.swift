import Foundation
import Synchronization

/// SIGINT and SIGTERM end the program in order: servers are stopped, directories removed.
enum Interrupt {
    private static let flag = Atomic(false)

    static func install() {
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { _ in Interrupt.flag.store(true, ordering: .relaxed) }
        }
    }

    static var came: Bool { flag.load(ordering: .relaxed) }
}

/// The terminal, key by key.
enum Terminal {
    /// Reads keys at once and without echo while the body runs.
    static func withKeys(_ body: () -> Void) {
        var before = termios()
        guard tcgetattr(0, &before) == 0 else { return body() }
        var raw = before
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
        tcsetattr(0, TCSANOW, &raw)
        // The other screen, without a cursor; and back.
        print("\u{1b}[?1049h\u{1b}[?25l", terminator: "")
        body()
        print("\u{1b}[?25h\u{1b}[?1049l", terminator: "")
        fflush(nil)
        tcsetattr(0, TCSANOW, &before)
    }

    /// Waits for a key, that long at most, and less when a signal comes. At the end of the input, `q`.
    @discardableResult
    static func waitForKey(seconds: Double, readsKeys: Bool = true) -> Character? {
        var input = pollfd(fd: readsKeys ? 0 : -1, events: Int16(POLLIN), revents: 0)
        guard poll(&input, 1, Int32(seconds * 1000)) > 0 else { return nil }
        var byte: UInt8 = 0
        guard read(0, &byte, 1) == 1 else { return "q" }
        return Character(UnicodeScalar(byte))
    }

    /// Columns and lines; 80 and 24 where the terminal does not tell.
    static var size: (columns: Int, lines: Int) {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}

/// A line to standard output, at once, also into a file or a pipe.
func output(_ line: String) {
    print(line)
    fflush(nil)
}
