/// The page's script. Whatever comes from outside gets into the page as text, never as markup.
enum DashboardScript {
    static let text = #"""
        'use strict';
        (() => {
          const HOUR = 3600;
          // A second's row, as /events sends it.
          const T = 0, USERS = 1, AFFECTED = 2, BEGUN = 3, ANSWERED = 4, FAILED = 5, HELD = 6, FLYING = 7,
            PRIMARY = 8, P50 = 9, P99 = 10;
          let seconds = [], view = null, outages = [], outagesAt = 0, range = HOUR;
          const $ = id => document.getElementById(id);
          const token = new URLSearchParams(location.search).get('token');
          const url = path => path + (token === null ? '' : '?token=' + encodeURIComponent(token));

          const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };
          const element = (name, className, text) => {
            const made = document.createElement(name);
            if (className) made.className = className;
            if (text !== undefined) made.textContent = text;
            return made;
          };
          const shape = (name, attributes, text) => {
            const made = document.createElementNS('http://www.w3.org/2000/svg', name);
            for (const key in attributes) made.setAttribute(key, attributes[key]);
            if (text !== undefined) made.textContent = text;
            return made;
          };
          const two = n => String(n).padStart(2, '0');
          const span = ms => {
            if (ms < 1000) return Math.round(ms) + ' ms';
            if (ms < 60000) return (ms / 1000).toFixed(1) + ' s';
            const s = Math.floor(ms / 1000);
            if (s < 3600) return Math.floor(s / 60) + ' min ' + two(s % 60) + ' s';
            if (s < 86400) return Math.floor(s / 3600) + ' h ' + two(Math.floor(s / 60) % 60) + ' min';
            return Math.floor(s / 86400) + ' d ' + Math.floor(s / 3600) % 24 + ' h';
          };
          const latency = us => us === null ? '–'
            : us < 1000 ? us + ' µs' : us < 10000 ? (us / 1000).toFixed(1) + ' ms' : span(us / 1000);
          const number = n => n >= 1e6 ? (n / 1e6).toFixed(1) + ' M' : n >= 1e4 ? (n / 1e3).toFixed(1) + ' k'
            : String(Math.round(n * 10) / 10);
          const clock = s => {
            const d = new Date(s * 1000);
            return two(d.getHours()) + ':' + two(d.getMinutes()) + ':' + two(d.getSeconds());
          };
          // Never 100 where something was missing.
          const percent = share => share >= 1 ? '100 %'
            : Math.min(99.9999, share * 100).toFixed(share > .9999 ? 4 : share > .99 ? 3 : 1) + ' %';
          const availability = row => {
            const asked = Math.max(row[USERS], row[AFFECTED]);
            return asked > 0 ? (asked - row[AFFECTED]) / asked : row[PRIMARY] ? 1 : 0;
          };

          // MARK: state, tiles, nodes

          const why = {
            starting: 'nothing has been observed yet', primaryLost: 'no node answers as a writable server',
            recovering: 'a server answers, but still recovers', primaryReadOnly: 'all servers are read-only',
            twoPrimaries: 'more than one node is writable', checkAccountRefused: 'the check\'s account is refused',
            administrative: 'the primary is in maintenance or drain',
            notPromoted: 'the cluster has promoted no node that answers', noQuorum: 'a side of the cluster has no quorum',
            standbyOutdated: 'the standby\'s data is old', diskNotUpToDate: 'the standby\'s disk is not up to date',
            maintenance: 'the cluster is in maintenance', agentSilent: 'an agent is not heard',
            splitBrain: 'two replicas went their own way',
            initConnectFails: 'init_connect fails for the check\'s account', hostBlocked: 'a server blocks this host',
            checkAccountLimited: 'the check\'s account is at its limit',
            passwordAsked: 'a node asks for the check\'s password',
            nodeIsProxy: 'a node\'s address leads to a HAProxyDB',
            serverFull: 'a server has no seat left (max_connections)',
            strayServer: 'a writable server runs that is not the cluster\'s',
            nameUnresolved: 'a node\'s name can\'t be resolved',
            primarySilent: 'the primary answers no check, and what is sent to it waits',
          };
          const showState = () => {
            const state = $('state');
            let kind = 'good', headline = '', detail = '';
            if (view.primary === null) {
              kind = 'bad';
              headline = 'No primary';
              detail = (why[view.diagnosis] || view.diagnosis || 'unknown') + '; phase ' + view.phase
                + '; since ' + span(view.since_ms);
            } else {
              headline = 'Primary is ' + view.primary;
              detail = 'generation ' + view.generation + ', for ' + span(view.since_ms);
            }
            for (const caution of view.cautions) {
              if (caution === view.diagnosis) continue;
              kind = kind === 'bad' ? 'bad' : 'warn';
              detail += '; ' + (why[caution] || caution);
              if (caution === 'strayServer') {
                detail += ': ' + view.nodes.filter(node => node.stray).map(node => node.name).join(', ');
              }
            }
            if (view.paused) {
              kind = kind === 'bad' ? 'bad' : 'warn';
              detail += '; paused by an administrator';
            }
            if (view.stopping) { kind = 'warn'; detail += '; stopping'; }
            state.className = 'card state ' + kind;
            put($('headline'), headline);
            put($('detail'), detail);
            put($('host'), view.hostname + ', version ' + view.version + ', up ' + span(view.uptime_ms));
            document.title = headline + ' – HAProxyDB';
          };
          const showNodes = () => {
            $('nodes').replaceChildren(...view.nodes.map(node => {
              const isPrimary = node.name === view.primary;
              const set = node.administrative !== 'ready';
              // On a standby the server does not even run: while there is a primary, that is as it should be.
              const isCalm = node.health === 'up' || view.primary !== null;
              const kind = set ? 'warn' : isPrimary ? 'good' : isCalm ? '' : node.health === 'down' ? 'bad' : 'warn';
              const card = element('article', 'card node ' + kind);
              const title = element('h3', '', node.name);
              const word = isPrimary ? 'primary' : node.role === 'unknown' ? node.health
                : node.role + ', ' + node.health;
              title.append(element('span', 'badge ' + kind, set ? word + ', ' + node.administrative : word));
              card.append(title, element('p', 'muted', node.address + ', for ' + span(node.since_ms)),
                element('p', '', node.last_check || ''));
              return card;
            }));
          };
          const showTiles = () => {
            const now = seconds[seconds.length - 1];
            put($('t-users'), String(view ? view.sessions : now ? now[USERS] : 0));
            if (view) {
              put($('t-users-more'), view.sessions_in_transaction + ' in a transaction, at most '
                + view.sessions_max);
              put($('t-held'), String(view.sessions_held));
            }
            if (!now) return;
            put($('t-rate'), number(now[ANSWERED]));
            put($('t-rate-more'), now[FAILED] + ' failed');
            put($('t-p99'), latency(now[P99]));
            put($('t-p99-more'), 'half within ' + latency(now[P50]));
            put($('t-held-more'), now[AFFECTED] + ' users affected');
            let asked = 0, served = 0;
            for (const row of seconds) {
              const weight = Math.max(row[USERS], row[AFFECTED], 1);
              asked += weight;
              served += weight * availability(row);
            }
            put($('t-avail'), percent(served / asked));
            put($('t-avail-more'), 'of the last ' + span(1000 * seconds.length));
          };

          // MARK: charts

          const LEFT = 46, RIGHT = 8, TOP = 8, BOTTOM = 20, HEIGHT = 130;
          class Chart {
            constructor(id, title, legend, draw, read) {
              this.figure = $(id);
              this.draw = draw;
              this.read = read;
              const caption = element('figcaption');
              caption.append(element('b', '', title));
              this.readout = element('span', 'readout muted');
              caption.append(this.readout);
              this.svg = shape('svg', { role: 'img', 'aria-label': title });
              const keys = element('div', 'legend muted');
              for (const [key, name] of legend) {
                const item = element('span');
                item.append(element('i', key), name);
                keys.append(item);
              }
              this.figure.append(caption, this.svg, keys);
              this.at = null;
              this.svg.addEventListener('pointermove', event => {
                this.at = event.clientX - this.svg.getBoundingClientRect().left;
                this.show();
              });
              this.svg.addEventListener('pointerleave', () => { this.at = null; this.show(); });
            }

            show() {
              const width = Math.max(200, this.svg.clientWidth);
              this.width = width;
              this.svg.setAttribute('viewBox', '0 0 ' + width + ' ' + HEIGHT);
              this.svg.replaceChildren();
              if (!seconds.length) return;
              this.end = seconds[seconds.length - 1][T];
              const count = Math.max(1, Math.min(range, Math.floor(width - LEFT - RIGHT)));
              this.step = range / count;
              this.columnWidth = (width - LEFT - RIGHT) / count;
              // The seconds of every column; an empty one is a gap.
              const columns = Array.from({ length: count }, () => []);
              for (const row of seconds) {
                const index = count - 1 - Math.floor((this.end - row[T]) / this.step);
                if (index >= 0 && index < count) columns[index].push(row);
              }
              this.timeAxis();
              this.draw(this, columns);
              let rows = [seconds[seconds.length - 1]];
              if (this.at !== null) {
                const index = Math.floor((this.at - LEFT) / this.columnWidth);
                rows = columns[index] || [];
                if (index >= 0 && index < count) {
                  const x = this.x(index + .5);
                  this.add('line', { class: 'cursor', x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM });
                }
              }
              put(this.readout, rows.length ? clock(rows[0][T]) + '  ' + this.read(rows) : 'nothing recorded');
            }

            add(name, attributes, text) { this.svg.append(shape(name, attributes, text)); }
            x(column) { return LEFT + column * this.columnWidth; }
            y(share) { return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM); }

            timeAxis() {
              const tick = range > 900 ? (this.width < 600 ? 1200 : 600) : range > 300 ? (this.width < 600 ? 300 : 180)
                : (this.width < 600 ? 120 : 60);
              for (let t = Math.floor(this.end / tick) * tick; t > this.end - range; t -= tick) {
                const x = LEFT + (1 - (this.end - t) / range) * (this.width - LEFT - RIGHT);
                if (x < LEFT + 16 || x > this.width - 20) continue;
                this.add('line', { class: 'grid', x1: x, x2: x, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 4 });
                this.add('text', { x, y: HEIGHT - 5, 'text-anchor': 'middle' }, clock(t).slice(0, 5));
              }
            }

            level(share, label) {
              const y = this.y(share);
              this.add('line', { class: 'grid', x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y });
              this.add('text', { x: LEFT - 6, y: y + 4, 'text-anchor': 'end' }, label);
            }

            // Bars from `low` to `high` (shares), wherever they are given.
            bars(className, columns, of) {
              let d = '';
              columns.forEach((rows, i) => {
                const bar = rows.length ? of(rows) : null;
                if (!bar || bar[1] <= bar[0]) return;
                d += 'M' + this.x(i).toFixed(2) + ' ' + this.y(bar[0]).toFixed(1) + 'V' + this.y(bar[1]).toFixed(1)
                  + 'H' + this.x(i + 1).toFixed(2) + 'V' + this.y(bar[0]).toFixed(1) + 'Z';
              });
              this.add('path', { class: className, d });
            }

            // A line through the shares that are there; it breaks at gaps.
            line(className, columns, of, area) {
              let d = '', filled = '', first = null, last = null;
              const close = () => {
                if (first !== null) filled += 'V' + this.y(0) + 'H' + first + 'Z';
                first = null;
              };
              columns.forEach((rows, i) => {
                const share = rows.length ? of(rows) : null;
                if (share === null) {
                  close();
                  last = null;
                  return;
                }
                const point = this.x(i + .5).toFixed(2) + ' ' + this.y(share).toFixed(1);
                d += (last === null ? 'M' : 'L') + point;
                if (first === null) {
                  first = this.x(i + .5).toFixed(2);
                  filled += 'M' + first + ' ' + this.y(0) + 'L' + point;
                } else {
                  filled += 'L' + point;
                }
                last = i;
              });
              close();
              if (area) this.add('path', { class: 'area', d: filled });
              this.add('path', { class: className, d });
            }
          }

