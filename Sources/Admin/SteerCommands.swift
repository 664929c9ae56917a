import Cluster

// HAProxy's commands that change something. What can't be here, is refused with a sentence that says so.

extension AdminCommands {
    private static let usage =
        "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | check-addr"
        + " | check-port | fqdn | health | ssl | state | weight"

    func steer(_ command: AdminCommand) -> Answer {
        let arguments = command.arguments
        switch command.verb {
        case .disableServer: return onServer(arguments) { set($0, .maintenance) }
        case .enableServer: return onServer(arguments) { set($0, .ready) }
        case .setServer: return onServer(arguments) { setServer($0, Array(arguments.dropFirst())) }
        case .setWeight: return onServer(arguments) { setWeight($0, arguments.dropFirst().first) }
        case .getWeight:
            return onServer(arguments) { .text("\(book.nodes[$0.rawValue].weight) (initial 1)") }
        case .enableAgent, .disableAgent:
            let isHeard = command.verb == .enableAgent
            return onServer(arguments) { node in
                guard marks(node).contains(.agent) else {
                    return isHeard ? .failure("Agent was not configured on this server, cannot enable.") : .done
                }
                source.setAgent(node, isHeard: isHeard)
                return .done
            }
        case .enableHealth, .disableHealth:
            return onServer(arguments) { node in
                source.setChecked(node, command.verb == .enableHealth)
                return .done
            }
        case .shutdownSessionsServer:
            return onServer(arguments) { node in
                source.endSessions(on: node)
                return .done
            }
        case .setMaxconnFrontend:
            return onFrontend(arguments) {
                setMaxconn(\.frontend, arguments.dropFirst().first, missing: "Integer value expected.")
            }
        case .setMaxconnGlobal:
            return setMaxconn(\.global, arguments.first, missing: "Expects an integer value.", zeroIsDefault: true)
        case .setMaxconnServer:
            return onServer(arguments) { setMaxconn(of: $0, arguments.dropFirst().first) }
        case .setRateLimit: return rateLimit(arguments)
        default: return .failure("Nothing is known of this command.")
        }
    }

    // MARK: names

    /// `backend/server`, or `#id` for either, as with HAProxy.
    private func onServer(_ arguments: [String], _ body: (NodeID) -> Answer) -> Answer {
        let parts = (arguments.first ?? "").split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[1].isEmpty else { return .failure("Require 'backend/server'.") }
        guard parts[0] == source.process.proxyName || parts[0] == "#\(StatTable.proxyID)" else {
            return .failure("No such backend.")
        }
        let nodes = source.view.nodes
        guard let index = nodes.indices.first(where: { nodes[$0].node.name == parts[1] || parts[1] == "#\($0 + 1)" }),
            book.nodes.indices.contains(index)
        else { return .failure("No such server.") }
        return body(NodeID(index))
    }

    private func onFrontend(_ arguments: [String], _ body: () -> Answer) -> Answer {
        guard let name = arguments.first else { return .failure("A frontend name is expected.") }
        guard name == source.process.proxyName || name == "#\(StatTable.proxyID)" else {
            return .failure("No such frontend.")
        }
        return body()
    }

    // MARK: servers

    private func set(_ node: NodeID, _ state: AdministrativeState) -> Answer {
        source.set(node, administrative: state)
        return saveState()
    }

    private func marks(_ node: NodeID) -> NodeMarks { source.view.nodes[node.rawValue].marks }

    private func setServer(_ node: NodeID, _ words: [String]) -> Answer {
        let value = words.dropFirst().first
        switch words.first {
        case "state":
            switch value {
            case "ready": return set(node, .ready)
            case "drain": return set(node, .drain)
            case "maint": return set(node, .maintenance)
            default: return .failure("'set server <srv> state' expects 'ready', 'drain' and 'maint'.")
            }
        case "health":
            guard let word = value.flatMap(HealthWord.init) else {
                return .failure("'set server <srv> health' expects 'up', 'stopping', or 'down'.")
            }
            source.declare(node, word)
            return .done
        case "weight": return setWeight(node, value)
        case "addr": return setAddress(node, Array(words.dropFirst()))
        case "agent": return setAgent(node, value)
        case "agent-send":
            return .failure(
                marks(node).contains(.agent)
                    ? "Agents tell by themselves; nothing is sent to them."
                    : "agent checks are not enabled on this server.")
        case "agent-addr", "agent-port":
            if marks(node).contains(.agent) {
                return .failure("Where an agent is, only the configuration says.")
            }
            return .brief(.warning, "agent checks are not enabled on this server")
        case "check-port":
            guard let value, Int(value) != nil else { return .brief(.error, "provided port is not an integer") }
            return .failure("Checks go to the server's own address, which only the configuration gives.")
        case "check-addr":
            return .failure("Checks go to the server's own address, which only the configuration gives.")
        case "fqdn":
            return .failure("set server <b>/<s> fqdn failed because no resolution is configured.")
        case "ssl":
            return .failure(
                "'set server <srv> ssl' cannot be set.  default-server should define ssl settings")
        default: return .failure(Self.usage)
        }
    }

