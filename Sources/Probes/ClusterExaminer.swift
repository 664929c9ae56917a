import Cluster
import ClusterFormats
import Doctor
import Glibc
import Health
import Reactor

/// Asks the cluster's tools on this host, once each and one after the other, what the doctor judges. Lives on its loop's
/// thread.
public final class ClusterExaminer {
    public struct Options: Sendable, Hashable {
        /// Pacemaker's own copy of its configuration: a host that has none was never a node.
        public var configurationFile = "/var/lib/pacemaker/cib/cib.xml"
        public var cibadmin = Tool("/usr/sbin/cibadmin", ["--query"])
        public var crmMon = PacemakerObserver.Options().forms
        public var corosyncMap = Tool("/usr/sbin/corosync-cmapctl", [])
        public var corosyncFile = "/etc/corosync/corosync.conf"
        public var drbdadm = Tool("/usr/sbin/drbdadm", ["dump-xml"])
        /// JSON with 9; 8.4 has no such word, and is asked for its text.
        public var drbdsetup = [
            Tool("/usr/sbin/drbdsetup", ["status", "--json"]), Tool("/usr/sbin/drbdsetup", ["status", "--verbose"]),
        ]
        /// For one tool.
        public var timeout = Instant.Span.seconds(5)

        public init() {}
    }

    private static let bytesMax = 4 << 20

    private let loop: EventLoop
    private let options: Options
    private var run: ToolRun?
    private var facts: Facts
    private var completion: ((Facts) -> Void)?

    /// - Parameter facts: what the answers are added to.
    public init(loop: EventLoop, options: Options = Options(), facts: Facts) {
        self.loop = loop
        self.options = options
        self.facts = facts
    }

    /// - Parameter completion: once, from the loop.
    public func examine(_ completion: @escaping (Facts) -> Void) {
        self.completion = completion
        guard access(options.configurationFile, F_OK) == 0 || errno != ENOENT else {
            let reason = "this host is no node of a cluster (\(options.configurationFile) is not there)"
            facts.configuration = .elsewhere(reason)
            facts.cluster = .elsewhere(reason)
            facts.corosync = .elsewhere(reason)
            return askDRBD()
        }
        askConfiguration()
    }

    private func askConfiguration() {
        ask([options.cibadmin]) { bytes, _ throws(FormatError) in
            try ClusterConfiguration(xml: bytes)
        } next: { examiner, reading in
            examiner.facts.configuration = reading
            examiner.askState()
        }
    }

    private func askState() {
        ask(options.crmMon) { bytes, _ throws(FormatError) in
            try PacemakerView(xml: bytes)
        } next: { examiner, reading in
            examiner.facts.cluster = reading
            examiner.askCorosync()
        }
    }

    private func askCorosync() {
        ask([options.corosyncMap]) { bytes, _ throws(FormatError) in
            try CorosyncSettings(map: String(decoding: bytes, as: UTF8.self))
        } next: { examiner, reading in
            examiner.facts.corosync = examiner.orFile(reading)
            examiner.askDRBD()
        }
    }

    /// Where corosync does not run, or does not tell this user, its file says what it would run with.
    private func orFile(_ reading: Reading<CorosyncSettings>) -> Reading<CorosyncSettings> {
        guard case .unread(let reason) = reading else { return reading }
        guard let text = SmallFile.read(options.corosyncFile) else { return reading }
        do throws(FormatError) {
            return .known(try CorosyncSettings(file: text))
        } catch {
            return .unread("\(reason); \(error)")
        }
    }

    private func askDRBD() {
        ask([options.drbdadm]) { bytes, _ throws(FormatError) in
            try DRBDConfiguration(xml: bytes)
        } next: { examiner, reading in
            examiner.facts.drbd = reading
            // Without its kernel's part DRBD's tools would only complain where nobody wants them.
            if reading.value?.resources.isEmpty == true {
                examiner.facts.drbd = .elsewhere("DRBD has no resource on this host")
                examiner.facts.drbdState = .elsewhere("DRBD has no resource on this host")
                return examiner.end()
            }
            examiner.askDRBDState()
        }
    }

    private func askDRBDState() {
        ask(options.drbdsetup) { bytes, form throws(FormatError) in
            form == 0
                ? try DRBDStatusJSON.resources(in: bytes)
                : try DRBDStatus.resources(in: String(decoding: bytes, as: UTF8.self))
        } next: { examiner, reading in
            examiner.facts.drbdState = reading
            examiner.end()
        }
    }

    private func end() {
        let completion = completion
        self.completion = nil
        completion?(facts)
    }

    /// The first of the forms that the tool understands.
    ///
    /// - Parameter read: what was printed, and by which form.
    private func ask<Value>(
        _ forms: [Tool], form: Int = 0, read: @escaping ([UInt8], Int) throws(FormatError) -> Value,
        next: @escaping (ClusterExaminer, Reading<Value>) -> Void
    ) {
        let tool = forms[form]
        do throws(SystemError) {
            run = try ToolRun(loop: loop, tool, timeout: options.timeout, bytesMax: Self.bytesMax) {
                [weak self] result in
                guard let self else { return }
                run = nil
                if case .success(let output) = result, output.isForeign, form + 1 < forms.count {
                    return ask(forms, form: form + 1, read: read, next: next)
                }
                next(self, Self.reading(result, tool) { bytes throws(FormatError) in try read(bytes, form) })
            }
        } catch {
            next(self, error.errno == 2 ? .elsewhere("\(tool.name) is not on this host") : .unread(error.description))
        }
    }

    private static func reading<Value>(
        _ result: Result<ToolRun.Output, ObservationFault>, _ tool: Tool,
        _ read: ([UInt8]) throws(FormatError) -> Value
    ) -> Reading<Value> {
        switch result {
        case .failure(let fault): return .unread(fault.description)
        case .success(let output):
            // A tool that fails may print a document that says so.
            if output.status != 0, output.bytes.isEmpty || !output.complaint.isEmpty {
                return .unread(
                    ObservationFault.exited(tool: tool.name, status: output.status, complaint: output.complaint)
                        .description)
            }
            do throws(FormatError) { return .known(try read(output.bytes)) } catch { return .unread(error.description) }
        }
    }
}
