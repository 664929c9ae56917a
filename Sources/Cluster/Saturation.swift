// Numbers that peers and files say are sums' parts as well as our own. A sum that does not fit is as large as can be:
// wrong by more than anybody would believe, and no reason to end the process.

extension FixedWidthInteger {
    package func saturatingAdd(_ other: Self) -> Self {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? (other < 0 ? .min : .max) : sum
    }

    package func saturatingSubtract(_ other: Self) -> Self {
        let (difference, overflows) = subtractingReportingOverflow(other)
        return overflows ? (other > 0 ? .min : .max) : difference
    }

    package func saturatingMultiply(_ other: Self) -> Self {
        let (product, overflows) = multipliedReportingOverflow(by: other)
        return overflows ? ((self < 0) != (other < 0) ? .min : .max) : product
    }
}
