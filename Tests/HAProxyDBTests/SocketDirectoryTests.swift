import Foundation
import Glibc
import Testing

@testable import HAProxyDB

@Suite struct SocketDirectoryTests {
    @Test func isOpenWhateverTheMaskIsAndOneThatIsThereStays() throws {
        let path = "/tmp/hadb-dir-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        defer { rmdir(path) }
        func mode() -> mode_t? {
            var status = stat()
            return stat(path, &status) == 0 ? status.st_mode & 0o777 : nil
        }
        let before = umask(0o077)
        SocketDirectory.make(for: "\(path)/admin.sock")
        umask(before)
        #expect(mode() == 0o755)
        chmod(path, 0o700)
        SocketDirectory.make(for: "\(path)/admin.sock")
        #expect(mode() == 0o700)
    }
}
