import Availability
import Cluster
import Foundation

extension Draft {
    /// `[availability]`
    mutating func availability(_ section: Section, into availability: inout Configuration.Availability) {
        expectOnly(
            [
                "file", "retention_seconds", "retention_minutes", "retention_hours", "delay_bound", "service_hours",
                "time_zone", "holidays",
            ], in: section)
        availability.file = text("file", in: section)
        let keeping: ClosedRange<Instant.Span> = .seconds(3600) ... .seconds(36_500 * 86_400)
        if let t = span("retention_seconds", in: section, keeping) { availability.retentionSeconds = t }
        if let t = span("retention_minutes", in: section, keeping) { availability.retentionMinutes = t }
        if let t = span("retention_hours", in: section, keeping) { availability.retentionHours = t }
        if let t = span("delay_bound", in: section, .milliseconds(1) ... .seconds(3600)) { availability.delayBound = t }
        var zone = ZoneOffsets.utc
        if let name = text("time_zone", in: section) {
            if let known = ZoneOffsets(named: name) {
                zone = known
            } else {
                fail(section, "time_zone", "\"\(name)\" is no time zone; write a name like \"Europe/Berlin\"")
            }
        }
        let hours = text("service_hours", in: section) ?? "always"
        do throws(ServiceHours.Wrong) {
            availability.serviceHours = try ServiceHours(hours, holidays: dates("holidays", in: section), zone: zone)
        } catch {
            fail(section, "service_hours", "\(error)")
        }
    }

    private mutating func dates(_ key: String, in section: Section) -> [CivilDate] {
        guard let tree = section.entries[key] else { return [] }
        guard case .array(let elements) = tree else {
            fail(section, key, "must be an array of dates ([\"2026-12-25\"]), not \(tree.kind)")
            return []
        }
        var dates: [CivilDate] = []
        for (i, element) in elements.enumerated() {
            if case .text(let text) = element, let date = CivilDate(text) {
                dates.append(date)
            } else {
                fail(section.path + [key, "#\(i)"], key: "\(section.name).\(key)", "must be dates like \"2026-12-25\"")
            }
        }
        return dates
    }
}

extension ZoneOffsets {
    /// What the system knows of a time zone, for the years 2020 to 2060. Nil for a name that it does not know.
    public init?(named name: String) {
        guard let zone = TimeZone(identifier: name) else { return nil }
        let begin = Date(timeIntervalSince1970: 1_577_836_800)
        let end = begin.addingTimeInterval(40 * 366 * 86_400)
        var changes: [Change] = []
        var time = begin
        while let next = zone.nextDaylightSavingTimeTransition(after: time), next > time, next < end {
            changes.append(
                Change(from: Int64(next.timeIntervalSince1970), offset: Int64(zone.secondsFromGMT(for: next))))
            time = next
        }
        self.init(name: name, initial: Int64(zone.secondsFromGMT(for: begin)), changes: changes)
    }
}
