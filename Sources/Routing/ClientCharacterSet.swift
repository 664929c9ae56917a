/// How the session's character_set_client cuts bytes into characters, as far as a scanner of SQL must know: in some
/// sets a byte that looks like a backslash or a quote is the second half of a character.
public enum ClientCharacterSet: UInt8, Sendable, Hashable {
    /// Not known: a text whose reading depends on it is ambiguous.
    case unknown
    /// utf8 and the multibyte sets of which no byte of a character is below 0x80 (or only a letter is).
    case safe
    /// One byte, one character; some from 0x80 on are spaces.
    case eightBit
    /// sjis, cp932
    case sjis
    case gbk
    case big5

    /// By the server's name for it, as it reports `character_set_client`.
    public init(name: [UInt8]) {
        switch String(decoding: ASCII.lowercased(name), as: UTF8.self) {
        case "utf8", "utf8mb3", "utf8mb4", "ujis", "eucjpms", "euckr", "gb2312": self = .safe
        case "sjis", "cp932": self = .sjis
        case "gbk": self = .gbk
        case "big5": self = .big5
        case "dec8", "cp850", "hp8", "koi8r", "latin1", "latin2", "ascii", "hebrew", "tis620", "koi8u", "greek",
            "cp1250", "latin5", "armscii8", "cp866", "keybcs2", "macce", "macroman", "cp852", "latin7", "cp1251",
            "cp1256", "cp1257", "binary", "geostd8":
            self = .eightBit
        // swe7, whose letters are ASCII's brackets, and what no present server has.
        default: self = .unknown
        }
    }

    /// By a collation's id, as a login or COM_CHANGE_USER names it. The ids from 2048 on are MariaDB 10.10's UCA 14.0.0,
    /// 256 for each character set.
    public init(collation: UInt16) {
        switch collation {
        // utf8mb3, utf8mb4
        case 33, 83, 192...215, 223, 576...579, 1057, 1107, 1216, 1238, 2048..<2304: self = .safe
        case 45, 46, 224...247, 255...309, 608...611, 1069, 1070, 1248, 1270, 2304..<2560: self = .safe
        // ujis, eucjpms, euckr, gb2312
        case 12, 91, 1036, 1115, 97, 98, 1121, 1122, 19, 85, 1043, 1109, 24, 86, 1048, 1110: self = .safe
        case 13, 88, 1037, 1112, 95, 96, 1119, 1120: self = .sjis
        case 28, 87, 1052, 1111: self = .gbk
        case 1, 84, 1025, 1108: self = .big5
        case 2...9, 11, 14...16, 18, 20...23, 25...27, 29...32, 34, 36...44, 47...53, 57...59, 63...81, 89, 92...94, 99,
            1032, 1071:
            self = .eightBit
        default: self = .unknown
        }
    }

    /// The bytes of the character that begins with `byte` and goes on with `next`: 2 where it is one of those whose
    /// second byte may be an ASCII character, else 1.
    @inline(__always)
    func width(of byte: UInt8, _ next: UInt8?) -> Int {
        guard byte >= 0x80, let next, isLead(byte), isTrail(next) else { return 1 }
        return 2
    }

    @inline(__always)
    func isLead(_ byte: UInt8) -> Bool {
        switch self {
        case .unknown, .safe, .eightBit: false
        case .sjis: (0x81...0x9f).contains(byte) || (0xe0...0xfc).contains(byte)
        case .gbk: (0x81...0xfe).contains(byte)
        case .big5: (0xa1...0xf9).contains(byte)
        }
    }

    @inline(__always)
    func isTrail(_ byte: UInt8) -> Bool {
        switch self {
        case .unknown, .safe, .eightBit: false
        case .sjis: (0x40...0x7e).contains(byte) || (0x80...0xfc).contains(byte)
        case .gbk: (0x40...0x7e).contains(byte) || (0x80...0xfe).contains(byte)
        case .big5: (0x40...0x7e).contains(byte) || (0xa1...0xfe).contains(byte)
        }
    }

    /// A byte outside of quotes that may be a space, or part of a word.
    func maySeparate(_ byte: UInt8) -> Bool {
        switch self {
        case .safe, .sjis, .gbk, .big5: false
        case .unknown, .eightBit:
            switch byte {
            case 0x85, 0x9a, 0xa0, 0xca, 0xff: true
            default: false
            }
        }
    }
}
