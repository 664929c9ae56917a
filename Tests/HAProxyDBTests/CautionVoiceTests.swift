import Cluster
import Testing

@testable import HAProxyDB

@Suite struct CautionVoiceTests {
    private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    @Test func atItsBeginningAgainWhileItLastsAndAtItsEnd() {
        var voice = CautionVoice()
        #expect(voice.observe([], at: at(0)) == [])
        #expect(voice.observe([.checkAccountRefused], at: at(1)) == [.caution(.checkAccountRefused, lasted: nil)])
        for second in Int64(2)...600 { #expect(voice.observe([.checkAccountRefused], at: at(second)) == []) }
        #expect(
            voice.observe([.checkAccountRefused, .agentSilent], at: at(601)) == [
                .caution(.checkAccountRefused, lasted: .seconds(600)), .caution(.agentSilent, lasted: nil),
            ])
        #expect(voice.observe([.agentSilent], at: at(700)) == [.over(.checkAccountRefused, lasted: .seconds(699))])
        #expect(voice.observe([.agentSilent, .checkAccountRefused], at: at(701)).count == 1)
    }
}
