import Health

extension PacemakerView {
    /// Reads what crm_mon printed; see ``init(_:)``.
    public init(xml bytes: [UInt8]) throws(FormatError) {
        try self.init(XMLReader.read(bytes))
    }
}

extension ClusterInformationBase {
    /// Reads what cibadmin printed; see ``init(_:)``.
    public init(xml bytes: [UInt8]) throws(FormatError) {
        try self.init(XMLReader.read(bytes))
    }
}

extension ClusterConfiguration {
    /// Reads what cibadmin printed; see ``init(_:)``.
    public init(xml bytes: [UInt8]) throws(FormatError) {
        try self.init(XMLReader.read(bytes))
    }
}

extension DRBDConfiguration {
    /// Reads what `drbdadm dump-xml` printed; see ``init(_:)``.
    public init(xml bytes: [UInt8]) throws(FormatError) {
        try self.init(XMLReader.read(bytes))
    }
}
