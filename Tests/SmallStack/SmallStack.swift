import Foundation

/// Runs `body` on a thread with 512 KiB of stack and waits for it: what recurses by its input's depth ends the run.
public func onSmallStack(_ body: @escaping @Sendable () -> Void) {
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
        body()
        done.signal()
    }
    thread.stackSize = 512 << 10
    thread.start()
    done.wait()
}
