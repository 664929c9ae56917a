/// `switchover` and `show switchover`.
extension AdminCommands {
    /// The last line of `show switchover`: how it ended, or that it has not.
    static let done = "done"
    static let failed = "failed"
    static let underWay = "under way"

    func switchover(_ arguments: [String], _ completion: @escaping (Answer) -> Void) {
        var words = arguments
        var isDry = false
        var isBackground = false
        while let last = words.last, words.count > 1 {
            if last == "dry-run" { isDry = true } else if last == "background" { isBackground = true } else { break }
            words.removeLast()
        }
        guard words.count == 1 else {
            return completion(.failure("'switchover' expects '<node> [dry-run] [background]'."))
        }
        let isBegun = source.switchover(to: words[0], isDry: isDry) { isDone, lines in
            if isBackground { return }
            let text = lines.map(Cell.printable).joined(separator: "\n")
            completion(isDone ? .message(.info, text) : .failure(text))
        }
        if !isBegun { return completion(.failure("Another switchover is under way.")) }
        if isBackground { completion(.message(.info, "Begun.")) }
    }

    func showSwitchover(json: Bool) -> Answer {
        let latest = source.latestSwitchover
        if json {
            let end = latest.isDone.map { $0 ? Self.done : Self.failed } ?? Self.underWay
            return .fields([
                Field("state", .text(latest.lines.isEmpty ? "none" : end)), Field("lines", .list(latest.lines)),
            ])
        }
        guard !latest.lines.isEmpty else { return .message(.info, "There was none.") }
        let end = latest.isDone.map { $0 ? Self.done : Self.failed } ?? Self.underWay
        return .text((latest.lines.map(Cell.printable) + [end]).joined(separator: "\n"))
    }
}
