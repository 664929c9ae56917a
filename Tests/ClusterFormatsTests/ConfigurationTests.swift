import Cluster
import ClusterFormats
import Health
import Testing

/// What is read of configurations, by hand.
@Suite struct ConfigurationTests {
    private func bytes(_ path: String) throws -> [UInt8] {
        try #require(Fixture.all.first { $0.path == path }, "\(path)").bytes
    }

    private func cib(_ resources: String, rest: String = "") throws(FormatError) -> ClusterConfiguration {
        try ClusterConfiguration(
            xml: Array("<cib><configuration><resources>\(resources)</resources>\(rest)</configuration></cib>".utf8))
    }

    @Test func aRealCluster() throws {
        let configuration = try ClusterConfiguration(xml: bytes("configured/cib-vm.xml"))
        #expect(configuration.properties["stonith-enabled"] == "false")
        #expect(configuration.resources.map(\.id) == ["p_fs_mysql", "p_float_ip", "p_mysql", "p_drbd_mysql", "p_ping"])
        let database = configuration.resources[2]
        #expect(database.agent == "ocf:heartbeat:mysql")
        #expect(database.group == "g_mysql")
        #expect(database.parameters["datadir"] == "/var/lib/mysql")
        #expect(database.meta["migration-threshold"] == "3")
        #expect(
            database.operations.first
                == .init(id: "p_mysql-monitor-20", name: "monitor", interval: .seconds(20), timeout: .seconds(60)))
        let drbd = configuration.resources[3]
        #expect(drbd.clone == "ms_drbd_mysql")
        #expect(drbd.meta["notify"] == "true")
        #expect(drbd.operations.map(\.role) == ["Promoted", "Unpromoted", nil, nil])
        #expect(configuration.locations.map(\.score) == [100, -1_000_000])
        #expect(configuration.locations.map(\.node) == ["cluster1", nil])
        #expect(
            configuration.colocations
                == [.init(id: "c_mysql_on_drbd", resource: "g_mysql", with: "ms_drbd_mysql", score: 1_000_000)])
        // A master of 1.1's kind, and its words for the roles.
        let seed = try ClusterConfiguration(xml: bytes("pacemaker/cib-seed.xml"))
        #expect(
            seed.resources.first { $0.id == "p_drbd_mysql" }?.operations.compactMap(\.role) == [
                "Promoted", "Unpromoted",
            ])
    }

    @Test func templatesAndReferences() throws {
        let configuration = try cib(
            """
            <template id="t" class="ocf" provider="heartbeat" type="mysql">
              <meta_attributes id="tm"><nvpair id="a" name="migration-threshold" value="5"/></meta_attributes>
              <operations id="to"><op id="to1" name="monitor" interval="7s"/><op id="to2" name="stop" interval="0"/></operations>
            </template>
            <primitive id="p" template="t">
              <meta_attributes id-ref="shared"/>
              <operations id="po"><op id="po1" name="monitor" interval="PT1M30S" timeout="1500ms"/></operations>
            </primitive>
            <primitive id="q" class="systemd" type="mariadb">
              <meta_attributes id="shared"><nvpair id="b" name="migration-threshold" value="2"/></meta_attributes>
              <meta_attributes id="night"><rule id="r" score="1"/><nvpair id="c" name="target-role" value="Stopped"/></meta_attributes>
              <operations><op id="x" name="monitor" interval="5" enabled="false"/></operations>
            </primitive>
            """,
            rest:
                "<op_defaults><meta_attributes id='o'><nvpair id='d' name='timeout' value='2min'/></meta_attributes></op_defaults>"
        )
        let first = configuration.resources[0]
        #expect(first.agent == "ocf:heartbeat:mysql")
        #expect(first.meta == ["migration-threshold": "2"])
        #expect(
            first.operations == [
                .init(id: "po1", name: "monitor", interval: .seconds(90), timeout: .milliseconds(1500)),
                .init(id: "to2", name: "stop", timeout: .seconds(120)),
            ])
        let second = configuration.resources[1]
        #expect(second.agent == "systemd:mariadb")
        #expect(second.meta == ["migration-threshold": "2"])
        #expect(second.operations.isEmpty)
    }

    /// Pacemaker knows nothing beyond its infinity.
    @Test func scoresHaveBounds() throws {
        let configuration = try cib(
            "",
            rest: """
                <constraints><rsc_colocation id="c" rsc="a" with-rsc="b" score="-9223372036854775808"/>
                <rsc_location id="l" rsc="a" node="n" score="9223372036854775807"/></constraints>
                """)
        #expect(configuration.colocations.map(\.score) == [-1_000_000])
        #expect(configuration.locations.map(\.score) == [1_000_000])
    }

    @Test(arguments: [
        ("20", Instant.Span.seconds(20)), ("0", .zero), ("1500ms", .milliseconds(1500)), ("2min", .seconds(120)),
        ("2M", .seconds(120)), ("1h", .seconds(3600)), ("3 s", nil), ("PT20S", .seconds(20)),
        ("P1DT1H", .seconds(90_000)), ("P", nil), ("PT", nil), ("P1Y", nil), ("-5s", nil), ("", nil),
        ("99999999999999999999", nil), ("PT99999999999999999999S", nil), ("9000000000000000000h", .seconds(.max)),
    ])
    func lengthsOfTime(_ text: String, _ span: Instant.Span?) {
        let read = try? cib(
            "<primitive id='p' class='ocf' type='x'><operations><op id='o' name='m' interval='\(text)'/></operations></primitive>"
        )
        let interval = read?.resources.first?.operations.first?.interval
        // Nothing is no interval.
        #expect(interval == (text.isEmpty ? .zero : span))
    }

    @Test func faultsNameTheirPlace() {
        #expect {
            try cib(
                "<primitive id='p' class='ocf' type='x'><operations>\n<op id='o' name='m' interval='soon'/></operations></primitive>"
            )
        } throws: {
            "\($0)" == "cibadmin, line 2: not understood: interval=soon"
        }
        #expect { try cib("<primitive id='p'/>") } throws: {
            "\($0)" == "cibadmin, line 1: class and type of p is missing"
        }
        #expect { try DRBDConfiguration(xml: Array("<cib/>".utf8)) } throws: {
            "\($0)" == "drbdadm dump-xml, line 1: unsupported: <cib>"
        }
        #expect { try CorosyncSettings(file: "totem {\n}\n}\n") } throws: {
            "\($0)" == "corosync.conf, line 3: not understood: a brace too much"
        }
        #expect { try CorosyncSettings(map: "\n") } throws: { "\($0)" == "corosync-cmapctl: nothing was printed" }
    }

    @Test func commonAndOwnSettings() throws {
        let fenced = try DRBDConfiguration(xml: bytes("configured/drbd-dump-fenced.xml")).resources[0]
        #expect(fenced.place == "/etc/drbd.d/mysql.res:6")
        #expect(fenced.net["protocol"] == "C")
        #expect(fenced.fencing == "resource-and-stonith")
        #expect(fenced.handlers.keys.sorted() == ["fence-peer", "split-brain", "unfence-peer"])
        let own = try DRBDConfiguration(
            xml: Array(
                """
                <config><common><section name="net"><option name="protocol" value="A"/></section></common>
                <resource name="r"><section name="net"><option name="protocol" value="B"/></section>
                <connection><section name="net"><option name="protocol" value="C"/></section></connection></resource></config>
                """.utf8))
        #expect(own.resources[0].net["protocol"] == "C")
        #expect(own.resources[0].fencing == nil)
    }

    @Test func corosyncAsItRunsAndAsItIsWritten() throws {
        let file = try CorosyncSettings(file: String(decoding: bytes("configured/corosync.conf"), as: UTF8.self))
        #expect(file == CorosyncSettings(token: .seconds(5), isTwoNode: true, waitsForAll: false, links: 1))
        #expect(file.declaredAfter == .seconds(11))
        let map = try CorosyncSettings(
            map: """
                nodelist.node.0.ring0_addr (str) = 10.77.0.11
                nodelist.node.0.ring1_addr (str) = 10.78.0.11
                quorum.two_node (u8) = 1
                runtime.config.totem.consensus (u32) = 4000
                runtime.config.totem.token (u32) = 2650
                totem.token (u32) = 2000
                """)
        #expect(
            map
                == CorosyncSettings(
                    token: .milliseconds(2650), consensus: .milliseconds(4000), isTwoNode: true, links: 2))
        #expect(map.declaredAfter == .milliseconds(6650))
    }
}
