/// The page's style sheet.
enum DashboardStyle {
    static let text = """
        :root {
          color-scheme: light dark;
          --ground: #f4f6f8; --card: #fff; --text: #1a1f26; --muted: #59636f; --line: #d8dee5;
          --accent: #2460c4; --second: #8a5a00; --good: #17794a; --warn: #9a5200; --bad: #c02626;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #0f1418; --card: #181e24; --text: #e7ebef; --muted: #9aa5b1; --line: #2d363f;
            --accent: #74aaff; --second: #e0b050; --good: #4cc38a; --warn: #efb354; --bad: #ff7a70;
          }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--ground); color: var(--text);
          font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
        header, main { max-width: 1200px; margin: 0 auto; padding: 0 16px; }
        header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 12px; padding-top: 14px; }
        h1 { font-size: 20px; margin: 0; }
        h2 { font-size: 16px; margin: 0; }
        #link { margin-left: auto; }
        #link.lost { color: var(--bad); }
        .muted { color: var(--muted); }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px;
          margin: 12px 0; }
        .state { display: flex; flex-wrap: wrap; gap: 2px 12px; align-items: baseline;
          border-left: 6px solid var(--muted); }
        .state strong { font-size: 18px; }
        .state.good { border-left-color: var(--good); }
        .state.warn { border-left-color: var(--warn); }
        .state.bad { border-left-color: var(--bad); }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px; }
        .nodes { display: grid; grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); gap: 12px;
          margin-top: 12px; }
        .tiles .card, .nodes .card { margin: 0; }
        .tile b { display: block; font-size: 26px; font-weight: 600; line-height: 1.25;
          font-variant-numeric: tabular-nums; }
        .tile small { display: block; min-height: 1.4em; font-size: 13px; }
        .node { border-top: 4px solid var(--muted); overflow-wrap: anywhere; }
        .node.good { border-top-color: var(--good); }
        .node.warn { border-top-color: var(--warn); }
        .node.bad { border-top-color: var(--bad); }
        .node h3 { margin: 0; font-size: 16px; display: flex; justify-content: space-between; gap: 8px; }
        .node p { margin: 2px 0 0; }
        .badge { font-size: 13px; font-weight: 600; }
        .badge.good { color: var(--good); }
        .badge.warn { color: var(--warn); }
        .badge.bad { color: var(--bad); }
        .bar { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: 8px;
          margin-top: 20px; }
        .ranges { display: flex; gap: 6px; }
        button { font: inherit; font-size: 14px; color: var(--text); background: var(--card);
          border: 1px solid var(--line); border-radius: 6px; padding: 4px 10px; cursor: pointer; }
        button[aria-pressed="true"] { border-color: var(--accent); color: var(--accent); font-weight: 600; }
        figure figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 2px 12px; }
        figure figcaption b { font-size: 15px; }
        figure .readout { font-variant-numeric: tabular-nums; font-size: 13px; min-height: 1.4em; }
        figure svg { display: block; width: 100%; height: 130px; margin-top: 6px; touch-action: pan-y; }
        svg text { fill: var(--muted); font-size: 11px; }
        .grid { stroke: var(--line); stroke-width: 1; fill: none; }
        .cursor { stroke: var(--muted); stroke-width: 1; }
        .served { fill: var(--good); opacity: .22; }
        .lost { fill: var(--bad); }
        .without { fill: var(--warn); }
        .area { fill: var(--accent); opacity: .18; }
        .line { stroke: var(--accent); stroke-width: 1.5; fill: none; stroke-linejoin: round; }
        .line.second { stroke: var(--second); stroke-dasharray: 5 3; }
        .legend { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 13px; margin-top: 4px; }
        .legend i { display: inline-block; width: 14px; height: 10px; margin-right: 5px; border-radius: 2px; }
        .legend .k-served { background: var(--good); opacity: .4; }
        .legend .k-lost { background: var(--bad); }
        .legend .k-without { background: var(--warn); height: 4px; vertical-align: 2px; }
        .legend .k-line { background: var(--accent); height: 3px; vertical-align: 3px; }
        .legend .k-second { background: var(--second); height: 3px; vertical-align: 3px; }
        table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
        th { text-align: left; color: var(--muted); font-weight: 600; }
        th, td { padding: 4px 10px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
        .n { text-align: right; }
        tr.now td { color: var(--bad); font-weight: 600; }
        .scroll { overflow-x: auto; }
        summary { font-weight: 600; cursor: pointer; }
        @media (max-width: 520px) {
          header, main { padding-left: 10px; padding-right: 10px; }
          #link { margin-left: 0; width: 100%; }
          .tiles { grid-template-columns: repeat(2, 1fr); gap: 8px; }
          .tile b { font-size: 22px; }
          .card { padding: 10px; }
          th, td { padding-right: 6px; }
          table { font-size: 13px; }
        }
        """
}
