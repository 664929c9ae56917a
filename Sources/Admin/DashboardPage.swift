/// The page at `/`.
enum DashboardPage {
    static func answer() -> HTTPAnswer {
        var generator = SystemRandomNumberGenerator()
        let nonce = String(generator.next(), radix: 16) + String(generator.next(), radix: 16)
        var answer = HTTPAnswer.ok(html(nonce: nonce), contentType: "text/html; charset=utf-8")
        // Nothing from outside, nothing that is not this page's own.
        let policy =
            "default-src 'none'; style-src 'nonce-\(nonce)'; script-src 'nonce-\(nonce)'; connect-src 'self'; "
            + "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        answer.headers = [HTTPAnswer.Header(name: "Content-Security-Policy", value: policy)]
        return answer
    }

    static func html(nonce: String) -> String {
        "<!doctype html>"
    }
}
