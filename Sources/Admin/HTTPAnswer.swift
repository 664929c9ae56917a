/// One answer of the HTTP side.
struct HTTPAnswer: Sendable, Hashable {
    var status: Int32
    var reason: String
    var contentType = "text/plain; charset=utf-8"
    var headers: [Header] = []
    var body: String

    struct Header: Sendable, Hashable {
        var name: String
        var value: String
    }

    static func ok(_ body: String, contentType: String) -> HTTPAnswer {
        HTTPAnswer(status: 200, reason: "OK", contentType: contentType, body: body)
    }

    static func json(_ body: String, isAvailable: Bool = true) -> HTTPAnswer {
        HTTPAnswer(
            status: isAvailable ? 200 : 503, reason: isAvailable ? "OK" : "Service Unavailable",
            contentType: "application/json", body: body + "\n")
    }

    static let badRequest = HTTPAnswer(status: 400, reason: "Bad Request", body: "Bad request.\n")
    static let unauthorized = HTTPAnswer(
        status: 401, reason: "Unauthorized",
        headers: [Header(name: "WWW-Authenticate", value: "Bearer realm=\"haproxydb\"")],
        body: "A token is needed: the header 'Authorization: Bearer TOKEN', or ?token=TOKEN.\n")
    static let foreignHost = HTTPAnswer(
        status: 403, reason: "Forbidden", body: "Without admin.http_token, ask by an address or as localhost.\n")
    static let notFound = HTTPAnswer(
        status: 404, reason: "Not Found",
        body: "There are: /, /metrics, /health, /primary, /api/view, /api/sessions and /events.\n")
    static let notAllowed = HTTPAnswer(
        status: 405, reason: "Method Not Allowed", headers: [Header(name: "Allow", value: "GET, HEAD")],
        body: "Only GET and HEAD.\n")
    static let busy = HTTPAnswer(
        status: 503, reason: "Service Unavailable", headers: [Header(name: "Retry-After", value: "1")],
        body: "Too many of these at once.\n")
}
