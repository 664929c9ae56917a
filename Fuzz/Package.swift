// swift-tools-version: 6.1
import PackageDescription

// Coverage-guided fuzzing of everything that reads a peer's or a file's bytes (docs/fuzzing-parsers.md). `make fuzz-parsers`
// builds it with the flags that it needs, and runs it: Fuzz/run.

let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "haproxydb", path: "..")],
    targets: [
        .target(name: "CFuzzer"),
        .executableTarget(
            name: "Fuzz", dependencies: ["CFuzzer", .product(name: "Parsers", package: "haproxydb")],
            swiftSettings: [.swiftLanguageMode(.v6)]),
    ]
)
