/// What a statement leaves behind in its session for the next one to ask for. It lives in one server's memory, and
/// nothing sets it: whoever asks for it after a move must be told that it is gone.
public struct Leftovers: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// FOUND_ROWS()
    public static let foundRows = Leftovers(rawValue: 1 << 0)
    /// ROW_COUNT()
    public static let rowCount = Leftovers(rawValue: 1 << 1)
    /// SHOW WARNINGS, SHOW ERRORS, @@warning_count, @@error_count, GET DIAGNOSTICS
    public static let warnings = Leftovers(rawValue: 1 << 2)
    /// LASTVAL(s), PREVIOUS VALUE FOR s: of every sequence by itself.
    public static let sequenceValues = Leftovers(rawValue: 1 << 3)
    /// LAST_INSERT_ID(), where it is not known (``SessionJournal/isInsertIDUncertain``).
    public static let insertID = Leftovers(rawValue: 1 << 4)
    /// SHOW PROFILE, SHOW PROFILES, @@last_gtid, information_schema's PROFILING and OPTIMIZER_TRACE
    public static let profile = Leftovers(rawValue: 1 << 5)
    /// The row of LAST_INSERT_ID(), asked for by IS NULL under sql_auto_is_null.
    public static let autoIsNull = Leftovers(rawValue: 1 << 6)

    /// Gone with every move.
    public static let ofServer: Leftovers = [.foundRows, .rowCount, .warnings, .sequenceValues, .profile]

    /// What a statement takes that reads a table.
    public static let ofTable: Leftovers = [.foundRows, .rowCount, .warnings]

    /// What may be asked for long after: only a statement that names it is of interest.
    private static let lasting: Leftovers = [.sequenceValues, .profile]

    /// Whether a statement has to be read in full to find out if it asks for, or overwrites, any of these. `text` is
    /// looked at where all that is left is asked for by a name.
    public func concerns(_ text: UnsafeRawBufferPointer) -> Bool {
        isSubset(of: Leftovers.lasting) ? Leftovers.namesLasting(text) : true
    }

    /// LASTVAL, PREVIOUS VALUE FOR, CURRVAL, NEXTVAL, LAST_GTID, PROFILE, OPTIMIZER_TRACE or EXECUTE somewhere: every V,
    /// every F, G and T behind an O or an underscore, and every X between two E.
    private static func namesLasting(_ sql: UnsafeRawBufferPointer) -> Bool {
        let text = CheckedBytes(sql)
        var index: UInt = 1
        while index &+ 2 < text.count {
            if text[index] | 0x20 == 0x76, text[index &+ 1] | 0x20 == 0x61, text[index &+ 2] | 0x20 == 0x6c {
                switch text[index &- 1] {
                // lastval, nextval, currval, setval
                case 0x54, 0x74, 0x52, 0x72: return true
                // … value for
                case 0x00...0x20, 0x2f:
                    if namesValueFor(text, index &+ 3) { return true }
                default: break
                }
            }
            let before = text[index &- 1]
            if text[index] | 0x20 == 0x67, before == 0x5f, text[index &+ 1] | 0x20 == 0x74 { return true }
            if text[index] | 0x20 == 0x74, before == 0x5f, text[index &+ 1] | 0x20 == 0x72 { return true }
            // Its text is another.
            if text[index] | 0x20 == 0x78, before | 0x20 == 0x65, text[index &+ 1] | 0x20 == 0x65,
                text[index &+ 2] | 0x20 == 0x63
            {
                return true
            }
            if text[index] | 0x20 == 0x66, before | 0x20 == 0x6f, text[index &+ 1] | 0x20 == 0x69 { return true }
            index += 1
        }
        return false
    }

    /// `UE FOR`, or what may be that.
    private static func namesValueFor(_ text: CheckedBytes, _ start: UInt) -> Bool {
        guard start &+ 2 < text.count, text[start] | 0x20 == 0x75, text[start &+ 1] | 0x20 == 0x65 else { return false }
        var index = start &+ 2
        while let byte = text.at(index), byte <= 0x20 { index += 1 }
        guard index > start &+ 2 || text.at(index) == 0x2f, let byte = text.at(index) else { return false }
        switch byte {
        case 0x46, 0x66: return text.at(index &+ 1).map { $0 | 0x20 } == 0x6f
        case 0x2f, 0x23, 0x2d: return true
        default: return false
        }
    }
}

/// What ROW_COUNT() is behind an answer, as far as a question can leave it so.
public enum RowCountLeft: Sendable, Hashable {
    /// 0: behind a SET, and whatever changed no rows.
    case nothing
    /// -1: behind rows and errors.
    case ofQuery
}
