import ArgumentParser
import Availability
import Cluster
import Foundation
import Ledger
import Settings

struct LedgerReportCommand: ParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, json, csv, html
    }

    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Availability, outages, failover times and throughput from the log.",
        discussion: """
            Reads the log that availability.file names, also while the proxy writes it. Times are like 2026-11-22, \
            2026-11-22T21:48 or 2026-11-22T21:48:16, in the configured time zone, or lengths before now like 90m, 24h, 7d.
            """)

    @Option(name: .shortAndLong, help: ArgumentHelp("The configuration.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("The log itself; agreed hours are then always, in UTC.", valueName: "file"))
    var file: String?

    @Option(help: "From when on.") var since: String?
    @Option(help: "Until when.") var until: String?
    @Option(help: "text, json, csv or html.") var format = Format.text

    func run() throws {
        var hours = ServiceHours.always
        var path = file
        if let config {
            do throws(ConfigurationFile.Failure) {
                let availability = try ConfigurationFile(path: config).availability()
                hours = availability.serviceHours
                path = path ?? availability.file
            } catch {
                complain(error.description)
                throw ExitCode.configurationWrong
            }
        }
        guard let path else {
            complain(
                config == nil ? "name a configuration (-c) or a log (--file)" : "availability.file is not configured")
            throw ExitCode.configurationWrong
        }
        let from = try time(since, "--since", hours)
        let to = try time(until, "--until", hours)
        do throws(LedgerFailure) {
            let contents = try LedgerContents.read(path: path, since: from, until: to)
            let study = Study(
                intervals: contents.intervals, outages: contents.outages, gaps: contents.gaps,
                clockSteps: contents.clockSteps, unknown: contents.unknown, bounds: contents.bounds,
                delayBound: contents.delayBound, hours: hours,
                since: from, until: to)
            let text =
                switch format {
                case .text: study.text
                case .json: study.json
                case .csv: study.csv
                case .html: study.html
                }
            print(text, terminator: "")
        } catch {
            complain("\(path): \(error)")
            throw ExitCode.failure
        }
    }

    private func time(_ text: String?, _ option: String, _ hours: ServiceHours) throws -> WallTime? {
        guard let text else { return nil }
        let now = WallTime(nanoseconds: Int64(Date().timeIntervalSince1970 * 1e9))
        guard let time = WallTime(text: text, in: hours.zone, now: now) else {
            complain("\(option): \"\(text)\" is no time; write 2026-11-22, 2026-11-22T21:48, or 24h for so long ago")
            throw ExitCode.configurationWrong
        }
        return time
    }
}

extension WallTime {
    /// A date, a date with a time of day, or a length of time before `now`.
    init?(text: String, in zone: ZoneOffsets, now: WallTime) {
        if let span = Instant.Span(text: text) {
            self = now + Instant.Span(nanoseconds: -span.nanoseconds)
            return
        }
        let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "T" || $0 == " " }
        guard let day = parts.first, let date = CivilDate(String(day)) else { return nil }
        var second: Int64 = 0
        if parts.count == 2 {
            let clock = parts[1].split(separator: ":", omittingEmptySubsequences: false)
            let numbers = clock.compactMap { $0.count == 2 ? Int64($0) : nil }
            guard (2...3).contains(clock.count), numbers.count == clock.count, numbers[0] < 24,
                numbers.dropFirst().allSatisfy({ (0..<60).contains($0) }), numbers[0] >= 0
            else { return nil }
            second = numbers[0] * 3600 + numbers[1] * 60 + (numbers.count == 3 ? numbers[2] : 0)
        }
        self = zone.time(date, second: second)
    }
}
