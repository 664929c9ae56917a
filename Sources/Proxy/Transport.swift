import CLibevent
import CPlatform
import Cluster
import Glibc
import MySQLWire
import Reactor

/// Bytes to and from sockets, and back-pressure: what a peer does not take is kept, and until it is gone the other side
/// is not read, nor is anything more of this one's looked at.
extension Worker {
    /// Bytes taken by the socket, 0 if it takes none now, nil if it is broken.
    @inline(__always)
    private func transmit(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int? {
        while true {
            let n = send(descriptor, bytes.baseAddress, bytes.count, Int32(platform_msg_nosignal))
            if n >= 0 { return n }
            switch errno {
            case EINTR: continue
            case EAGAIN: return 0
            case _: return nil
            }
        }
    }

    // MARK: to the client

    /// Sends, or queues what can't be sent. Bytes for a client that is gone are dropped, and it is noted: whoever gets
    /// the session next ends it.
    @inline(__always)
    func writeClient(_ s: SessionRef, _ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        s.pointee.bytesOut &+= UInt64(bytes.count)
        counters.bytesOut.add(UInt64(bytes.count))
        var sent = 0
        if s.pointee.clientPending.isEmpty {
            guard let taken = transmit(s.pointee.clientFD, bytes) else {
                s.pointee.clientIsGone = true
                return
            }
            sent = taken
            if sent == bytes.count { return }
        }
        guard s.pointee.clientPending.append(bytes.part(from: sent)) else {
            s.pointee.clientIsGone = true
            return
        }
        setClientWriting(s, true)
        setNodeReading(s, false)
    }

    func writeClient(_ s: SessionRef, _ bytes: [UInt8]) {
        bytes.withUnsafeBytes { writeClient(s, $0) }
    }

    /// One packet with the next sequence number of the answer under way.
    func writeClientPacket(_ s: SessionRef, payload: [UInt8]) {
        s.pointee.sequence &+= 1
        writeClient(s, PacketWriter.packet(sequence: s.pointee.sequence, payload: payload))
    }

    func clientWritable(_ s: SessionRef) {
        if !s.pointee.clientPending.isEmpty {
            guard let sent = transmit(s.pointee.clientFD, s.pointee.clientPending.bytes) else {
                return destroy(s, reset: true)
            }
            s.pointee.clientPending.removeFirst(sent)
            if sent > 0 { s.pointee.lastActive = now }
        }
        guard s.pointee.clientPending.isEmpty else { return }
        s.pointee.clientPending.release()
        setClientWriting(s, false)
        if s.pointee.frontend == .closing { return destroy(s, reset: false) }
        if s.pointee.nodeFD >= 0, s.pointee.backend != .connecting { setNodeReading(s, true) }
        resumeClient(s)
    }

    // MARK: to the node

    /// Sends, or queues what can't be sent. A broken node shows itself on the read side.
    @inline(__always)
    func writeNode(_ s: SessionRef, _ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        s.pointee.nodeCounters.pointee.bytesIn.add(UInt64(bytes.count))
        var sent = 0
        if s.pointee.nodePending.isEmpty {
            sent = transmit(s.pointee.nodeFD, bytes) ?? bytes.count
            if sent == bytes.count { return }
        }
        guard s.pointee.nodePending.append(bytes.part(from: sent)) else { return giveUp(s) }
        setNodeWriting(s, true)
        setClientReading(s, false)
    }

    func writeNode(_ s: SessionRef, _ bytes: [UInt8]) {
        bytes.withUnsafeBytes { writeNode(s, $0) }
    }

    func nodeWritable(_ s: SessionRef) {
        if s.pointee.backend == .connecting { return nodeConnected(s) }
        if !s.pointee.nodePending.isEmpty {
            guard let sent = transmit(s.pointee.nodeFD, s.pointee.nodePending.bytes) else {
                s.pointee.nodePending.release()
                setNodeWriting(s, false)
                return
            }
            s.pointee.nodePending.removeFirst(sent)
        }
        guard s.pointee.nodePending.isEmpty else { return }
        s.pointee.nodePending.release()
        setNodeWriting(s, false)
        passEnd(s)
        resumeClient(s)
    }

    // MARK: events

    @inline(__always)
    func clientReadEvent(_ s: SessionRef) -> UnsafeMutablePointer<event> {
        withUnsafeMutablePointer(to: &s.pointee.clientRead) { $0 }
    }

    @inline(__always)
    func nodeReadEvent(_ s: SessionRef) -> UnsafeMutablePointer<event> {
        withUnsafeMutablePointer(to: &s.pointee.nodeRead) { $0 }
    }

    @inline(__always)
    func setClientReading(_ s: SessionRef, _ on: Bool) {
        guard s.pointee.clientReading != on else { return }
        if on, s.pointee.clientHalfClosed { return }
        s.pointee.clientReading = on
        if on { add(clientReadEvent(s), s) } else { event_del(clientReadEvent(s)) }
    }

    @inline(__always)
    func setNodeReading(_ s: SessionRef, _ on: Bool) {
        guard s.pointee.nodeReading != on, s.pointee.nodeFD >= 0 else { return }
        s.pointee.nodeReading = on
        if on { add(nodeReadEvent(s), s) } else { event_del(nodeReadEvent(s)) }
    }

    func setClientWriting(_ s: SessionRef, _ on: Bool) {
        guard s.pointee.clientWriting != on else { return }
        s.pointee.clientWriting = on
        guard on else {
            event_del(s.pointee.clientWrite)
            return
        }
        let writing = s.pointee.clientWrite ?? .allocate(capacity: 1)
        s.pointee.clientWrite = writing
        event_assign(
            writing, base, s.pointee.clientFD, Int16(EV_WRITE | EV_PERSIST), clientWritableEvent,
            UnsafeMutableRawPointer(s))
        add(writing, s)
    }

    func setNodeWriting(_ s: SessionRef, _ on: Bool) {
        guard s.pointee.nodeWriting != on else { return }
        s.pointee.nodeWriting = on
        guard on else {
            event_del(s.pointee.nodeWrite)
            return
        }
        let writing = s.pointee.nodeWrite ?? .allocate(capacity: 1)
        s.pointee.nodeWrite = writing
        event_assign(
            writing, base, s.pointee.nodeFD, Int16(EV_WRITE | EV_PERSIST), nodeWritableEvent,
            UnsafeMutableRawPointer(s))
        add(writing, s)
    }

    /// The kernel may refuse to watch one more descriptor (epoll's `max_user_watches`): a session that would never hear
    /// of its peer again is ended.
    @inline(__always)
    private func add(_ event: UnsafeMutablePointer<event>, _ s: SessionRef) {
        if event_add(event, nil) != 0 { giveUp(s) }
    }

    /// Ends the session when the event is over: there is no room for what it needs.
    func giveUp(_ s: SessionRef) {
        s.pointee.clientIsGone = true
        if !s.pointee.isReady { ready.append(s) }
    }
}

// C callbacks: plain functions, the session as a raw pointer (libevent has no other kind), the worker unretained.

@inline(__always)
private func dispatch(_ argument: UnsafeMutableRawPointer?, _ body: (Worker, SessionRef) -> Void) {
    guard let argument else { return }
    let s = argument.assumingMemoryBound(to: Session.self)
    guard s.pointee.clientFD >= 0 else { return }
    s.pointee.worker._withUnsafeGuaranteedRef {
        body($0, s)
        if !$0.ready.isEmpty { $0.goOn() }
    }
}

func clientReadableEvent(_ descriptor: Int32, _ what: Int16, _ argument: UnsafeMutableRawPointer?) {
    dispatch(argument) { $0.clientReadable($1) }
}

func nodeReadableEvent(_ descriptor: Int32, _ what: Int16, _ argument: UnsafeMutableRawPointer?) {
    dispatch(argument) { $0.nodeReadable($1) }
}

func clientWritableEvent(_ descriptor: Int32, _ what: Int16, _ argument: UnsafeMutableRawPointer?) {
    dispatch(argument) { $0.clientWritable($1) }
}

func nodeWritableEvent(_ descriptor: Int32, _ what: Int16, _ argument: UnsafeMutableRawPointer?) {
    dispatch(argument) { $0.nodeWritable($1) }
}
