import ClusterFormats
import Health
import Testing

/// What is read of /proc and of the cluster's configuration to tell the cluster's mariadbd from others.
@Suite struct DatabasePlaceTests {
    private static let cib = """
        <cib><configuration><resources>
          <primitive id="p_other" class="ocf"><instance_attributes id="x">
            <nvpair id="y" name="datadir" value="/elsewhere"/></instance_attributes></primitive>
          <group id="g_mysql">
            <primitive id="p_fs_mysql"><instance_attributes id="a">
              <nvpair id="b" name="device" value="/dev/drbd0"/></instance_attributes></primitive>
            <primitive id="p_mysql"><instance_attributes id="c">
              <nvpair id="d" name="datadir" value="/var/lib/mysql"/><nvpair id="e" name="pid" value="/run/m.pid"/>
            </instance_attributes></primitive>
          </group>
        </resources></configuration></cib>
        """

    @Test func theConfigurationSaysWhere() throws {
        let place = try DatabasePlace(cib: XMLReader.read(Array(Self.cib.utf8)), ResourceNames())
        #expect(place == DatabasePlace(pidFile: "/run/m.pid", dataDirectory: "/var/lib/mysql", device: "/dev/drbd0"))
        let other = ResourceNames(filesystem: "none", database: "p_other")
        #expect(
            try DatabasePlace(cib: XMLReader.read(Array(Self.cib.utf8)), other)
                == DatabasePlace(dataDirectory: "/elsewhere"))
        #expect(throws: FormatError.self) {
            try DatabasePlace(cib: XMLReader.read(Array("<crm_mon/>".utf8)), ResourceNames())
        }
        let own = DatabasePlace(dataDirectory: "/own")
        #expect(own.over(place) == DatabasePlace(pidFile: "/run/m.pid", dataDirectory: "/own", device: "/dev/drbd0"))
    }

    private func line(_ words: String...) -> ServerCommandLine {
        ServerCommandLine(words.flatMap { Array($0.utf8) + [0] })
    }

    @Test func theCommandLineSaysWhose() {
        let place = DatabasePlace(pidFile: "/run/m.pid", dataDirectory: "/data")
        let clusters = line(
            "/usr/sbin/mariadbd", "--defaults-file=/etc/my.cnf", "--pid-file=/run/m.pid", "--datadir=/data")
        #expect(clusters.isServer && clusters.isOf(place))
        #expect(line("/usr/sbin/mysqld", "--pid_file=/run/m.pid").isOf(place))
        // The distribution's own unit.
        #expect(!line("/usr/sbin/mariadbd").isOf(place))
        #expect(!line("/usr/sbin/mariadbd", "--datadir=/data", "--pid-file=/tmp/m.pid").isOf(place))
        #expect(line("mariadbd", "--datadir=/data").isOf(DatabasePlace(dataDirectory: "/data")))
        #expect(!line("mariadbd", "--datadir=/data").isOf(DatabasePlace()))
        // What starts it, or looks at it.
        #expect(!line("/bin/sh", "/usr/bin/mysqld_safe", "--pid-file=/run/m.pid").isOf(place))
        #expect(!line("vi", "--pid-file=/run/m.pid").isOf(place))
        #expect(!line().isServer)
        #expect(!ServerCommandLine([0, 0, 0xFF, 0xFE, 0]).isOf(place))
    }

    @Test func aProcessIsWhenItStarted() {
        let fields = "S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 900 100"
        #expect(ProcessStatus("12 (mariadbd) \(fields)")?.startTicks == 4711)
        #expect(ProcessStatus("12 (a) b) (c) \(fields)")?.startTicks == 4711)
        #expect(ProcessStatus("12 (mariadbd) \(fields)")?.isZombie == false)
        #expect(ProcessStatus("12 (mariadbd) Z\(fields.dropFirst())")?.isZombie == true)
        for text in ["", "12 (mariadbd", "12 (mariadbd) S 1 2", "12 (m) \(fields.replacing("4711", with: "-1"))"] {
            #expect(ProcessStatus(text) == nil, "\(text)")
        }
    }

    @Test func aPathLiesOnItsInnermostMount() {
        let table = MountTable(
            """
            22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
            30 22 147:0 / /var/lib/mysql rw - ext4 /dev/drbd0 rw
            31 22 8:2 / /var/lib/my\\040sql rw - ext4 /dev/sda2 rw
            32 22 8:3 / /srv rw - ext4 /dev/sda3 rw
            33 32 8:4 / /srv rw - ext4 /dev/sda4 rw
            34 nonsense
            35 22 x:y / /bad rw - ext4 none rw
            """)
        #expect(table.device(of: "/var/lib/mysql") == .init(major: 147, minor: 0))
        #expect(table.device(of: "/var/lib/mysql/app") == .init(major: 147, minor: 0))
        #expect(table.device(of: "/var/lib/mysql2") == .init(major: 8, minor: 1))
        #expect(table.device(of: "/var/lib/my sql/x") == .init(major: 8, minor: 2))
        #expect(table.device(of: "/srv/data") == .init(major: 8, minor: 4))
        #expect(table.device(of: "/bad") == .init(major: 8, minor: 1))
        #expect(MountTable("").device(of: "/") == nil)
        #expect(MountTable.Device(number: 0x9300) == .init(major: 147, minor: 0))
        #expect(MountTable.Device(number: 0x0010_0801) == .init(major: 8, minor: 257))
    }
}
