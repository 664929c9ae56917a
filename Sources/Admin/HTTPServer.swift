import CLibevent
import Cluster
import Glibc
import Reactor

/// Metrics, health, and the page: libevent's HTTP server on the control thread's loop.
///
/// What clients can take is bounded: connections, requests' sizes, event streams, and what waits to be sent on each.
public final class HTTPServer {
    public struct Limits: Sendable {
        /// Connections that have asked for something; one more gets 503.
        public var connectionsMax = 2048
        /// Connections that have not asked yet: for one more the oldest goes, and each after this time.
        public var guestsMax = 2048
        public var patience: Instant.Span = .seconds(10)
        /// Event streams; one more gets 503.
        public var streamsMax = 32
        /// Bytes that wait on an event stream; a reader so slow is dropped. A page's first event has the last hour,
        /// some 200 KiB.
        public var streamBufferMax = 1 << 20
        /// Lists of sessions that are waited for at once, and rows of one. All who wait get the same, and the next is not
        /// begun within that time.
        public var sessionListsMax = 16
        public var sessionRowsMax = 1000
        public var sessionListInterval: Instant.Span = .milliseconds(50)
        /// Bytes of answers that wait to be taken, over all connections; what comes on top gets 503.
        public var outputMax = 32 << 20
        public var headersMax = 8192
        public var bodyMax = 1024
        /// A connection on which nothing moves for this long is closed.
        public var timeoutSeconds: Int32 = 30
        /// Metrics are not made anew within this time: many scrapes at once cost one.
        public var metricsLifetime: Instant.Span = .milliseconds(200)

        public init() {}
    }

    private let loop: EventLoop
    private let limits: Limits
    private let access: HTTPAccess
    private unowned let source: any WebSource
    private let startTime = Double(WallClock.milliseconds()) / 1000
    /// `struct evhttp *`; nil when closed.
    private var http: OpaquePointer?
    private var listener: OpaquePointer?
    private var connections: [OpaquePointer: HTTPConnection] = [:]
    private var streamCount = 0
    /// Who waits for the next list of sessions, and who for the present one.
    private var sessionLists: [HTTPExchange] = []
    private var sessionListsAsked = 0
    private var sessionPause: Timer?
    /// At least as many bytes as wait to be taken.
    private var waitingBytes = 0
    /// Answers that were 503 because too much waits.
    private(set) var refusedForOutput = 0
    /// What a stream begins with; nil where a second has passed since.
    private var history: String?
    private var complaints = ComplaintBook()
    private let doorway: HTTPDoorway
    private var sweeper: Timer?
    /// Connections that were taken in this turn of the loop.
    private var arrivals = 0
    private var turn: Timer?
    private static let arrivalsMax = 16
    private var metrics: (made: Instant, text: String)?
    private var seconds: SecondKeeper
    private var outages: OutageTally
    /// What all streams know.
    private var sentReports: [OutageReport] = []
    /// The port that is listened on; of use where 0 was asked for.
    public let port: UInt16