          const most = (rows, field) => rows.reduce((m, row) => Math.max(m, row[field] || 0), 0);
          const mean = (rows, field) => rows.reduce((m, row) => m + row[field], 0) / rows.length;
          const least = rows => rows.reduce((m, row) => Math.min(m, availability(row)), 1);
          // The next of 1, 2, 5, 10, 20, …
          const ceiling = n => {
            if (n <= 1) return 1;
            const power = 10 ** Math.floor(Math.log10(n));
            return [1, 2, 5, 10].map(f => f * power).find(top => top >= n);
          };
          const topOf = (columns, value) =>
            ceiling(columns.reduce((m, rows) => rows.length ? Math.max(m, value(rows)) : m, 0));

          const charts = [
            new Chart('c-avail', 'Availability by second', [
              ['k-served', 'users served'], ['k-lost', 'users with a failed or waiting statement'],
              ['k-without', 'no primary'],
            ], (chart, columns) => {
              for (const share of [0, .5, 1]) chart.level(share, 100 * share + ' %');
              chart.bars('served', columns, rows => [0, least(rows)]);
              chart.bars('lost', columns, rows => [least(rows), 1]);
              chart.bars('without', columns, rows => rows.some(row => !row[PRIMARY]) ? [0, .05] : null);
            }, rows => percent(least(rows)) + ', ' + most(rows, AFFECTED) + ' of ' + most(rows, USERS)
              + ' users affected'),
            new Chart('c-rate', 'Statements per second', [['k-line', 'answered'], ['k-lost', 'failed']],
              (chart, columns) => {
                const top = topOf(columns, rows => Math.max(mean(rows, ANSWERED), mean(rows, FAILED)));
                for (const share of [0, .5, 1]) chart.level(share, number(top * share));
                chart.line('line', columns, rows => mean(rows, ANSWERED) / top, true);
                chart.bars('lost', columns, rows => [0, Math.min(1, mean(rows, FAILED) / top)]);
              }, rows => number(mean(rows, ANSWERED)) + ' answered, ' + number(mean(rows, FAILED)) + ' failed'),
            new Chart('c-latency', 'Latency of answered statements (logarithmic)',
              [['k-line', '99 % within'], ['k-second', 'half within']], (chart, columns) => {
                let high = 1;
                for (const rows of columns) if (rows.length) high = Math.max(high, most(rows, P99));
                const low = 1, top = Math.max(3, Math.ceil(Math.log10(high)));
                const share = us => us === 0 ? null
                  : Math.max(0, Math.min(1, (Math.log10(us) - low) / (top - low)));
                for (let power = low; power <= top; power++) chart.level((power - low) / (top - low), power < 3
                  ? 10 ** power + ' µs' : power < 6 ? 10 ** (power - 3) + ' ms' : 10 ** (power - 6) + ' s');
                chart.line('line', columns, rows => share(most(rows, P99)), true);
                chart.line('line second', columns, rows => share(most(rows, P50)), false);
              }, rows => latency(most(rows, P99) || null) + ' for 99 %, ' + latency(most(rows, P50) || null)
                + ' for half'),
            new Chart('c-held', 'Statements and logins that wait for a primary', [['k-line', 'held']],
              (chart, columns) => {
                const top = topOf(columns, rows => most(rows, HELD));
                for (const share of [0, 1]) chart.level(share, number(top * share));
                chart.line('line', columns, rows => most(rows, HELD) / top, true);
              }, rows => most(rows, HELD) + ' held'),
          ];