    /// Only whether it is zero means something: who gets the statements is not a matter of weights. As with HAProxy,
    /// a server without weight is drained.
    private func setWeight(_ node: NodeID, _ word: String?) -> Answer {
        guard let word else { return .failure("Require <weight> or <weight%>.") }
        let isRelative = word.hasSuffix("%")
        guard let number = Int(isRelative ? word.dropLast() : word[...]) else {
            return .brief(.error, "Empty weight string empty or preceded by garbage")
        }
        guard (0...256).contains(number) || (isRelative && number > 0) else {
            return .failure(
                isRelative
                    ? "Relative weight must be positive."
                    : "Absolute weight can only be between 0 and 256 inclusive.")
        }
        // Of the initial weight, which is 1, in whole numbers: as HAProxy, less than all of it is nothing.
        let weight = isRelative ? min(256, number / 100) : number
        let before = book.nodes[node.rawValue].weight
        let state = source.view.nodes[node.rawValue].administrative
        book.set(weight: weight, of: node)
        if weight == 0, state == .ready { return set(node, .drain) }
        if weight > 0, before == 0, state == .drain { return set(node, .ready) }
        return saveState()
    }

    private func setAddress(_ node: NodeID, _ words: [String]) -> Answer {
        let by = " by 'stats socket command'"
        guard let host = words.first else {
            return .failure("set server <b>/<s> addr requires an address and optionally a port.")
        }
        let endpoint = source.view.nodes[node.rawValue].node.endpoint
        guard host.allSatisfy({ $0.isHexDigit || $0 == "." || $0 == ":" }), host.contains(".") || host.contains(":")
        else { return .message(.warning, "Invalid addr '\(Cell.printable(host))'" + by) }
        let refusal = "Addresses of servers come from the configuration and can't be changed here."
        guard host == endpoint.host else { return .failure(refusal) }
        guard words.count > 1 else { return .message(.warning, "no need to change the addr" + by) }
        guard words.count > 2, words[1] == "port" else {
            return .failure("set server <b>/<s> addr requires an address and optionally a port.")
        }
        guard let port = Int(words[2]) else {
            let word = Cell.printable(words[2])
            return .message(
                .warning, "no need to change the addr, problem converting port '\(word)' to an int" + by)
        }
        guard port == Int(endpoint.port) else { return .failure(refusal) }
        return .message(.warning, "no need to change the addr, no need to change the port" + by)
    }

    private func setAgent(_ node: NodeID, _ word: String?) -> Answer {
        let marks = marks(node)
        guard marks.contains(.agent), !marks.contains(.agentIgnored) else {
            return .failure("agent checks are not enabled on this server.")
        }
        switch word {
        case "up": source.declareAgent(node, isUp: true)
        case "down": source.declareAgent(node, isUp: false)
        default: return .failure("'set server <srv> agent' expects 'up' or 'down'.")
        }
        return .done
    }

    // MARK: the frontend and its limits

    func steerFrontend(_ command: AdminCommand, _ completion: @escaping (Answer) -> Void) {
        let state: FrontendState
        switch command.verb {
        case .disableFrontend: state = .paused
        case .shutdownFrontend: state = .stopped
        default: state = .open
        }
        let refusal = onFrontend(command.arguments) { objection(source.process.frontend, state) }
        guard case .done = refusal else { return completion(refusal) }
        source.setFrontend(state) { isDone in
            completion(
                isDone
                    ? .done : .failure("Failed to resume frontend, check logs for precise cause (port conflict?)."))
        }
    }

    /// `done` where nothing speaks against it.
    private func objection(_ present: FrontendState, _ wanted: FrontendState) -> Answer {
        switch (present, wanted) {
        case (.stopped, .stopped): .failure("Frontend was already shut down.")
        case (.stopped, .paused): .failure("Frontend was previously shut down, cannot disable.")
        case (.stopped, .open): .failure("Frontend was previously shut down, cannot enable.")
        case (.paused, .paused): .failure("All sockets are already disabled.")
        case (.open, .open): .failure("All sockets are already enabled.")
        case (.paused, .open), (.open, .paused), (.paused, .stopped), (.open, .stopped): .done
        }
    }

    private func setMaxconn(
        _ limit: WritableKeyPath<AdminLimits, Int?>, _ word: String?, missing: String, zeroIsDefault: Bool = false
    ) -> Answer {
        guard let word, let number = Int(word) else { return .failure(missing) }
        if number == 0, zeroIsDefault {
            limits[keyPath: limit] = nil
        } else {
            guard (1...source.process.connectionsHardMax).contains(number) else {
                return .failure("Value out of range.")
            }
            limits[keyPath: limit] = number
        }
        applyConnectionsMax()
        return .done
    }

    private func setMaxconn(of node: NodeID, _ word: String?) -> Answer {
        guard let word else { return .failure("Require <maxconn>.") }
        guard let number = Int(word) else {
            return .brief(.error, "maxconn string empty or preceded by garbage")
        }
        guard (0...source.process.connectionsHardMax).contains(number) else { return .failure("Value out of range.") }
        book.set(connectionsMax: number, of: node)
        applyConnectionsMax()
        return .done
    }

    private func rateLimit(_ arguments: [String]) -> Answer {
        let settings = ["connections", "sessions", "ssl-sessions", "http-compression"]
        guard arguments.count >= 2, settings.contains(arguments[0]), arguments[1] == "global" else {
            return .failure(
                """
                'set rate-limit' only supports :
                   - 'connections global' to set the per-process maximum connection rate
                   - 'sessions global' to set the per-process maximum session rate
                   - 'ssl-sessions global' to set the per-process maximum SSL session rate
                   - 'http-compression global' to set the per-process maximum compression speed in kB/s
                """)
        }
        guard arguments.count > 2, let number = Int(arguments[2]) else { return .failure("Expects an integer value.") }
        guard (0...Int(Int32.max)).contains(number) else { return .failure("Value out of range.") }
        switch arguments[0] {
        case "connections": limits.connectionRate = number
        case "sessions": limits.sessionRate = number
        case "ssl-sessions": limits.sslRate = number
        default: limits.compressionRate = number
        }
        source.setConnectionRateMax(limits.connectionRateMax)
        return .done
    }
}
