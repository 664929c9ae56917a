/// The page at `/`: one text, nothing from outside.
enum DashboardPage {
    static func answer() -> HTTPAnswer {
        var generator = SystemRandomNumberGenerator()
        let nonce = String(generator.next(), radix: 16) + String(generator.next(), radix: 16)
        var answer = HTTPAnswer.ok(html(nonce: nonce), contentType: "text/html; charset=utf-8")
        // Nothing from outside, and nothing inside that is not this page's own.
        let policy =
            "default-src 'none'; style-src 'nonce-\(nonce)'; script-src 'nonce-\(nonce)'; connect-src 'self'; "
            + "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        answer.headers = [HTTPAnswer.Header(name: "Content-Security-Policy", value: policy)]
        return answer
    }

    static func html(nonce: String) -> String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>HAProxyDB</title>
        <link rel="icon" href="data:,">
        <style nonce="\(nonce)">
        \(DashboardStyle.text)
        </style>
        </head>
        <body>
        \(body)
        <script nonce="\(nonce)">
        \(DashboardScript.text)
        </script>
        </body>
        </html>

        """
    }

    private static let body = """
        <header>
          <h1>HAProxyDB</h1>
          <span id="host" class="muted"></span>
          <span id="link" class="muted" role="status">connecting …</span>
        </header>
        <main>
          <section id="state" class="card state" aria-live="polite">
            <strong id="headline">…</strong>
            <span id="detail" class="muted"></span>
          </section>
          <section class="tiles" aria-label="Now">
            <div class="card tile"><span class="muted">Sessions</span><b id="t-users">–</b>
              <small id="t-users-more" class="muted"></small></div>
            <div class="card tile"><span class="muted">Statements per second</span><b id="t-rate">–</b>
              <small id="t-rate-more" class="muted"></small></div>
            <div class="card tile"><span class="muted">Latency, 99 %</span><b id="t-p99">–</b>
              <small id="t-p99-more" class="muted"></small></div>
            <div class="card tile"><span class="muted">Held now</span><b id="t-held">–</b>
              <small id="t-held-more" class="muted"></small></div>
            <div class="card tile"><span class="muted">Availability</span><b id="t-avail">–</b>
              <small id="t-avail-more" class="muted"></small></div>
          </section>
          <section id="nodes" class="nodes" aria-label="Nodes"></section>
          <div class="bar">
            <h2>The last <span id="range-name">hour</span></h2>
            <div class="ranges" role="group" aria-label="Time shown">
              <button type="button" data-range="300">5 min</button>
              <button type="button" data-range="900">15 min</button>
              <button type="button" data-range="3600" aria-pressed="true">1 h</button>
            </div>
          </div>
          <figure class="card" id="c-avail"></figure>
          <figure class="card" id="c-rate"></figure>
          <figure class="card" id="c-latency"></figure>
          <figure class="card" id="c-held"></figure>
          <section class="card">
            <h2>Outages</h2>
            <p id="no-outages" class="muted">None since the start.</p>
            <div class="scroll"><table id="outages" hidden>
              <thead><tr><th>Began</th><th>Length</th><th>From, to</th><th>Why</th><th>Felt by</th></tr></thead>
              <tbody></tbody>
            </table></div>
          </section>
          <details class="card" id="sessions">
            <summary>Sessions</summary>
            <p id="sessions-note" class="muted"></p>
            <div class="scroll"><table>
              <thead><tr><th>Id</th><th>User</th><th>Client</th><th>Database</th><th>State</th><th>Node</th>
                <th class="n">Age</th><th class="n">Statements</th><th class="n">Moves</th>
                <th>A failover keeps</th><th>… and loses</th></tr></thead>
              <tbody></tbody>
            </table></div>
          </details>
        </main>
        <noscript><p class="card">This page needs JavaScript; /metrics and /api/view do not.</p></noscript>
        """
}
