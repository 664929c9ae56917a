import MySQLWire

/// A prepared statement's text with the values of one execution in it: what it changes in its session is then read off
/// it as off any other text.
public enum PreparedText {
    /// Larger values are not said again.
    static let valuesMax = 64 * 1024

    /// The text, a literal in place of each `?` whose value has one that means the same under any sql_mode; the others
    /// stay, and an expression with `?` in it is one whose value nobody knows. Nil where the text can't be read.
    public static func filled(_ text: [UInt8], with values: [ParameterValue], dialect: Dialect) -> [UInt8]? {
        text.withUnsafeBytes { bytes in
            guard bytes.count <= StatementClassifier.byteCountMax else { return nil }
            let scan = SQLScanner.scan(bytes, dialect: dialect)
            if scan.isAmbiguous { return nil }
            var filled: [UInt8] = []
            var next = 0
            var used = 0
            for token in scan.tokens where token.kind == .symbol && bytes[token.start] == 0x3f {
                guard used < values.count else { return nil }
                filled += bytes[next..<token.start]
                filled += literal(values[used]) ?? [0x3f]
                next = token.end
                used += 1
            }
            guard used == values.count else { return nil }
            return filled + bytes[next...]
        }
    }

    private static func literal(_ value: ParameterValue) -> [UInt8]? {
        switch value {
        case .null: return Array("NULL".utf8)
        case .integer(let number): return Array(String(number).utf8)
        case .unsigned(let number): return Array("CAST(\(number) AS UNSIGNED)".utf8)
        case .text(let text):
            // Whether a backslash escapes is for sql_mode and, as part of a character, for the character set to say.
            guard text.count <= valuesMax, !text.contains(0x5c), !text.contains(0) else { return nil }
            var quoted: [UInt8] = [0x27]
            for byte in text {
                if byte == 0x27 { quoted.append(byte) }
                quoted.append(byte)
            }
            return quoted + [0x27]
        case .other: return nil
        }
    }
}

extension SessionChangeKind {
    /// The values in the statement's text say what it is, or may.
    public var isOfValues: Bool {
        switch self {
        case .setUserVariables, .loseUserVariables, .setVariables, .setVariable, .userLock, .releaseUserLock,
            .insertID, .unknown:
            true
        case .several(let changes): !changes.contains(.procedure) && changes.contains(where: \.isOfValues)
        case .sequence(let changes): changes.contains(where: \.isOfValues)
        case .none, .systemVariables, .oneShotVariables, .clearVariable, .passingVariables, .setNames, .setRole,
            .tracking, .nextTransaction, .createTemporaryTable, .dropTables, .renameTables, .lockTables, .lockServer,
            .unlockTables, .begun, .releaseAllLocks, .handlerOpen, .handlerClose, .prepareName, .deallocateName,
            .executeName, .xaBegun, .xaEnded, .procedure, .knownProcedure, .setInside:
            false
        }
    }
}