          // MARK: outages and sessions

          const showOutages = () => {
            $('no-outages').hidden = outages.length > 0;
            $('outages').hidden = outages.length === 0;
            const rows = outages.slice().reverse().map(outage => {
              const row = element('tr', outage.under_way ? 'now' : '');
              const d = new Date(outage.began);
              const day = d.getFullYear() + '-' + two(d.getMonth() + 1) + '-' + two(d.getDate());
              const ms = outage.length_ms + (outage.under_way ? performance.now() - outagesAt : 0);
              const where = (outage.from || '?') + ' → ' + (outage.to || '…')
                + (outage.gained === null ? '' : ' (generation ' + outage.gained + ')');
              const cause = outage.diagnosis === null ? outage.kind : why[outage.diagnosis] || outage.diagnosis;
              const phases = outage.phases.map(p => p.phase + ' ' + span(p.length_ms)).join(', ');
              const reason = element('td', '', (outage.planned ? 'planned: ' : '') + cause);
              if (phases) reason.append(element('div', 'muted', phases));
              const users = element('td', '', outage.felt ? outage.users_affected + ' users' : 'nobody');
              if (outage.felt) {
                users.append(element('div', 'muted', outage.user_minutes_lost.toFixed(2) + ' user minutes lost'));
              }
              row.append(
                element('td', '', day + ' ' + clock(outage.began / 1000)),
                element('td', '', outage.under_way ? span(ms) + ' so far' : span(ms)),
                element('td', '', where), reason, users);
              return row;
            });
            $('outages').tBodies[0].replaceChildren(...rows);
          };
          let isAsking = false;
          const showSessions = async () => {
            const details = $('sessions');
            if (!details.open || isAsking) return;
            isAsking = true;
            try {
              const answer = await fetch(url('api/sessions'));
              if (!answer.ok) throw new Error('status ' + answer.status);
              const list = await answer.json();
              put($('sessions-note'), list.count + ' sessions'
                + (list.hidden ? '; who they are is shown where the configuration has an http_token'
                  : list.truncated ? ', the first ' + list.sessions.length + ' of them shown' : ''));
              details.querySelector('tbody').replaceChildren(...list.sessions.map(s => {
                const row = element('tr');
                for (const text of [s.id, s.user, s.client, s.database, s.state, s.node]) {
                  row.append(element('td', '', String(text)));
                }
                for (const text of [span(s.age_ms), s.statements, s.moves]) {
                  row.append(element('td', 'n', String(text)));
                }
                row.append(
                  element('td', 'muted', s.keeps.join(', ')),
                  element('td', s.loses.length ? 'pinned' : 'muted', s.loses.join(', ') || 'nothing'));
                return row;
              }));
            } catch (error) {
              put($('sessions-note'), 'The list can\'t be had now (' + error.message + ').');
            } finally {
              isAsking = false;
            }
          };
          $('sessions').addEventListener('toggle', showSessions);
          setInterval(showSessions, 3000);

