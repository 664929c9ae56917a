/// A command of the admin socket, by its keyword. HAProxy's words and help lines where the same is meant; ours beside
/// them, all in alphabetical order as HAProxy lists them.
enum Verb: CaseIterable, Hashable, Sendable {
    case clearCounters
    case disableAgent, disableFrontend, disableHealth, disableServer
    case enableAgent, enableFrontend, enableHealth, enableServer
    case getWeight
    case lowerToOperator
    case pause
    case reload
    case resume
    case setMaxconnFrontend, setMaxconnGlobal, setMaxconnServer
    case setRateLimit
    case setServer
    case setSeverityOutput
    case setTimeout
    case setWeight
    case showACL, showActivity, showBackend, showCache, showCLILevel, showCLISockets, showCluster, showCounters,
        showErrors
    case showFailovers, showHolds, showInfo, showLedger, showMap, showNodes, showOutages, showPeers, showPools,
        showProcess,
        showResolvers
    case showSchema, showServersConn, showServersState, showSess, showSessions, showStat, showSwitchover, showTable,
        showThreads, showUnknown,
        showVersion
    case shutdownFrontend, shutdownSession, shutdownSessionsServer
    case switchover
    case lowerToUser
    case help, prompt, quit

    /// The usage as `help` gives it, and what follows it.
    private var texts: (usage: String, help: String) {
        switch self {
        case .clearCounters: ("clear counters [all]", "clear max statistics counters (or all counters)")
        case .disableAgent: ("disable agent", "disable agent checks")
        case .disableFrontend: ("disable frontend <frontend>", "temporarily disable specific frontend")
        case .disableHealth: ("disable health", "disable health checks")
        case .disableServer:
            ("disable server (DEPRECATED)", "disable a server for maintenance (use 'set server' instead)")
        case .enableAgent: ("enable agent", "enable agent checks")
        case .enableFrontend: ("enable frontend <frontend>", "re-enable specific frontend")
        case .enableHealth: ("enable health", "enable health checks")
        case .enableServer: ("enable server  (DEPRECATED)", "enable a disabled server (use 'set server' instead)")
        case .getWeight: ("get weight <bk>/<srv>", "report a server's current weight")
        case .lowerToOperator: ("operator", "lower the level of the current CLI session to operator")
        case .pause: ("pause [<time>] [wait <time>] [json]", "hold new statements at transaction boundaries")
        case .reload: ("reload [json]", "read the configuration again, as SIGHUP does")
        case .resume: ("resume [json]", "let held statements go")
        case .setMaxconnFrontend:
            ("set maxconn frontend <frontend> <value>", "change a frontend's maxconn setting")
        case .setMaxconnGlobal: ("set maxconn global <value>", "change the per-process maxconn setting")
        case .setMaxconnServer: ("set maxconn server <bk>/<srv>", "change a server's maxconn setting")
        case .setRateLimit: ("set rate-limit <setting> <value>", "change a rate limiting value")
        case .setServer: ("set server <bk>/<srv> [opts]", "change a server's state, weight, address or ssl")
        case .setSeverityOutput:
            ("set severity-output [none|number|string]", "set presence of severity level in feedback information")
        case .setTimeout: ("set timeout [cli] <delay>", "change a timeout setting")
        case .setWeight: ("set weight <bk>/<srv>  (DEPRECATED)", "change a server's weight (use 'set server' instead)")
        case .showACL: ("show acl", "report available acls: there are none here")
        case .showActivity: ("show activity", "show per-thread activity stats (for support/developers)")
        case .showBackend: ("show backend", "list backends in the current running config")
        case .showCache: ("show cache", "show cache status: there is none here")
        case .showCLILevel: ("show cli level", "display the level of the current CLI session")
        case .showCLISockets: ("show cli sockets", "dump list of cli sockets")
        case .showCluster: ("show cluster [json]", "primary, phase, diagnosis, cautions, last outage, evidence")
        case .showCounters: ("show counters [json]", "sums since the start")
        case .showErrors:
            ("show errors [<px>] [request|response]", "report last request and/or response errors for each proxy")
        case .showFailovers: ("show failovers [json]", "changes of the primary, the latest last")
        case .showHolds: ("show holds [json]", "sessions whose statement or login waits")
        case .showInfo: ("show info [desc|json|typed|float]*", "report information about the running process")
        case .showLedger: ("show ledger [json]", "the availability log: what is written, what waits, why")
        case .showMap: ("show map", "report available maps: there are none here")
        case .showNodes: ("show nodes [json]", "the nodes, their health and roles")
        case .showOutages: ("show outages [json]", "outages as the ledger has them, the latest last")
        case .showPeers: ("show peers", "dump information about peers: there are none here")
        case .showPools: ("show pools", "report information about the memory pools usage")
        case .showProcess: ("show process [json]", "this process, in short and by our names")
        case .showResolvers: ("show resolvers [id]", "dump counters of resolvers: there are none here")
        case .showSchema: ("show schema json", "report schema used for stats")
        case .showServersConn:
            ("show servers conn [<backend>]", "dump server connections status (all or for a single backend)")
        case .showServersState:
            ("show servers state [<backend>]", "dump volatile server information (all or for a single backend)")
        case .showSess: ("show sess [id]", "report the list of current sessions or dump this exact session")
        case .showSessions: ("show sessions [json]", "one line per session")
        case .showStat: ("show stat [desc|json|no-maint|typed|up]*", "report counters for each proxy and server")
        case .showSwitchover: ("show switchover [json]", "what the latest switchover said, and its end")
        case .showTable: ("show table", "report table usage stats: there are no tables here")
        case .showThreads: ("show threads", "show some threads debugging information")
        case .showUnknown: ("show unknown [json]", "statements of which nobody knows whether they took effect")
        case .showVersion: ("show version", "show version of the current process")
        case .shutdownFrontend: ("shutdown frontend <frontend>", "stop a specific frontend")
        case .shutdownSession: ("shutdown session [id]", "kill a specific session")
        case .shutdownSessionsServer: ("shutdown sessions server <bk>/<srv>", "kill sessions on a server")
        case .switchover: ("switchover <node> [<option>]*", "make that node the primary (dry-run, background, json)")
        case .lowerToUser: ("user", "lower the level of the current CLI session to user")
        case .help: ("help [<command>]", "list matching or all commands")
        case .prompt: ("prompt", "toggle interactive mode with prompt")
        case .quit: ("quit", "disconnect")
        }
    }

