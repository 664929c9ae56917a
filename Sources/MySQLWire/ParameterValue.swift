/// A parameter's value in an execution, as far as a literal can say it.
/// Source: MariaDB's sql/sql_prepare.cc (`Type_handler::Item_param_set_param_func`), sql/protocol.cc.
public enum ParameterValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case unsigned(UInt64)
    /// In the client's character set.
    case text([UInt8])
    /// A value of another type, or one that was sent ahead.
    case other
}

extension CommandPacket {
    /// The values of a COM_STMT_EXECUTE whose payload, without the command byte, is whole. `types`: as last bound, two
    /// bytes each, for an execution that gives none. Nil where the packet makes no sense.
    public static func parameters(
        _ payload: UnsafeRawBufferPointer, count: Int, types bound: [UInt8]
    ) -> [ParameterValue]? {
        var reader = PacketReader(payload)
        do throws(WireError) {
            try reader.skip(4 + 1 + 4, "execute: statement, flags, iterations")
            let nulls = try reader.array((count + 7) / 8, "execute: nulls")
            var types = bound
            if try reader.uint8("execute: types follow") == 1 {
                types = try reader.array(2 * count, "execute: types")
            }
            guard types.count == 2 * count else { return nil }
            var values: [ParameterValue] = []
            for i in 0..<count {
                if nulls[i / 8] & (1 << UInt8(i % 8)) != 0 {
                    values.append(.null)
                } else {
                    guard let value = try value(&reader, type: types[2 * i], flags: types[2 * i + 1]) else {
                        return nil
                    }
                    values.append(value)
                }
            }
            return values
        } catch {
            return nil
        }
    }

    /// Nil for a type that is not known: where the next value begins is not known either.
    private static func value(
        _ reader: inout PacketReader, type: UInt8, flags: UInt8
    ) throws(WireError) -> ParameterValue? {
        let isUnsigned = flags & 0x80 != 0
        func integer(_ bits: UInt64, _ size: UInt64) -> ParameterValue {
            if isUnsigned { return .unsigned(bits) }
            let shift = 64 - 8 * size
            return .integer(Int64(bitPattern: bits << shift) >> Int64(shift))
        }
        switch type {
        // TINY, SHORT and YEAR, LONG and INT24, LONGLONG
        case 1: return integer(UInt64(try reader.uint8("execute: value")), 1)
        case 2, 13: return integer(UInt64(try reader.uint16("execute: value")), 2)
        case 3, 9: return integer(UInt64(try reader.uint32("execute: value")), 4)
        case 8:
            let low = UInt64(try reader.uint32("execute: value"))
            return integer(UInt64(try reader.uint32("execute: value")) << 32 | low, 8)
        // FLOAT, DOUBLE
        case 4: try reader.skip(4, "execute: value")
        case 5: try reader.skip(8, "execute: value")
        // NULL
        case 6: return .null
        // TIMESTAMP, DATE, TIME, DATETIME
        case 7, 10, 11, 12: try reader.skip(Int(try reader.uint8("execute: length")), "execute: value")
        // VARCHAR, VAR_STRING, STRING
        case 15, 253, 254: return .text(try reader.lengthEncodedArray("execute: value"))
        // BIT, NEWDECIMAL, ENUM, SET, the blobs, GEOMETRY
        case 0, 16, 246, 247...252, 255: _ = try reader.lengthEncodedArray("execute: value")
        case _: return nil
        }
        return .other
    }
}
