import Foundation
import GRDB

/// Bytes in and out of a column.
enum Blob {
    static func value(_ bytes: [UInt8]) -> DatabaseValue { Data(bytes).databaseValue }
    static func bytes(_ value: DatabaseValue) -> [UInt8] { Data.fromDatabaseValue(value).map { Array($0) } ?? [] }
}
