/// What goes wrong with the testbed itself: a server that does not start, a program that is not built.
public struct TestbedFailure: Error, CustomStringConvertible, Sendable {
    public let description: String

    public init(_ description: String) { self.description = description }
}
