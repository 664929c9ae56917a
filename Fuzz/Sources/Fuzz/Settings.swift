import Settings

/// Configurations, the proxy's and the agent's: no trap, and every complaint has a place.
enum Settings {
    private struct NoSecrets: SecretSource {
        func secret(at place: SecretPlace) throws(SecretUnavailable) -> String { throw SecretUnavailable("none") }
    }

    static func read(_ bytes: UnsafeRawBufferPointer) {
        let text = String(decoding: bytes, as: UTF8.self)
        check { () throws(ConfigurationErrors) in
            _ = try Configuration.parse(text, file: "f", secrets: NoSecrets())
        }
        check { () throws(ConfigurationErrors) in
            _ = try AgentConfiguration.parse(text, file: "f", secrets: NoSecrets())
        }
    }

    private static func check(_ parse: () throws(ConfigurationErrors) -> Void) {
        do throws(ConfigurationErrors) {
            try parse()
        } catch {
            require(!error.errors.isEmpty, "refused without a complaint")
            for each in error.errors { require(each.position.line > 0, "no place: \(each)") }
        }
    }
}
