/// A value that threads share, each of them alone with it inside `withLock`. The one lock of the program.
///
/// `Synchronization.Mutex` is a bare futex, which ThreadSanitizer can't see: it would report all that such a lock
/// guards. Its build (`make tsan`) gets the C library's lock instead, so that the rest is judged.
#if THREAD_SANITIZER
    import Glibc

    public struct Guarded<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
        private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        private let value: UnsafeMutablePointer<Value>

        public init(_ value: consuming sending Value) {
            self.value = .allocate(capacity: 1)
            self.value.initialize(to: value)
            let code = pthread_mutex_init(mutex, nil)
            precondition(code == 0, "pthread_mutex_init: \(SystemError(errno: code, call: "pthread_mutex_init"))")
        }

        deinit {
            pthread_mutex_destroy(mutex)
            mutex.deallocate()
            value.deinitialize(count: 1)
            value.deallocate()
        }

        public borrowing func withLock<Result: ~Copyable, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            pthread_mutex_lock(mutex)
            defer { pthread_mutex_unlock(mutex) }
            return try body(&value.pointee)
        }
    }
#else
    import Synchronization

    public typealias Guarded = Mutex
#endif