          // MARK: events

          const show = () => {
            showTiles();
            for (const chart of charts) chart.show();
          };
          for (const button of document.querySelectorAll('[data-range]')) {
            button.addEventListener('click', () => {
              range = Number(button.dataset.range);
              for (const other of document.querySelectorAll('[data-range]')) {
                other.setAttribute('aria-pressed', String(other === button));
              }
              put($('range-name'), range === HOUR ? 'hour' : range / 60 + ' minutes');
              show();
            });
          }
          window.addEventListener('resize', () => show());

          const link = (text, isLost) => {
            put($('link'), text);
            $('link').className = isLost ? 'muted lost' : 'muted';
          };
          let heardAt = 0;
          const connect = () => {
            const events = new EventSource(url('events'));
            const on = (name, take) => events.addEventListener(name, event => {
              heardAt = performance.now();
              link('live', false);
              take(JSON.parse(event.data));
            });
            on('history', rows => { seconds = rows; show(); });
            on('second', row => {
              seconds.push(row);
              if (seconds.length > HOUR) seconds.splice(0, seconds.length - HOUR);
              show();
              showOutages();
            });
            on('view', value => { view = value; showState(); showNodes(); showTiles(); });
            on('outages', list => { outages = list; outagesAt = performance.now(); showOutages(); });
            events.addEventListener('error', () => {
              link('no connection to the proxy, trying again …', true);
              // Refused for good (a wrong token, too many streams): ask again later.
              if (events.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
            });
          };
          setInterval(() => {
            if (heardAt && performance.now() - heardAt > 5000) link('nothing heard for 5 s …', true);
          }, 1000);
          connect();
        })();
        """#
}
