import Testing

@testable import Testbed

@Suite struct ConformanceTests {
    @Test("a list of exceptions has a reason in every line")
    func exceptions() throws {
        let read = try Conformance.read("# no\nps a since it is so\nall b because\n")
        #expect(read == ["ps a": "since it is so", "all b": "because"])
        for wrong in ["ps a", "odbc a reason", "ps"] {
            #expect(throws: TestbedFailure.self) { try Conformance.read(wrong) }
        }
    }
}
