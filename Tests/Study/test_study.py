"""The study's arithmetic on cases that can be counted by hand. Run: python3 -m unittest discover -s Tests/Study"""
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import samples as arithmetic  # noqa: E402
import tables  # noqa: E402
from samples import Sample  # noqa: E402

HONEST = ("1213/40001", "1927/08007")


def ok(user, begun, ended, label="select", seq=None):
    return Sample(user, begun, ended, label, True, "0", int((ended - begun) * 1e6), seq, "")


def bad(user, begun, ended, label="select", code="0/08000", seq=None):
    return Sample(user, begun, ended, label, False, code, int((ended - begun) * 1e6), seq, "gone")


def steady(user, begin, end):
    """A request of 10 ms every half second."""
    return [ok(user, begin + n / 2, begin + n / 2 + 0.01) for n in range(int((end - begin) * 2))]


def waiting():
    """Two users, 60 s; the primary dies at 130. One waits from 130.5 to 134, the other from 131 to 134.5."""
    one = [ok("u 1-1", 99.5, 99.6, "connect")] + steady("u 1-1", 100, 130.5)
    two = [ok("u 1-2", 99.7, 99.8, "connect")] + steady("u 1-2", 100, 131)
    one += [ok("u 1-1", 130.5, 134.0)] + steady("u 1-1", 134.5, 161)
    two += [ok("u 1-2", 131.0, 134.5, "update")] + steady("u 1-2", 135, 161.5)
    return one + two


def failing():
    """The same, but both get errors: one is served again at 134.01, the other never."""
    one = [ok("u 1-1", 99.5, 99.6, "connect")] + steady("u 1-1", 100, 130.5)
    two = [ok("u 1-2", 99.7, 99.8, "connect")] + steady("u 1-2", 100, 131)
    one += [bad("u 1-1", 130.5, 130.6, "update"), bad("u 1-1", 131.1, 131.2, "connect"),
            ok("u 1-1", 133.9, 133.95, "connect"), ok("u 1-1", 134.0, 134.01)] + steady("u 1-1", 134.5, 161)
    two += [bad("u 1-2", 131.0, 131.1, "insert", seq=7)]
    two += [bad("u 1-2", 131.0 + n, 131.1 + n, "connect") for n in range(1, 31)]
    return one + two


class Arithmetic(unittest.TestCase):
    def test_users_who_waited(self):
        found = arithmetic.summary(waiting(), 2, 130.0)
        self.assertEqual(found["window"], [101, 160])
        self.assertAlmostEqual(found["pum"], 2 * 59 / 60)
        self.assertAlmostEqual(found["uom"]["felt"], 7 / 60)
        self.assertAlmostEqual(found["uom"]["delay"], 7 / 60)
        self.assertEqual(found["uom"]["errors"], 0)
        self.assertAlmostEqual(found["dt"], 3.5)
        self.assertEqual((found["users_affected"], found["users_with_errors"], found["users_not_back"]), (2, 0, 0))
        self.assertAlmostEqual(found["availability_by_users"]["felt"], (118 - 7) / 118 * 100)
        self.assertAlmostEqual(found["availability_by_time"], (59 - 3.5) / 59 * 100)
        self.assertEqual(found["errors"], {})
        self.assertAlmostEqual(found["response_at_rest"]["max_ms"], 10, 3)
        self.assertAlmostEqual(found["response"]["max_ms"], 3500, 3)

    def test_users_who_failed(self):
        found = arithmetic.summary(failing(), 2, 130.0)
        # The second one until the end of the window.
        self.assertAlmostEqual(found["uom"]["felt"], (134.01 - 130.5 + found["window"][1] - 131) / 60)
        self.assertEqual(found["uom"]["felt"], found["uom"]["errors"])
        # Away: between the errors and the next try; the second one's 29 times, the last try in the window being at 160.
        away = (131.1 - 130.6) + (133.9 - 131.2) + 29 * 0.9
        self.assertAlmostEqual(found["uom_connected"], found["uom"]["felt"] - away / 60)
        self.assertEqual(found["users_not_back"], 1)
        self.assertAlmostEqual(found["dt"], 134.01 - 130.5)
        self.assertEqual(found["errors"], {"connect 0/08000": 29, "insert 0/08000": 1, "update 0/08000": 1})

    def test_a_slow_answer_is_no_outage(self):
        rows = [ok("u 1-1", 99.5, 99.6, "connect")] + steady("u 1-1", 100, 140) + [ok("u 1-1", 140, 141.0)]
        rows += steady("u 1-1", 141.5, 161)
        self.assertEqual(arithmetic.summary(rows, 1, None)["uom"]["felt"], 0)
        # Service was there all the time: nobody was out when the primary died.
        self.assertEqual(arithmetic.summary(rows + steady("u 1-1", 139.9, 141.6), 1, 120.0)["uom"]["felt"], 0)

    def test_not_all_came(self):
        with self.assertRaises(ValueError):
            arithmetic.summary(waiting(), 3, 130.0)

    def test_quantiles(self):
        values = list(range(1, 101))
        self.assertEqual([arithmetic.quantile(values, share) for share in (0.5, 0.95, 0.99, 1)], [50, 95, 99, 100])
        self.assertEqual(arithmetic.quantile([7], 0.5), 7)
        self.assertIsNone(arithmetic.quantile([], 0.5))

    def test_writes(self):
        rows = [ok("u 1-1", 1, 2, "update"), ok("u 1-1", 2, 3, "transaction"), ok("u 1-1", 3, 4, "insert", 1),
                bad("u 1-1", 4, 5, "update", "1927/08007"), bad("u 1-1", 5, 6, "transaction", "1213/40001"),
                bad("u 1-2", 5, 6, "insert", "1213/40001", 4), bad("u 1-2", 5, 6, "insert", "1927/08007", 5)]
        acknowledged, unknown, inserts = arithmetic.expected_writes(rows)
        self.assertEqual((acknowledged, unknown), (3, 1))
        self.assertEqual(inserts, {"acknowledged": {("1", 1)}, "rolled_back": {("2", 4)}})

    def test_file(self):
        lines = ["timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,bytes",
                 "1000500,12,insert,0,us=11900 seq=3,users 1-2,text,true,0",
                 "1000000,5,select,0,us=4100,users 1-1,text,true,0",
                 '1000900,7,connect,-1/08000,"us=6900 Connection refused, it seems",users 1-2,text,false,0',
                 "1001000,3,select,0,us=31"]
        with tempfile.NamedTemporaryFile("w", suffix=".jtl") as file:
            file.write("\n".join(lines))
            file.flush()
            rows = arithmetic.read(file.name)
        self.assertEqual([row.begun for row in rows], [1000.0, 1000.5, 1000.9])
        self.assertEqual(rows[1], Sample("users 1-2", 1000.5, 1000.512, "insert", True, "0", 11900, 3, ""))
        self.assertEqual((rows[2].is_ok, rows[2].code, rows[2].text), (False, "-1/08000", "Connection refused, it seems"))


