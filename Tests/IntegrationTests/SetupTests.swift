import Foundation
import Testbed
import Testing

extension Integration {
    /// What of the configuration can't be true yet, or is not any more: said, and no reason to be away.
    @Suite(.serialized)
    struct SetupTests {
        private func change(_ proxy: ProxyProcess, _ old: String, to new: String) throws {
            let text = try String(contentsOfFile: proxy.configurationPath, encoding: .utf8)
            try text.replacingOccurrences(of: old, with: new)
                .write(toFile: proxy.configurationPath, atomically: false, encoding: .utf8)
        }

        @Test("a reload with a service account that the server refuses changes nothing, and the next failover is one")
        func refusedAccount() throws {
            try Stage.run(holdTimeout: "20s") { stage in
                let session = try stage.proxy.connect()
                try change(stage.proxy, "proxy-secret", to: "mistyped")
                let answer = try stage.proxy.admin("reload")
                #expect(
                    answer.contains("Not applied") && answer.contains("health.password: cluster1 says: "), "\(answer)")
                #expect(answer.contains("check account refused: 1045"), "\(answer)")
                #expect(stage.proxy.logs("is not applied, the old configuration stays:"))
                // And by a signal, whose answer may be overtaken by the loss of the one who gives it.
                stage.proxy.send(SIGHUP)
                try stage.failOver()
                #expect(try session.query("SELECT 1").first == "1")
                #expect(!(try stage.proxy.admin("show cluster")).contains("checkAccountRefused"))

                // One that is right is taken: on the server first, then here.
                let root = try stage.pair.asRoot()
                try root.query("ALTER USER proxy@'%' IDENTIFIED BY 'mistyped'")
                // A server that is killed forgets what its system tables have not written.
                try root.query("FLUSH TABLES")
                root.close()
                let taken = try stage.proxy.admin("reload")
                #expect(taken.contains("applied: health.password"), "\(taken)")
                try stage.failOver()
                #expect(try session.query("SELECT 2").first == "2")

                // Without any server nothing speaks against it.
                stage.pair.failPrimary()
                try stage.proxy.admin("show cluster", within: .seconds(10)) { $0.contains("primary: -") }
                try change(stage.proxy, "mistyped", to: "proxy-secret")
                #expect(try stage.proxy.admin("reload").contains("applied: health.password"))
            }
        }

        @Test(
            "a node whose name can't be resolved is said and looked up again, and the others serve",
            .enabled(if: geteuid() == 0))
        func unresolvedName() throws {
            let pair = try EmbeddedPair()
            defer { pair.stop() }
            try pair.start()
            let files = try TemporaryDirectory()
            defer { files.remove() }
            let hosts = "\(files.path)/hosts"
            try "127.0.0.1 localhost\n".write(toFile: hosts, atomically: false, encoding: .utf8)
            // No name server answers.
            try "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
                .write(toFile: "\(files.path)/resolv.conf", atomically: false, encoding: .utf8)
            let mounts = "mount --bind \(hosts) /etc/hosts; mount --bind \(files.path)/resolv.conf /etc/resolv.conf"
            let node = "[[node]]\nname = \"cluster2\"\naddress = \"later.invalid:\(pair.ports[1])\""
            let proxy = try ProxyProcess(
                nodes: [pair.ports[0]], holdTimeout: "60s", sections: node,
                launcher: ["unshare", "-m", "sh", "-ec", "\(mounts); exec \"$0\" \"$@\""])
            defer { proxy.stop(grace: .seconds(2)) }
            let session = try proxy.connect()
            #expect(try session.query("SELECT @@server_id").first == "1")
            let cluster = try proxy.admin("show cluster", within: .seconds(20)) {
                $0.contains("caution: nameUnresolved")
            }
            #expect(cluster.contains("cluster2"), "\(cluster)")
            #expect(proxy.logs("cluster2: its name can't be resolved: getaddrinfo later.invalid"))

            let handle = try #require(FileHandle(forWritingAtPath: hosts))
            handle.write(Data("127.0.0.1 localhost later.invalid\n".utf8))
            try handle.close()
            #expect(proxy.logs("The name of cluster2 is resolved."))
            #expect(!(try proxy.admin("show cluster")).contains("nameUnresolved"))
            pair.failPrimary()
            try pair.startStandby()
            #expect(try session.query("SELECT @@server_id").first == "2")
        }

        @Test(
            "an address that is not here is listened on, and it is said when it comes and goes",
            .enabled(if: Namespace.isAllowed))
        func absentAddress() throws {
            let namespace = try Namespace()
            defer { namespace.remove() }
            let file = "\(namespace.directory.path)/c.toml"
            try """
            [proxy]
            listen = ["192.0.2.9:4000", "10.99.0.1:4000"]
            [[node]]
            name = "cluster1"
            address = "127.0.0.1:1"
            [health]
            user = "proxy"
            password = "secret"
            [admin]
            socket = "\(namespace.directory.path)/admin.sock"

            """.write(toFile: file, atomically: true, encoding: .utf8)
            chmod(file, 0o600)
            let program = try ProxyProcess.findProgram()
            let check = try namespace.run([program, "check", "-c", file])
            let sentence = "192.0.2.9 is no address of this host: nobody reaches 192.0.2.9:4000 here until it comes"
            #expect(check.contains(sentence) && check.contains("is valid") && !check.contains("warning"), "\(check)")
            #expect(!check.contains("10.99.0.1"))
            let proxy = try namespace.start([program, "run", "-c", file], name: "proxy")
            defer { proxy.killNow() }
            func logs(_ text: String) -> Bool {
                let deadline = ContinuousClock.now + .seconds(15)
                while !proxy.log.contains(text), ContinuousClock.now < deadline { usleep(5_000) }
                return proxy.log.contains(text)
            }
            #expect(logs(sentence))
            try namespace.run(["ip", "address", "add", "192.0.2.9/32", "dev", "lo"])
            #expect(logs("192.0.2.9 has come to this host: clients reach 192.0.2.9:4000."))
            try namespace.run(["ip", "address", "del", "192.0.2.9/32", "dev", "lo"])
            #expect(logs("192.0.2.9 has left this host"))
        }
    }
}
