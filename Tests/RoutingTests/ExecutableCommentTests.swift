import Testing

@testable import Routing

@Suite struct ExecutableCommentTests {
    private static func contents(_ text: String) -> String? {
        var text = text
        return text.withUTF8 {
            ExecutableComment.contents(UnsafeRawBufferPointer($0)).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test(
        "a text that is one such comment comes to what is in it",
        arguments: [
            ("/*! DO 1 */", " DO 1 "), ("/*!DO 1*/", "DO 1"), ("  /*!50000 DO 1*/ ; ", " DO 1"),
            ("/*!40101DO 1*/", "DO 1"),
            ("/*M! DO 1 */", " DO 1 "), ("/*M!100100 DO 1 */", " DO 1 "), ("/*M!50701 DO 1 */", " DO 1 "),
            ("/*!100500 DO 1 */", " DO 1 "), ("/*! SELECT '*' */", " SELECT '*' "),
        ])
    func whole(_ text: String, _ contents: String) { #expect(Self.contents(text) == contents) }

    @Test(
        "any other does not",
        arguments: [
            "", "/", "/*", "/*!", "/*!50000", "/*! DO 1", "/*! DO 1 *", "/*!*/", "DO 1", "/* DO 1 */",
            "/*!50700 DO 1 */",
            "/*!99999 DO 1 */", "/*!100501 DO 1 */", "/*M!110000 DO 1 */", "/*! DO 1 */ + 1", "/*! DO 1 */ /*! + 1 */",
            "/*! DO 1 /* + 1 */ */", "/*! SELECT '*/' */", "-- x\n/*! DO 1 */", "/*!0 DO 1 */",
        ])
    func others(_ text: String) { #expect(Self.contents(text) == nil) }
}