def run_of(target, rows, number=1, **more):
    run = {"run": number, "name": "x", "target": target, "fault_kind": "server", "direction": "failover", "load": 0.5,
           "writes": {"wrong": [], "acknowledged_increments": 1, "unknown_increments": 0, "increments": 1,
                      "acknowledged_inserts": 1, "missing": 0, "twice": 0, "rolled_back_and_there": 0},
           **arithmetic.summary(rows, 2, 130.0), **more}
    run["broken"] = tables.broken_promises(run, HONEST)
    return run


def ledger(uom, began=130.5, seconds=3.5):
    outage = {"felt": True, "errors": False, "delay": True, "began_unix_ns": int(began * 1e9), "seconds": seconds,
              "user_minutes_lost": uom, "kind": "failover", "planned": False, "detection_seconds": 0.1,
              "without_primary_seconds": 3.2, "phases": [], "held": 2, "rerun": 0, "failed": 0, "moved": 2, "refused": 0,
              "users_affected": 2}
    report = {"availability_by_users": [{"pum_user_minutes": 2 * 59 / 60, "availability_percent": 94.07}],
              "availability_by_time": [{"view": "felt", "ast_seconds": 59.0, "dt_seconds": seconds,
                                        "availability_percent": 94.07}], "outages": [outage], "totals": {}}
    return tables.ledger_figures(report, 130.0)


class Tables(unittest.TestCase):
    def test_promises(self):
        self.assertEqual(run_of("proxy", waiting(), ledger=ledger(7 / 60))["broken"], [])
        self.assertIn("UOM", run_of("proxy", waiting(), ledger=ledger(8 / 60))["broken"][0])
        self.assertIn("began", run_of("proxy", waiting(), ledger=ledger(7 / 60, began=130.7, seconds=3.3))["broken"][0])
        broken = run_of("proxy", failing())["broken"]
        self.assertEqual(sum("no error that a client should see" in promise for promise in broken), 3)
        self.assertIn("1 users were not served again", broken)
        # The floating address promises nothing.
        self.assertEqual(run_of("floating", failing())["broken"], [])

    def test_texts(self):
        study = {"runs": [run_of("floating", failing()), run_of("proxy", waiting(), 2, ledger=ledger(7 / 60))],
                 "conditions": [{"condition": "server reboot", "direction": "fallback", "floating": 7.5, "proxied": 7.4}]}
        text = tables.text(study)
        for word in ("99.34", "server reboot", "29 × connect 0/08000", "7.4"):
            self.assertIn(word, text)
        self.assertLess(max(map(len, text.splitlines())), 180)
        self.assertNotIn("<script", tables.page(study))
        figures = json.loads(tables.as_json(study))
        self.assertEqual(figures["paper"]["times_by_condition"]["server down"]["failover_seconds"], 52)
        self.assertAlmostEqual(figures["runs"][1]["agreement"]["uom"], 0)

    def test_percentages_are_cut(self):
        self.assertEqual([tables.cut(value) for value in (99.99999, 100.0, 99.91666, 99.5, None)],
                         ["99.9999", "100", "99.9166", "99.5000", "-"])
        run = {"users": 10}
        # Ten users for 5 of 6000 minutes: the paper's first line.
        self.assertEqual(tables.cut(tables.over_100_hours(run, 50)), "99.9166")


if __name__ == "__main__":
    unittest.main()
