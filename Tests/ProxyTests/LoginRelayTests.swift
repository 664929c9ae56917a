import MySQLWire
import Testing

@testable import Proxy

@Suite struct LoginRelayTests {
    @Test(
        "a plugin by which the password may go out in plain text is not passed on, nor one that is not known",
        arguments: ["mysql_clear_password", "dialog", "mysql_old_password", "", "anything", "Mysql_Native_Password"])
    func keptBack(plugin: String) {
        #expect(!LoginRelay.passesOn(plugin))
    }

    @Test(arguments: ["mysql_native_password", "client_ed25519", "parsec", "caching_sha2_password"])
    func passedOn(plugin: String) {
        #expect(LoginRelay.passesOn(plugin))
    }

    /// A server takes an answer of another length for a broken exchange, which it counts.
    @Test func farewellsHaveTheRightForm() {
        #expect(LoginFarewell.answer(to: NativePassword.pluginName).count == NativePassword.size)
        #expect(LoginFarewell.answer(to: "client_ed25519").count == 64)
        #expect(!LoginFarewell.answer(to: "dialog").isEmpty)
    }
}
