/// Finds what a misspelt word was meant to be.
enum EditDistance {
    /// Insertions, removals, replacements and swaps of neighbours that lead from one word to the other.
    static func between(_ a: String, and b: String) -> Int {
        let a = Array(a.utf8)
        let b = Array(b.utf8)
        var older = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, older[j - 1] + 1) }
                row.append(cost)
            }
            (older, last) = (last, row)
        }
        return last[b.count]
    }

    /// The nearest of `words`, if it is near: up to a third of the word wrong.
    static func suggestion(for word: String, among words: [String]) -> String? {
        let bound = max(1, word.utf8.count / 3)
        var best: (word: String, distance: Int)?
        for candidate in words {
            let distance = between(word, and: candidate)
            if distance <= bound, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.word
    }
}
