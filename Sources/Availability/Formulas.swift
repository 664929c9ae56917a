import Cluster

/// The seed study's formulas, by their names.
public enum Formulas {
    /// PUM, potential user minutes: the users present, times the minutes of agreed service.
    /// UOM, user outage minutes: the users affected, times the minutes that they were.
    ///
    /// (PUM − UOM) / PUM, in percent; nil where nobody was there.
    public static func userAvailability(pum: Double, uom: Double) -> Double? {
        pum > 0 ? max(0, (pum - uom) / pum * 100) : nil
    }

    /// AST, agreed service time; DT, downtime in it, in the same unit.
    ///
    /// (AST − DT) / AST, in percent; nil where no service was agreed.
    public static func timeAvailability(ast: Double, dt: Double) -> Double? {
        ast > 0 ? max(0, (ast - dt) / ast * 100) : nil
    }

    /// The downtime that an objective allows in that time; what is left of it after `dt` (negative when overdrawn).
    public static func errorBudget(objective percent: Double, ast: Double, dt: Double) -> (
        allowed: Double, left: Double
    ) {
        let allowed = ast * (100 - percent) / 100
        return (allowed, allowed - dt)
    }
}
