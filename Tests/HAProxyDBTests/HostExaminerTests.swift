import Doctor
import Foundation
import Testing

@testable import HAProxyDB

/// What a boot would start, by the links in a system's files.
@Suite struct HostExaminerTests {
    private final class Files {
        let root = "/tmp/hadb-host-\(getpid())-\(UInt32.random(in: 0 ... .max))"

        deinit { try? FileManager.default.removeItem(atPath: root) }

        func link(_ path: String, to target: String = "/lib/systemd/system/x.service") throws {
            let link = URL(filePath: root + path)
            try FileManager.default.createDirectory(
                at: link.deletingLastPathComponent(), withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: target)
        }

        /// Units, with the links below the root.
        var units: [String: String]? {
            HostExaminer(root: root).units().value?.mapValues { String($0.dropFirst(root.count)) }
        }
    }

    @Test func unitsThatPacemakerIsToStart() throws {
        let files = Files()
        #expect(files.units == [:])
        let wants = "/etc/systemd/system/multi-user.target.wants"
        try files.link("\(wants)/cron.service")
        try files.link("\(wants)/corosync.service")
        #expect(files.units == [:])
        try files.link("\(wants)/mariadb.service")
        try files.link("\(wants)/mariadb@2.service")
        try files.link("/etc/systemd/system/pacemaker.service.requires/drbd.service")
        #expect(
            files.units == [
                "mariadb.service": "\(wants)/mariadb.service", "mariadb@2.service": "\(wants)/mariadb@2.service",
                "drbd.service": "/etc/systemd/system/pacemaker.service.requires/drbd.service",
            ])
    }

    @Test func aMaskedUnitIsNotStarted() throws {
        let files = Files()
        try files.link("/etc/systemd/system/multi-user.target.wants/mariadb.service")
        try files.link("/etc/systemd/system/mariadb.service", to: "/dev/null")
        #expect(files.units == [:])
    }

    @Test func anOldScriptIsStartedWhereSystemdHasNoUnitOfItsName() throws {
        let files = Files()
        try files.link("/etc/rc2.d/S01mysql", to: "../init.d/mysql")
        try files.link("/etc/rc3.d/K01mariadb", to: "../init.d/mariadb")
        #expect(files.units == ["mysql.service": "/etc/rc2.d/S01mysql"])
        try files.link("/lib/systemd/system/mysql.service", to: "mariadb.service")
        #expect(files.units == ["mysql.service": "/etc/rc2.d/S01mysql"])
        try files.link("/run/systemd/system/x")
        #expect(files.units == [:])
    }

    @Test func theHostItself() throws {
        let host = HostExaminer()
        #expect(host.addresses().value?.contains("127.0.0.1") == false)
        #expect(host.clock().value != nil)
        let disks = try #require(host.disks(data: ["/not/mounted", "/proc"], ledger: "/tmp/availability.db").value)
        #expect(disks.map(\.path) == ["/proc", "/tmp"])
        #expect(disks[1].size > 0 && disks[1].free <= disks[1].size)
        #expect(host.disks(data: ["/not/mounted"], ledger: nil).value == nil)
    }
}
