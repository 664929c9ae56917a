/// What may be names in a text, quoted or not: letters, digits, `_`, `$` and everything outside of ASCII.
enum NameWords {
    /// Of a name, 64 characters in UTF-8: longer ones are none.
    private static let lengthMax = 256

    /// Each in its turn, with ASCII in lower case.
    static func forEach(in text: UnsafeRawBufferPointer, _ body: ([UInt8]) -> Void) {
        var word: [UInt8] = []
        func end() {
            if !word.isEmpty, word.count <= lengthMax { body(word) }
            word.removeAll(keepingCapacity: true)
        }
        for byte in text {
            switch byte {
            case 0x41...0x5a: word.append(byte | 0x20)
            case 0x30...0x39, 0x61...0x7a, 0x5f, 0x24, 0x80...: word.append(byte)
            case _: end()
            }
        }
        end()
    }
}
