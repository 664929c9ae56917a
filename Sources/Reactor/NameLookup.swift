import Cluster

/// Looks a host's name up without keeping anybody waiting: the system's resolver may take many seconds, on a thread of its
/// own. What is in numbers needs no thread.
public enum NameLookup {
    public typealias Outcome = Result<ResolvedAddress, SystemError>

    /// - Parameter completion: once, on the loop's thread, never from within this call. It does not come any more once the
    ///   loop has gone.
    public static func begin(_ endpoint: Endpoint, loop: EventLoop, _ completion: @escaping (Outcome) -> Void) {
        do throws(SystemError) {
            let mailbox = try Mailbox<Outcome>()
            var watch: Watch?
            watch = mailbox.attach(to: loop) { outcome in
                watch?.cancel()
                watch = nil
                completion(outcome)
            }
            do throws(SystemError) {
                try spawnThread(named: "resolver") { mailbox.post(lookUp(endpoint)) }.detach()
            } catch {
                mailbox.post(.failure(error))
            }
        } catch {
            loop.schedule(after: .zero) { completion(.failure(error)) }
        }
    }

    /// Waits for it, but no longer than that; nil where there is no answer until then.
    public static func now(_ endpoint: Endpoint, within span: Instant.Span) -> ResolvedAddress? {
        if let numeric = Sockets.numeric(endpoint) { return numeric }
        guard let loop = try? EventLoop() else { return nil }
        var found: ResolvedAddress?
        begin(endpoint, loop: loop) { outcome in
            found = try? outcome.get()
            loop.stop()
        }
        loop.schedule(after: span) { loop.stop() }
        loop.run()
        return found
    }

    private static func lookUp(_ endpoint: Endpoint) -> Outcome {
        do throws(SystemError) { return .success(try Sockets.resolve(endpoint)) } catch { return .failure(error) }
    }
}
