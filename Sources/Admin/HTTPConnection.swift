import CLibevent

/// A connection that has asked for something, and the event stream that it may carry.
final class HTTPConnection {
    /// `struct evhttp_connection *`; libevent's, gone after ``ended()``.
    let handle: OpaquePointer
    /// `struct evhttp_request *` of the open stream.
    private(set) var stream: OpaquePointer?

    init(handle: OpaquePointer) { self.handle = handle }

    func open(_ exchange: HTTPExchange, contentType: String, writeTimeout: Int32) {
        stream = exchange.request
        // A reader of events says nothing: only writing has a limit.
        var limit = timeval(tv_sec: Int(writeTimeout), tv_usec: 0)
        bufferevent_set_timeouts(evhttp_connection_get_bufferevent(handle), nil, &limit)
        exchange.begin(contentType: contentType)
    }

    /// What has been sent and not been taken.
    var waitingBytes: Int {
        guard let transport = evhttp_connection_get_bufferevent(handle) else { return 0 }
        return evbuffer_get_length(bufferevent_get_output(transport))
    }

    func send(_ text: String) {
        guard let stream else { return }
        HTTPExchange.withBuffer(text) { evhttp_send_reply_chunk(stream, $0) }
    }

    /// The connection goes. Where the client ended it, libevent has left the request to us; it knows no connection
    /// any more. Where we did, libevent frees it.
    func ended() {
        guard let stream else { return }
        self.stream = nil
        if evhttp_request_get_connection(stream) == nil { evhttp_send_reply_end(stream) }
    }
}

/// A request that waits for its answer: exactly one.
struct HTTPExchange {
    /// `struct evhttp_request *`
    let request: OpaquePointer

    init(_ request: OpaquePointer) { self.request = request }

    var isGet: Bool { evhttp_request_get_command(request) == EVHTTP_REQ_GET }
    var isHead: Bool { evhttp_request_get_command(request) == EVHTTP_REQ_HEAD }

    /// Nil where the URI is none.
    var path: String? { uri.flatMap { evhttp_uri_get_path($0) }.map { String(cString: $0) } }
    var query: String? { uri.flatMap { evhttp_uri_get_query($0) }.map { String(cString: $0) } }
    private var uri: OpaquePointer? { evhttp_request_get_evhttp_uri(request) }

    func header(_ name: String) -> String? {
        guard let headers = evhttp_request_get_input_headers(request), let value = evhttp_find_header(headers, name)
        else { return nil }
        return String(cString: value)
    }

    func answer(_ answer: HTTPAnswer) {
        addHeaders(contentType: answer.contentType)
        for header in answer.headers { add(header.name, header.value) }
        if isHead {
            add("Content-Length", String(answer.body.utf8.count))
            evhttp_send_reply(request, answer.status, answer.reason, nil)
        } else {
            Self.withBuffer(answer.body) { evhttp_send_reply(request, answer.status, answer.reason, $0) }
        }
    }

    func close(with answer: HTTPAnswer) {
        add("Connection", "close")
        self.answer(answer)
    }

    /// The answer's head; chunks follow.
    func begin(contentType: String) {
        addHeaders(contentType: contentType)
        // For nginx before us: pass events on as they come.
        add("X-Accel-Buffering", "no")
        evhttp_send_reply_start(request, 200, "OK")
    }

    private func addHeaders(contentType: String) {
        add("Content-Type", contentType)
        add("Cache-Control", "no-store")
        add("X-Content-Type-Options", "nosniff")
        add("Referrer-Policy", "no-referrer")
    }

    private func add(_ name: String, _ value: String) {
        guard let headers = evhttp_request_get_output_headers(request) else { return }
        evhttp_add_header(headers, name, value)
    }

    /// libevent takes the bytes out of the buffer.
    static func withBuffer(_ text: String, _ body: (OpaquePointer) -> Void) {
        guard let buffer = evbuffer_new() else { preconditionFailure("out of memory for a buffer") }
        defer { evbuffer_free(buffer) }
        var text = text
        text.withUTF8 { bytes in
            let added = evbuffer_add(buffer, bytes.baseAddress, bytes.count)
            precondition(added == 0, "out of memory for an answer")
        }
        body(buffer)
    }
}