    /// Binds and serves.
    ///
    /// - Parameters:
    ///   - token: what has to be shown; nil for an address that only this host reaches.
    ///   - latencyBound: the largest number of microseconds that falls into a sample's latency bucket.
    public init(
        listen endpoint: Endpoint, token: String?, loop: EventLoop, source: any WebSource,
        latencyBound: @escaping @Sendable (Int) -> Int, limits: Limits = Limits()
    ) throws(SystemError) {
        self.loop = loop
        self.limits = limits
        self.source = source
        access = HTTPAccess(token: token)
        doorway = HTTPDoorway(guestsMax: limits.guestsMax, patience: limits.patience)
        seconds = SecondKeeper(upperBound: latencyBound)
        outages = OutageTally(at: MonotonicClock.now())
        let descriptor = try Sockets.listen(endpoint, backlog: 1024)
        port = Sockets.local(of: descriptor)?.endpoint?.port ?? endpoint.port
        // A connection that says nothing does not reach the process (tcp(7)).
        var delay: Int32 = 5
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, &delay, socklen_t(MemoryLayout<Int32>.size))
        let flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC
        guard let http = evhttp_new(loop.base) else {
            Sockets.close(descriptor)
            throw SystemError(errno: ENOMEM, call: "evhttp_new")
        }
        guard let listener = evconnlistener_new(loop.base, nil, nil, UInt32(flags), 0, descriptor) else {
            evhttp_free(http)
            Sockets.close(descriptor)
            throw SystemError(errno: ENOMEM, call: "evconnlistener_new")
        }
        guard evhttp_bind_listener(http, listener) != nil else {
            evconnlistener_free(listener)
            evhttp_free(http)
            throw SystemError(errno: ENOMEM, call: "evhttp_bind_listener")
        }
        self.http = http
        self.listener = listener
        configure(http, listener)
        outages.observe(source.view, at: MonotonicClock.now())
    }

    deinit { close() }

    public var connectionCount: Int { connections.count }
    public var eventStreamCount: Int { streamCount }
    /// What waits to be taken, over all connections.
    var outputBytes: Int { connections.values.reduce(0) { $0 + $1.waitingBytes } }
    /// Connections that have not asked for anything yet.
    public var guestCount: Int { doorway.count }

    private func sweep() {
        let before = doorway.evicted
        doorway.sweep(at: MonotonicClock.now())
        if doorway.evicted != before { complain(.headNotSent) }
        if arrivals == 0 { listen() }
    }

    private func configure(_ http: OpaquePointer, _ listener: OpaquePointer) {
        evhttp_set_max_headers_size(http, limits.headersMax)
        evhttp_set_max_body_size(http, limits.bodyMax)
        evhttp_set_timeout(http, limits.timeoutSeconds)
        // The others are answered with 405 here.
        let methods = [
            EVHTTP_REQ_GET, EVHTTP_REQ_HEAD, EVHTTP_REQ_POST, EVHTTP_REQ_PUT, EVHTTP_REQ_DELETE, EVHTTP_REQ_OPTIONS,
            EVHTTP_REQ_PATCH, EVHTTP_REQ_TRACE, EVHTTP_REQ_CONNECT,
        ]
        evhttp_set_allowed_methods(http, UInt16(truncatingIfNeeded: methods.reduce(0) { $0 | $1.rawValue }))
        let this = Unmanaged.passUnretained(self).toOpaque()
        evhttp_set_bevcb(
            http,
            { base, this in
                guard let this else { return nil }
                return Unmanaged<HTTPServer>.fromOpaque(this).takeUnretainedValue().welcome(base)
            }, this)
        sweeper = loop.schedule(every: .milliseconds(250)) { [weak self] in self?.sweep() }
        evhttp_set_gencb(
            http,
            { request, this in
                guard let request, let this else { return }
                let server = Unmanaged<HTTPServer>.fromOpaque(this).takeUnretainedValue()
                withExtendedLifetime(server) { server.handle(request) }
            }, this)
        // Out of descriptors: it would be ready again at once, and forever. The next sweep switches it on.
        evconnlistener_set_error_cb(listener) { listener, _ in
            if let listener { evconnlistener_disable(listener) }
        }
    }

    /// A connection's transport. libevent takes all that wait in one go: here a few at a time, then the loop's other
    /// business, and those that were shown out are closed.
    private func welcome(_ base: OpaquePointer?) -> OpaquePointer? {
        guard let transport = HTTPDoorway.makeTransport(base) else { return nil }
        doorway.arrived(transport, at: MonotonicClock.now())
        if arrivals == 0 {
            turn = loop.schedule(after: .zero) { [weak self] in
                self?.arrivals = 0
                self?.listen()
            }
        }
        arrivals += 1
        if arrivals >= Self.arrivalsMax, let listener { evconnlistener_disable(listener) }
        return transport
    }

    /// Again, where it was switched off. Also where the kernel did not watch it.
    private func listen() {
        if let listener { evconnlistener_enable(listener) }
    }

    /// Ends all connections. Idempotent.
    public func close() {
        guard let http else { return }
        self.http = nil
        listener = nil
        sweeper?.cancel()
        turn?.cancel()
        sessionPause?.cancel()
        sessionLists = []
        doorway.close()
        let all = connections
        connections = [:]
        for connection in all.values { evhttp_connection_set_closecb(connection.handle, nil, nil) }
        streamCount = 0
        // With all connections, their requests, and the listener.
        evhttp_free(http)
    }
}

