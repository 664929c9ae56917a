import Cluster
import Foundation
import Probes
import Reactor
import Settings

/// This host, asked when a configuration needs it.
struct SystemHost: HostSource {
    /// What a name server does not answer in that time is not known.
    private static let lookupMax = Instant.Span.seconds(1)
    /// Prints the options of the server's groups in all option files; comes with the clients.
    private static let optionPrinter = "/usr/bin/my_print_defaults"

    func address(of host: String) -> String? {
        guard let found = NameLookup.now(Endpoint(host: host, port: 1), within: Self.lookupMax)?.endpoint?.host else {
            return nil
        }
        // The same address, for sockets of the other family.
        let mapped = "::ffff:"
        return found.hasPrefix(mapped) && found.contains(".") ? String(found.dropFirst(mapped.count)) : found
    }

    func isHere(_ address: String) -> Bool { HostAddresses.isHere(address) }

    /// By what listens there now; where that is nothing, as on a standby, by what is configured. (A proxy that runs
    /// already listens at the port, too, and not on the node's address.)
    func serverBinding(at address: String, port: UInt16) -> ServerBinding {
        let listeners = HostAddresses.listeners(at: port)
        if let all = listeners.first(where: HostAddresses.isWildcard) {
            return .every("something listens on \(Endpoint(host: all, port: port)) now")
        }
        if listeners.contains(address) { return .only([address]) }
        return Self.binding(options: Self.serverOptions())
    }

    /// - Parameter options: one a line, as `my_print_defaults` prints them; the last one counts.
    static func binding(options: String) -> ServerBinding {
        let values = options.split(whereSeparator: \.isNewline).compactMap { line -> Substring? in
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts[0].replacing("_", with: "-")
            return parts.count == 2 && name == "--bind-address" ? parts[1] : nil
        }
        guard let value = values.last else { return .unknown }
        let addresses = value.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        let isEvery = addresses.isEmpty || addresses.contains { $0 == "*" || HostAddresses.isWildcard($0) }
        return isEvery ? .every("bind-address = \(value) in its option files") : .only(addresses)
    }

    private static func serverOptions() -> String {
        guard FileManager.default.isExecutableFile(atPath: optionPrinter), let loop = try? EventLoop() else {
            return ""
        }
        var text = ""
        let run = try? ToolRun(
            loop: loop, Tool(optionPrinter, ["--mysqld"]), timeout: .seconds(2), bytesMax: 1 << 16
        ) { result in
            if case .success(let output) = result, output.status == 0 {
                text = String(decoding: output.bytes, as: UTF8.self)
            }
            loop.stop()
        }
        guard run != nil else { return "" }
        loop.run()
        return text
    }
}
