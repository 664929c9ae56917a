/// A date, a time, or both, as TOML writes them without quotes. Only their form counts: no key takes one.
enum BareMoment {
    /// What the library would take for one: it begins with a digit, and a colon or a year's dash follows.
    static func isMeant(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first, isDigit(first) else { return false }
        return text.contains(UInt8(ascii: ":")) || text.dropFirst(4).first == UInt8(ascii: "-")
    }

    /// `1979-05-27`, `07:32`, `07:32:00.5`, `1979-05-27T07:32:00Z`, `1979-05-27 07:32:00+01:00`; blanks may follow.
    static func isOne(_ text: ArraySlice<UInt8>) -> Bool {
        var rest = text
        while let last = rest.last,
            last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") || last == UInt8(ascii: "\r")
        {
            rest.removeLast()
        }
        if takes("0000-00-00", &rest) {
            guard let separator = rest.popFirst() else { return true }
            guard separator | 0x20 == UInt8(ascii: "t") || separator == UInt8(ascii: " ") else { return false }
            guard takesTime(&rest) else { return false }
            if rest.first.map({ $0 | 0x20 }) == UInt8(ascii: "z") {
                rest.removeFirst()
            } else if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
                rest.removeFirst()
                guard takes("00:00", &rest) else { return false }
            }
            return rest.isEmpty
        }
        return takesTime(&rest) && rest.isEmpty
    }

    private static func takesTime(_ rest: inout ArraySlice<UInt8>) -> Bool {
        guard takes("00:00", &rest) else { return false }
        guard takes(":00", &rest), rest.first == UInt8(ascii: ".") else { return true }
        rest.removeFirst()
        let digits = rest.prefix(while: isDigit)
        rest = rest.dropFirst(digits.count)
        return !digits.isEmpty
    }

    /// Takes what has that form: a digit for each 0.
    private static func takes(_ form: StaticString, _ rest: inout ArraySlice<UInt8>) -> Bool {
        let matches = form.withUTF8Buffer { form in
            rest.count >= form.count
                && zip(form, rest).allSatisfy { $0 == UInt8(ascii: "0") ? isDigit($1) : $0 == $1 }
        }
        if matches { rest = rest.dropFirst(form.utf8CodeUnitCount) }
        return matches
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}