// MARK: - what the program tells

extension HTTPServer {
    /// The seconds before the start, oldest first; before the first of this run.
    public func remember(_ past: [SecondFigures]) {
        seconds.remember(past)
        history = nil
    }

    /// A second has passed.
    public func record(_ sample: WorkSample) {
        guard http != nil else { return }
        let view = source.view
        history = nil
        let figures = seconds.take(
            sample, hasPrimary: view.primary != nil, wall: WallClock.milliseconds())
        guard streamCount > 0 else { return }
        // The end of an outage is its first answer, which changes no view.
        let reports = source.outageReports
        let news = reports == sentReports ? "" : WebJSON.event("outages", outagesText(reports))
        broadcast(
            WebJSON.event("second", WebJSON.second(figures)) + WebJSON.event("view", viewText()) + news)
    }

    /// The view has changed, and is the source's present one.
    public func viewChanged() {
        guard http != nil else { return }
        outages.observe(source.view, at: MonotonicClock.now())
        metrics = nil
        guard streamCount > 0 else { return }
        broadcast(WebJSON.event("view", viewText()) + WebJSON.event("outages", outagesText(source.outageReports)))
    }

    private func viewText() -> String {
        WebJSON.view(
            source.view, process: source.process, activity: source.activity, isPaused: source.isPaused,
            showsUsers: access.showsUsers, at: MonotonicClock.now())
    }

    private func outagesText(_ reports: [OutageReport]) -> String {
        sentReports = reports
        return WebJSON.outages(reports)
    }

    private func broadcast(_ text: String) {
        let streams = connections.values.filter { $0.stream != nil }
        for connection in streams {
            guard connection.waitingBytes + text.utf8.count <= limits.streamBufferMax else {
                complain(.streamNotTaken)
                // Frees its request, too; the callback of the end takes it off the list.
                evhttp_connection_free(connection.handle)
                continue
            }
            connection.send(text)
        }
    }
}

extension HTTPServer {
    private func complain(_ complaint: Complaint) {
        if let sentence = complaints.sentence(complaint, at: MonotonicClock.now()) { source.note(sentence) }
    }
}

// MARK: - requests

extension HTTPServer {
    private func handle(_ request: OpaquePointer) {
        guard http != nil, let handle = evhttp_request_get_connection(request) else { return }
        let connection = known(handle)
        guard connections.count <= limits.connectionsMax else {
            complain(.tooManyRequests)
            return HTTPExchange(request).close(with: .busy)
        }
        let exchange = HTTPExchange(request)
        if let refusal = access.refusal(
            authorization: exchange.header("Authorization"), query: exchange.query, host: exchange.header("Host"))
        {
            return exchange.answer(refusal)
        }
        guard exchange.isGet || exchange.isHead else { return exchange.answer(.notAllowed) }
        route(exchange, connection)
    }

    /// The connection's entry; made at its first request.
    private func known(_ handle: OpaquePointer) -> HTTPConnection {
        if let connection = connections[handle] { return connection }
        if let transport = evhttp_connection_get_bufferevent(handle) { doorway.entered(transport) }
        let connection = HTTPConnection(handle: handle)
        connections[handle] = connection
        evhttp_connection_set_closecb(
            handle,
            { handle, this in
                guard let handle, let this else { return }
                Unmanaged<HTTPServer>.fromOpaque(this).takeUnretainedValue().ended(handle)
            }, Unmanaged.passUnretained(self).toOpaque())
        return connection
    }

