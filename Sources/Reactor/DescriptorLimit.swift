import CPlatform

/// How many descriptors the process may have open (RLIMIT_NOFILE).
public enum DescriptorLimit {
    /// Raises the soft limit to the hard one and returns what holds now.
    @discardableResult
    public static func raise() throws(SystemError) -> Int {
        let limit = platform_raise_descriptor_limit()
        guard limit >= 0 else { throw SystemError(errno: Int32(-limit), call: "setrlimit") }
        return Int(limit)
    }
}
