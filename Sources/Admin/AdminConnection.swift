import Cluster
import Glibc
import Reactor

/// One client of the admin socket. What it wants is done in its turn, one step at a time: see ``AdminTurns``.
final class AdminConnection {
    private let descriptor: Int32
    private let loop: EventLoop
    private let limits: AdminServer.Limits
    private let commands: AdminCommands
    private let turns: AdminTurns
    private let onListing: () -> Void
    private let onClose: () -> Void
    private var dialogue: Dialogue
    /// The present answer's rest.
    private var pieces: AnswerPieces?
    /// What of the present piece has not been sent. While there is any, nothing is read and nothing executed.
    private var pending: [UInt8] = []
    private var sent = 0
    private var watch: Watch?
    private var idle: Timer?
    private var isClosed = false
    private(set) var isExecuting = false
    /// When bytes last came or went, or a command was answered.
    private(set) var movedAt = MonotonicClock.now()
    /// It is in the queue of turns.
    var isQueued = false
    weak var listener: OpenListener?

    init(
        descriptor: Int32, loop: EventLoop, limits: AdminServer.Limits, level: AccessLevel, commands: AdminCommands,
        turns: AdminTurns, onListing: @escaping () -> Void, onClose: @escaping () -> Void
    ) {
        self.descriptor = descriptor
        self.loop = loop
        self.limits = limits
        self.commands = commands
        self.turns = turns
        self.onListing = onListing
        self.onClose = onClose
        dialogue = Dialogue(lineMax: limits.lineMax, idleTimeout: limits.idleTimeout, level: level)
    }

    func start() {
        watch = loop.watch(descriptor, read: true, write: false) { [weak self] readiness in
            guard let self else { return }
            if readiness.writable, !pending.isEmpty { flush() }
            if readiness.readable, !isClosed, wantsBytes { receive() }
            turns.add(self)
        }
        waitForIdleness(limits.idleTimeout)
    }

    /// - Parameter farewell: small enough for any socket buffer; not said in the middle of an answer.
    func close(saying farewell: ArraySlice<UInt8> = []) {
        guard !isClosed else { return }
        isClosed = true
        idle?.cancel()
        watch?.cancel()
        if !farewell.isEmpty, !isAnswering { _ = try? Sockets.send(descriptor, farewell) }
        pieces = nil
        pending = []
        // What was sent and not read would turn the end of the answer into a reset.
        discard()
        Sockets.close(descriptor)
        onClose()
    }

    /// Sessions that are kept for it.
    var rowCount: Int { pieces?.rowCount ?? 0 }

    private var isAnswering: Bool { !pending.isEmpty || pieces != nil }
    private var wantsBytes: Bool { !isAnswering && !isExecuting && dialogue.wantsBytes }

    // MARK: time

    /// One timer, however often something moves.
    private func waitForIdleness(_ rest: Instant.Span) {
        idle = loop.schedule(after: rest) { [weak self] in self?.look() }
    }

    private func look() {
        // What its client asks for with `set timeout` is for its own pauses, not for an answer that it does not take.
        let limit = isAnswering ? min(limits.idleTimeout, dialogue.idleTimeout) : dialogue.idleTimeout
        let rest = movedAt + limit - MonotonicClock.now()
        // A command takes the time it takes, and so does a turn to come.
        if isExecuting || isQueued { return waitForIdleness(limit) }
        if rest > .zero { return waitForIdleness(rest) }
        if isAnswering { commands.complain(.answerNotTaken) }
        close()
    }

    private func moved() { movedAt = MonotonicClock.now() }

    // MARK: what it wants

    private func receive() {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            do throws(SystemError) {
                switch try Sockets.receive(descriptor, into: buffer) {
                case .bytes(let count):
                    dialogue.received(buffer[..<count])
                    moved()
                case .wouldBlock: break
                case .ended: dialogue.ended()
                }
            } catch {
                close()
            }
        }
    }

    /// Executes one command, or sends one piece of an answer. True where there is more to do at once.
    func step() -> Bool {
        guard !isClosed, !isExecuting, pending.isEmpty else { return false }
        if let piece = pieces?.next() {
            if !piece.isEmpty { send(piece) }
        } else {
            pieces = nil
            switch dialogue.next() {
            case .wait:
                update()
                return false
            case .close:
                close()
                return false
            case .send(let text):
                if dialogue.wasTooLong { commands.complain(.lineTooLong) }
                send(text)
            case .run(let command): execute(command)
            }
        }
        update()
        return !isClosed && !isExecuting && pending.isEmpty
    }

    private func execute(_ command: String) {
        isExecuting = true
        var isImmediate = true
        commands.run(command, level: dialogue.level) { [weak self] answer, json in
            guard let self, !isClosed else { return }
            isExecuting = false
            moved()
            pieces = dialogue.answered(answer, json: json)
            if rowCount > 0 { onListing() }
            if !isImmediate { turns.add(self) }
        }
        isImmediate = false
    }

    // MARK: bytes

    private func send(_ text: String) {
        pending = Array(text.utf8)
        sent = 0
        flush()
    }

    private func flush() {
        while sent < pending.count {
            do throws(SystemError) {
                guard case .bytes(let count) = try Sockets.send(descriptor, pending[sent...]) else { return update() }
                sent += count
                moved()
            } catch {
                return close()
            }
        }
        pending = []
        sent = 0
    }

    private func update() {
        guard !isClosed else { return }
        watch?.update(read: wantsBytes, write: !pending.isEmpty)
    }

    private func discard() {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            for _ in 0..<16 {
                guard case .bytes? = try? Sockets.receive(descriptor, into: buffer) else { return }
            }
        }
    }
}
