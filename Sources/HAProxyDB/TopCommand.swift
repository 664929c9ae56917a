import ArgumentParser
import Glibc
import Reactor

struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Shows a running proxy on one screen, twice a second. q ends it.")

    @OptionGroup var target: AdminSocketOption

    @Flag(help: "Print one screen and end.")
    var once = false

    private static let interval: Int32 = 500

    func run() throws {
        let path = try target.path()
        if once { return try printOnce(path) }
        guard let terminal = Terminal() else {
            complain("top needs a terminal; --once prints one screen")
            throw ExitCode.failure
        }
        defer { terminal.restore() }
        var earlier: LiveSample?
        repeat {
            let view = LiveView(isColoured: true, width: terminal.size.columns)
            do {
                let sample = try LiveSample.take(from: path)
                terminal.show(view.frame(sample, since: earlier))
                earlier = sample
            } catch {
                terminal.show(["no proxy answers at \(path): \(Self.reason(error))", "", "trying again; q ends"])
                earlier = nil
            }
        } while !terminal.waitForEnd(milliseconds: Self.interval)
    }

    /// Two looks: a rate needs both.
    private func printOnce(_ path: String) throws {
        do {
            let first = try LiveSample.take(from: path)
            poll(nil, 0, Self.interval)
            let view = LiveView(isColoured: isatty(STDOUT_FILENO) == 1)
            for line in view.frame(try LiveSample.take(from: path), since: first) { print(line) }
        } catch {
            complain("no proxy answers at \(path): \(Self.reason(error))")
            throw ExitCode.failure
        }
    }

    private static func reason(_ error: any Error) -> String { (error as? SystemError)?.reason ?? "\(error)" }
}
