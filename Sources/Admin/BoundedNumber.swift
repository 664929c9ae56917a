extension Int64 {
    /// The nearest; 0 for what is no number. For figures that come from a file or from elsewhere.
    public init(nearest value: Double) {
        guard !value.isNaN else {
            self = 0
            return
        }
        self = Int64(exactly: value.rounded()) ?? (value < 0 ? .min : .max)
    }
}