    private func ended(_ handle: OpaquePointer) {
        guard let connection = connections.removeValue(forKey: handle) else { return }
        if connection.stream != nil { streamCount -= 1 }
        connection.ended()
    }

    private func route(_ exchange: HTTPExchange, _ connection: HTTPConnection) {
        let now = MonotonicClock.now()
        switch exchange.path {
        case "/": answer(exchange, DashboardPage.answer())
        case "/metrics": answer(exchange, .ok(metricsText(at: now), contentType: MetricsText.contentType))
        case "/health": exchange.answer(.ok("ok\n", contentType: "text/plain; charset=utf-8"))
        case "/primary":
            let view = source.view
            exchange.answer(.json(WebJSON.primary(view, at: now), isAvailable: view.primary != nil))
        case "/api/view": answer(exchange, .json(viewText()))
        case "/api/sessions": listSessions(exchange)
        case "/events": openStream(exchange, connection, at: now)
        case nil: exchange.answer(.badRequest)
        default: exchange.answer(.notFound)
        }
    }

    private func metricsText(at now: Instant) -> String {
        if let metrics, now - metrics.made < limits.metricsLifetime { return metrics.text }
        let text = Metrics(
            process: source.process, view: source.view, activity: source.activity, isPaused: source.isPaused,
            seconds: seconds, outages: outages, outageCount: source.outageCount, streams: streamCount,
            startTime: startTime
        ).text(at: now)
        metrics = (now, text)
        return text
    }

    /// An answer of some length, unless too much waits to be taken already.
    private func answer(_ exchange: HTTPExchange, _ answer: HTTPAnswer) {
        exchange.answer(hasRoom(for: answer.body.utf8.count) ? answer : .busy)
    }

    /// Counted up with every answer, and only where that is too much, looked at.
    private func hasRoom(for bytes: Int) -> Bool {
        waitingBytes += bytes
        guard waitingBytes > limits.outputMax else { return true }
        waitingBytes = outputBytes + bytes
        let hasRoom = waitingBytes <= limits.outputMax
        if !hasRoom { refusedForOutput += 1 }
        return hasRoom
    }

    private func listSessions(_ exchange: HTTPExchange) {
        guard access.showsUsers else {
            return exchange.answer(.json(WebJSON.hiddenSessions(count: source.activity.sessions)))
        }
        guard sessionLists.count + sessionListsAsked < limits.sessionListsMax else { return exchange.answer(.busy) }
        sessionLists.append(exchange)
        askForSessions()
    }

    /// One list at a time, for all that wait for it.
    private func askForSessions() {
        guard sessionListsAsked == 0, sessionPause == nil, !sessionLists.isEmpty else { return }
        let asked = sessionLists
        sessionLists = []
        sessionListsAsked = asked.count
        source.sessions { [weak self] rows in
            guard let self else { return }
            sessionListsAsked = 0
            // With the server the requests are gone.
            guard http != nil else { return }
            let list = HTTPAnswer.json(WebJSON.sessions(rows, countMax: limits.sessionRowsMax))
            for exchange in asked { answer(exchange, list) }
            sessionPause = loop.schedule(after: limits.sessionListInterval) { [weak self] in
                self?.sessionPause = nil
                self?.askForSessions()
            }
        }
    }

    private func openStream(_ exchange: HTTPExchange, _ connection: HTTPConnection, at now: Instant) {
        let type = "text/event-stream"
        if exchange.isHead { return exchange.answer(.ok("", contentType: type)) }
        let history = self.history ?? WebJSON.array(seconds.history.ordered.map(WebJSON.second))
        self.history = history
        guard streamCount < limits.streamsMax, hasRoom(for: history.utf8.count) else { return exchange.answer(.busy) }
        streamCount += 1
        connection.open(exchange, contentType: type, writeTimeout: limits.timeoutSeconds)
        connection.send(
            "retry: 2000\n\n" + WebJSON.event("history", history) + WebJSON.event("view", viewText())
                + WebJSON.event("outages", WebJSON.outages(source.outageReports)))
    }
}
