// swift-tools-version: 6.1
import PackageDescription

// The rooms and their one direction of dependency; see docs/architecture.md. `make lint` checks that no
// source file imports more than its target declares here.

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6)]

let package = Package(
    name: "haproxydb",
    products: [
        .executable(name: "haproxydb", targets: ["HAProxyDB"]),
        .executable(name: "haproxydb-lab", targets: ["Lab"]),
        // For Fuzz, a package of its own: everything that reads a peer's or a file's bytes.
        .library(
            name: "Parsers",
            targets: [
                "Cluster", "MySQLWire", "Routing", "Settings", "Evidence", "Health", "ClusterFormats", "Admin",
                "Doctor",
            ]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    ],
    targets: [
        // C
        .systemLibrary(name: "CLibevent", pkgConfig: "libevent_core", providers: [.apt(["libevent-dev"])]),
        .systemLibrary(name: "CMariaDB", pkgConfig: "libmariadb", providers: [.apt(["libmariadb-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"])]),
        .target(name: "CPlatform"),
        // nouns
        .target(name: "Cluster", swiftSettings: strict),
        // pure
        .target(name: "MySQLWire", dependencies: ["COpenSSL"], swiftSettings: strict),
        .target(name: "Health", dependencies: ["Cluster"], swiftSettings: strict),
        .target(name: "Routing", dependencies: ["Cluster", "MySQLWire"], swiftSettings: strict),
        .target(name: "Availability", dependencies: ["Cluster"], swiftSettings: strict),
        .target(name: "Doctor", dependencies: ["Cluster", "Health"], swiftSettings: strict),
        .target(
            name: "Settings",
            dependencies: ["Cluster", "Availability", "TOMLKit"],
            swiftSettings: strict),
        // JSON by Foundation; bytes in, messages out
        .target(name: "Evidence", dependencies: ["Cluster", "COpenSSL"], swiftSettings: strict),
        // edge
        .target(name: "ClusterFormats", dependencies: ["Health", "CExpat"], swiftSettings: strict),
        .target(name: "Reactor", dependencies: ["Cluster", "CLibevent", "CPlatform"], swiftSettings: strict),
        .target(
            name: "Probes",
            dependencies: ["Cluster", "Health", "Doctor", "ClusterFormats", "Reactor", "CMariaDB", "CPlatform"],
            swiftSettings: strict),
        .target(
            name: "Agent", dependencies: ["Cluster", "Evidence", "Health", "Probes", "Reactor", "COpenSSL"],
            swiftSettings: strict),
        .target(
            name: "Proxy",
            dependencies: ["Cluster", "Routing", "MySQLWire", "Reactor", "CLibevent", "CPlatform"],
            swiftSettings: strict),
        .target(
            name: "Admin", dependencies: ["Cluster", "Reactor", "CLibevent", "CPlatform"], swiftSettings: strict),
        .target(
            name: "Ledger",
            dependencies: [
                "Cluster", "Availability", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        // programs
        .executableTarget(
            name: "HAProxyDB",
            dependencies: [
                "Cluster", "MySQLWire", "Routing", "Health", "Settings", "Reactor", "Probes", "Proxy", "Admin",
                "Evidence", "Agent",
                "Availability", "Ledger", "Doctor", "CPlatform",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        // The embedded pair of real servers, and load on it: used by `make run`, `make demo` and the tests.
        .target(name: "Testbed", dependencies: ["Cluster", "Reactor", "CMariaDB", "CPlatform"], swiftSettings: strict),
        .executableTarget(
            name: "Lab",
            dependencies: [
                "Testbed", "Ledger", "Availability", "Cluster", "Reactor",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        // tests
        .target(name: "SmallStack", path: "Tests/SmallStack", swiftSettings: strict),
        .testTarget(name: "ClusterTests", dependencies: ["Cluster"], swiftSettings: strict),
        .testTarget(
            name: "ProxyTests", dependencies: ["Proxy", "MySQLWire", "Reactor", "Cluster"], swiftSettings: strict),
        .testTarget(
            name: "MySQLWireTests", dependencies: ["MySQLWire", "Cluster"], resources: [.copy("Fixtures")],
            swiftSettings: strict),
        .testTarget(name: "HealthTests", dependencies: ["Health", "Cluster"], swiftSettings: strict),
        .testTarget(
            name: "DoctorTests", dependencies: ["Doctor", "ClusterFormats", "Health", "Cluster"], swiftSettings: strict),
        .testTarget(
            name: "ClusterFormatsTests", dependencies: ["SmallStack", "ClusterFormats", "Health", "Cluster"],
            resources: [.copy("Fixtures")], swiftSettings: strict),
        .testTarget(
            name: "RoutingTests", dependencies: ["SmallStack", "Routing", "MySQLWire", "Cluster"], swiftSettings: strict
        ),
        .testTarget(name: "AvailabilityTests", dependencies: ["Availability", "Cluster"], swiftSettings: strict),
        .testTarget(
            name: "LedgerTests",
            dependencies: ["Ledger", "Availability", "Cluster", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .testTarget(
            name: "SettingsTests", dependencies: ["SmallStack", "Settings", "Availability", "Cluster"],
            swiftSettings: strict),
        .testTarget(
            name: "HAProxyDBTests",
            dependencies: [
                "HAProxyDB", "Doctor", "Settings", "Admin", "Availability", "Proxy", "Cluster", "Reactor", "Routing",
                "MySQLWire",
            ],
            swiftSettings: strict),
        .testTarget(name: "EvidenceTests", dependencies: ["SmallStack", "Evidence", "Cluster"], swiftSettings: strict),
        .testTarget(
            name: "AgentTests",
            dependencies: ["Agent", "ClusterFormats", "Evidence", "Health", "Probes", "Reactor", "Cluster"],
            swiftSettings: strict),
        .testTarget(name: "ReactorTests", dependencies: ["Reactor", "Cluster"], swiftSettings: strict),
        .testTarget(name: "TestbedTests", dependencies: ["Testbed"], swiftSettings: strict),
        .testTarget(
            name: "WebTests", dependencies: ["Testbed"], exclude: ["browser.py"], swiftSettings: strict),
        .testTarget(
            name: "ProbesTests", dependencies: ["Probes", "Health", "Reactor", "Cluster"], swiftSettings: strict),
        .testTarget(
            name: "AdminTests", dependencies: ["SmallStack", "Admin", "Reactor", "Cluster", "CLibevent"],
            resources: [.copy("Fixtures")], swiftSettings: strict),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "Testbed", "Routing", "MySQLWire", "CMariaDB", "CPlatform", "Cluster", "Health", "Reactor", "Probes",
                "Agent", "Evidence",
            ],
            swiftSettings: strict),
    ]
)
