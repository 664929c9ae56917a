import CLibevent
import CPlatform
import Cluster
import Glibc
import MySQLWire
import Reactor

/// Bytes to and from sockets, and back-pressure: what a peer does not take is kept (at most one receive buffer), and
/// until it is gone the other side is not read.
extension Worker {
    enum Received {
        case bytes(Int)
        case nothing
        case ended
        case failed
    }

    @inline(__always)
    func receive(_ descriptor: Int32, at offset: Int) -> Received {
        while true {
            let n = recv(descriptor, buffer + offset, Worker.bufferSize - offset, 0)
            if n > 0 { return .bytes(n) }
            if n == 0 { return .ended }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .nothing
            case _: return .failed
            }
        }
    }

    /// Bytes taken by the socket, 0 if it takes none now, nil if it is broken.
    @inline(__always)
    private func transmit(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int? {
        while true {
            let n = send(descriptor, bytes, count, Int32(platform_msg_nosignal))
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
    func writeClient(_ s: SessionRef, _ bytes: UnsafeRawPointer, _ count: Int) {
        s.pointee.bytesOut &+= UInt64(count)
        counters.bytesOut.add(UInt64(count))
        var sent = 0
        if s.pointee.clientPending.isEmpty {
            guard let taken = transmit(s.pointee.clientFD, bytes, count) else {
                s.pointee.clientIsGone = true
                return
            }
            sent = taken
            if sent == count { return }
        }
        s.pointee.clientPending.append(bytes + sent, count - sent)
        setClientWriting(s, true)
        setNodeReading(s, false)
    }

    func writeClient(_ s: SessionRef, _ bytes: [UInt8]) {
        bytes.withUnsafeBytes { if let base = $0.baseAddress { writeClient(s, base, $0.count) } }
    }

    /// One packet with the next sequence number of the answer under way.
    func writeClientPacket(_ s: SessionRef, payload: [UInt8]) {
        s.pointee.sequence &+= 1
        writeClient(s, PacketWriter.packet(sequence: s.pointee.sequence, payload: payload))
    }

    func clientWritable(_ s: SessionRef) {
        let bytes = s.pointee.clientPending.bytes
        if let base = bytes.baseAddress, !bytes.isEmpty {
            guard let sent = transmit(s.pointee.clientFD, base, bytes.count) else { return destroy(s, reset: true) }
            s.pointee.clientPending.removeFirst(sent)
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
    func writeNode(_ s: SessionRef, _ bytes: UnsafeRawPointer, _ count: Int) {
        s.pointee.nodeCounters.pointee.bytesIn.add(UInt64(count))
        var sent = 0
        if s.pointee.nodePending.isEmpty {
            sent = transmit(s.pointee.nodeFD, bytes, count) ?? count
            if sent == count { return }
        }
        s.pointee.nodePending.append(bytes + sent, count - sent)
        setNodeWriting(s, true)
        setClientReading(s, false)
    }

    func writeNode(_ s: SessionRef, _ bytes: [UInt8]) {
        bytes.withUnsafeBytes { if let base = $0.baseAddress { writeNode(s, base, $0.count) } }
    }

    func nodeWritable(_ s: SessionRef) {
        if s.pointee.backend == .connecting { return nodeConnected(s) }
        let bytes = s.pointee.nodePending.bytes
        if let base = bytes.baseAddress, !bytes.isEmpty {
            guard let sent = transmit(s.pointee.nodeFD, base, bytes.count) else {
                s.pointee.nodePending.release()
                setNodeWriting(s, false)
                return
            }
            s.pointee.nodePending.removeFirst(sent)
        }
        guard s.pointee.nodePending.isEmpty else { return }
        s.pointee.nodePending.release()
        setNodeWriting(s, false)
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
        if on { event_add(clientReadEvent(s), nil) } else { event_del(clientReadEvent(s)) }
    }

    @inline(__always)
    func setNodeReading(_ s: SessionRef, _ on: Bool) {
        guard s.pointee.nodeReading != on, s.pointee.nodeFD >= 0 else { return }
        s.pointee.nodeReading = on
        if on { event_add(nodeReadEvent(s), nil) } else { event_del(nodeReadEvent(s)) }
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
        event_add(writing, nil)
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
        event_add(writing, nil)
    }
}

// C callbacks: plain functions, the session as a raw pointer, the worker unretained.

@inline(__always)
private func dispatch(_ argument: UnsafeMutableRawPointer?, _ body: (Worker, SessionRef) -> Void) {
    guard let argument else { return }
    let s = argument.assumingMemoryBound(to: Session.self)
    guard s.pointee.clientFD >= 0 else { return }
    s.pointee.worker._withUnsafeGuaranteedRef { body($0, s) }
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
