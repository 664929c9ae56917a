import Cluster

extension Instant.Span {
    /// A length of time as a CIB gives it (Pacemaker's crm_get_msec and ISO 8601): `20`, `20s`, `1500ms`, `2min`, `1h`,
    /// `PT1M30S`. Nil for anything else.
    package init?(pacemaker text: String) {
        let word = text.lowercased()
        guard !word.hasPrefix("p") else {
            self.init(iso: word.dropFirst())
            return
        }
        let digits = word.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits) else { return nil }
        switch word.dropFirst(digits.count) {
        case "", "s", "sec": self = .seconds(number)
        case "ms", "msec": self = .milliseconds(number)
        case "us", "usec": self = Instant.Span(nanoseconds: 1000) * number
        case "m", "min": self = .seconds(60) * number
        case "h", "hr": self = .seconds(3600) * number
        case _: return nil
        }
        guard self >= .zero else { return nil }
    }

    /// Behind the P: days, hours, minutes, seconds. Years, months and weeks are no one's intervals.
    private init?(iso text: Substring) {
        var sum = Instant.Span.zero
        var number: Int64?
        var isTime = false
        for byte in text.utf8 {
            switch (byte, number) {
            case (UInt8(ascii: "t"), nil) where !isTime: isTime = true
            case (UInt8(ascii: "0")...UInt8(ascii: "9"), _):
                let (tens, overflow) = (number ?? 0).multipliedReportingOverflow(by: 10)
                guard !overflow, tens < 1 << 60 else { return nil }
                number = tens + Int64(byte - UInt8(ascii: "0"))
            case (UInt8(ascii: "d"), let days?) where !isTime:
                sum = sum + .seconds(86_400) * days
                number = nil
            case (UInt8(ascii: "h"), let hours?) where isTime:
                sum = sum + .seconds(3600) * hours
                number = nil
            case (UInt8(ascii: "m"), let minutes?) where isTime:
                sum = sum + .seconds(60) * minutes
                number = nil
            case (UInt8(ascii: "s"), let seconds?) where isTime:
                sum = sum + .seconds(seconds)
                number = nil
            case _: return nil
            }
        }
        guard number == nil, text != "", text != "t" else { return nil }
        self = sum
    }
}
