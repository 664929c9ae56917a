/// A step of rebuilding a session, see ``SessionJournal/restoration(of:onto:isAutocommit:piecewise:)``.
public enum RestorationStep: Sendable, Hashable {
    /// A text to be run, and what is lost where the server refuses it.
    case text([UInt8], RestorationPart)
    /// Texts that bring a context about. Where one is refused, what is prepared under this context fails, and no more.
    case context([[UInt8]])
    /// PREPARE … FROM, under the context of the step before. Where it is refused, or that was, the name is gone.
    case preparedName([UInt8], text: [UInt8])
    /// All other statements that were prepared under this context.
    case statements(PreparationContext)
    /// Those prepared under this one can't be prepared any more.
    case lostStatements(PreparationContext)

    /// What is said to the server in it, as texts.
    public var texts: [[UInt8]] {
        switch self {
        case .text(let text, _), .preparedName(_, let text): [text]
        case .context(let texts): texts
        case .statements, .lostStatements: []
        }
    }
}
