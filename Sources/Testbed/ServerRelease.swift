import Foundation

/// The MariaDB that the servers of a test are: the system's own, or another release's in a Debian root of its own
/// (`scripts/servers` makes them).
public struct ServerRelease: Sendable {
    /// Where its `/` is; nil for the system's own.
    public let root: String?

    public init(root: String?) { self.root = root.map { URL(fileURLWithPath: $0).standardizedFileURL.path } }

    /// What `HAPROXYDB_TEST_SERVER` names; the system's own where it is not set.
    public static let tested = ServerRelease(root: variable("HAPROXYDB_TEST_SERVER"))

    /// More options of every server, out of `HAPROXYDB_TEST_OPTIONS`: words between spaces, e.g.
    /// `--log-bin --sql-mode=ANSI`.
    public static let options = (variable("HAPROXYDB_TEST_OPTIONS") ?? "").split(separator: " ").map(String.init)

    private static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The arguments of a process that becomes this program of the release; its pid is the program's own. The
    /// directories have the same names there. What is mounted for it goes with it.
    public func command(_ arguments: [String], directories: [String]) throws -> [String] {
        guard let root else { return arguments }
        guard geteuid() == 0 else { throw TestbedFailure("a server in \(root) is started by root only") }
        guard FileManager.default.fileExists(atPath: "\(root)/etc") else {
            throw TestbedFailure("no Debian root in \(root): scripts/servers makes them")
        }
        return ["unshare", "--mount", "--propagation", "private", "--", "/bin/sh", "-euc", Self.entry, "sh", root]
            + directories + ["--"] + arguments
    }

    /// In a mount namespace of its own: what the directories' names need is made in a `/tmp` that is nobody's.
    private static let entry = """
        root=$1
        shift
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount --bind /etc/hosts "$root/etc/hosts"
        mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
        while [ "$1" != -- ]; do
            mkdir -p "$root$1"
            mount --bind "$1" "$root$1"
            shift
        done
        shift
        exec chroot "$root" "$@"
        """

    /// The server.
    public var program: String {
        guard root == nil else { return "/usr/sbin/mariadbd" }
        return ["/usr/sbin/mariadbd", "/usr/local/sbin/mariadbd", "/usr/local/bin/mariadbd"]
            .first { FileManager.default.isExecutableFile(atPath: $0) } ?? "mariadbd"
    }
}