    /// The words that make the command; what follows in the usage are its arguments.
    var words: [String] {
        var words: [String] = []
        for word in texts.usage.split(separator: " ") {
            guard word.allSatisfy({ $0.isLowercase || $0 == "-" }) else { break }
            words.append(String(word))
        }
        return words
    }

    /// As `help` lists it.
    var helpLine: String {
        let (usage, help) = texts
        return "  " + usage + String(repeating: " ", count: max(0, 40 - usage.count)) + ": " + help
    }

    /// The least that a client must be.
    var level: AccessLevel {
        switch self {
        case .disableAgent, .disableFrontend, .disableHealth, .disableServer, .enableAgent, .enableFrontend,
            .enableHealth, .enableServer, .pause, .reload, .resume, .setMaxconnFrontend, .setMaxconnGlobal,
            .setMaxconnServer, .setRateLimit, .setServer, .setWeight, .shutdownFrontend, .shutdownSession,
            .shutdownSessionsServer, .switchover:
            .admin
        case .clearCounters, .lowerToOperator, .showErrors, .showHolds, .showSess, .showSessions, .showThreads,
            .showUnknown:
            .operator
        case .getWeight, .setSeverityOutput, .setTimeout, .showACL, .showActivity, .showBackend, .showCache,
            .showCLILevel,
            .showCLISockets, .showMap, .showPeers, .showResolvers, .showSchema,
            .showCluster, .showCounters, .showFailovers, .showInfo, .showLedger, .showNodes, .showOutages, .showPools,
            .showProcess,
            .showServersConn, .showServersState, .showStat, .showSwitchover, .showTable, .showVersion, .lowerToUser,
            .help, .prompt,
            .quit:
            .user
        }
    }
}
