"""The harness's arithmetic: quantiles, medians, ratios, verdicts. Run: python3 -m unittest discover -s Benchmarks."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import clients, histogram, report  # noqa: E402
from harness.processes import BenchmarkError, Others  # noqa: E402
from harness.sections import Plan, Row, _interleave  # noqa: E402
from harness.targets import Target  # noqa: E402

# sysbench 1.0.20 with --histogram=on --percentile=99
REPORT = """\
Threads started!

Latency histogram (values are in milliseconds)
       value  ------------- distribution ------------- count
       0.060 |**                                       50
       0.061 |                                         0
       0.062 |**************************************** 45
       1.500 |*                                        4
      20.000 |                                         1
 
SQL statistics:
    queries performed:
        read:                            100
        write:                           0
        other:                           0
        total:                           100
    transactions:                        100    (50.00 per sec.)
    queries:                             100    (50.00 per sec.)
    ignored errors:                      0      (0.00 per sec.)

General statistics:
    total time:                          2.0004s
"""


def row(target, samples, situation=("text", 64)):
    made = Row(target, situation)
    made.samples = samples
    return made


class ReportOfSysbench(unittest.TestCase):
    def test_figures(self):
        self.assertEqual(
            clients.parse(REPORT),
            {"statements": 100, "seconds": 2.0004, "p50": 0.060, "p95": 0.062, "p99": 1.5})

    def test_a_report_without_statements_is_an_error(self):
        with self.assertRaises(BenchmarkError):
            clients.parse(REPORT.replace("queries:                             100", "queries:   0"))
        with self.assertRaises(BenchmarkError):
            clients.parse("FATAL: unable to connect")


class Quantiles(unittest.TestCase):
    def test_the_bucket_that_holds_the_part(self):
        buckets = [(1.0, 1), (2.0, 0), (3.0, 1)]
        self.assertEqual(histogram.quantile(buckets, 0.5), 1.0)
        self.assertEqual(histogram.quantile(buckets, 0.51), 3.0)
        self.assertEqual(histogram.quantile(buckets, 1.0), 3.0)

    def test_nothing_counted(self):
        self.assertIsNone(histogram.quantile([], 0.5))
        self.assertIsNone(histogram.quantile([(1.0, 0)], 0.5))


class Ratios(unittest.TestCase):
    def test_median_of_the_rounds_not_ratio_of_the_medians(self):
        mine = row("haproxydb", [{"rate": 10.0}, {"rate": 40.0}, {"rate": 30.0}])
        theirs = row("haproxy", [{"rate": 10.0}, {"rate": 20.0}, {"rate": 60.0}])
        self.assertEqual(mine.median("rate"), 30.0)
        self.assertEqual(mine.ratio(theirs, "rate"), 1.0)

    def test_a_failed_round_is_left_out_on_both_sides(self):
        mine = row("haproxydb", [{"rate": 10.0}, None, {"rate": 30.0}])
        theirs = row("haproxy", [None, {"rate": 20.0}, {"rate": 60.0}])
        self.assertEqual(mine.ratio(theirs, "rate"), 0.5)

    def test_no_common_round(self):
        self.assertIsNone(row("haproxydb", [None]).ratio(row("haproxy", [{"rate": 1.0}]), "rate"))
        self.assertIsNone(row("direct", [{"cpu": None}]).ratio(row("haproxy", [{"cpu": 1.0}]), "cpu"))


class Idle:
    """A machine that does nothing besides."""

    def reading(self):
        return None

    def share(self, before, after):
        return 0.0


class OtherProcesses(unittest.TestCase):
    def test_share_is_of_all_cores(self):
        others = Others(lambda: [])
        cores = os.cpu_count()
        self.assertEqual(others.share((10.0, 1.0, 100.0), (10.0 + cores, 1.0, 101.0)), 1.0)
        self.assertEqual(others.share((10.0, 1.0, 100.0), (10.0 + cores, 1.0 + cores, 101.0)), 0.0)
        self.assertEqual(others.share((10.0, 1.0, 100.0), (10.0, 1.01, 101.0)), 0.0)

    def test_line(self):
        rows = [row("haproxy", [{"others": 0.1}, None, {"others": 0.5}, {"others": 0.02}])]
        self.assertIn("took 10% of", report.others_line({"bulk": rows}))
        self.assertIn("50% in the worst", report.others_line({"bulk": rows}))


class Rounds(unittest.TestCase):
    def test_the_order_turns_and_a_failure_keeps_its_place(self):
        order = []

        def measure(target):
            order.append(target.name)
            if len(order) == 2:
                raise BenchmarkError("lost")
            return {"rate": float(len(order))}

        targets = [Target(name, 1) for name in ("a", "b", "c")]
        rows = _interleave(range(3), targets, (), measure, Idle(), lambda *_: None)
        self.assertEqual("".join(order), "abcbcacab")
        self.assertEqual([row.target for row in rows], ["a", "b", "c"])
        self.assertEqual(rows[1].samples, [None, {"rate": 4.0, "others": 0.0}, {"rate": 9.0, "others": 0.0}])
        self.assertEqual(rows[1].errors, ["lost"])


class Time(unittest.TestCase):
    def test_rounds_after_the_deadline_are_left_out_but_not_the_first(self):
        plan = Plan(quick=True, repetitions=4)
        self.assertEqual(list(plan.rounds(4)), [0, 1, 2, 3])
        self.assertFalse(plan.cut)
        plan.deadline = 0
        self.assertEqual(list(plan.rounds(4)), [0])
        self.assertTrue(plan.cut)


class Verdicts(unittest.TestCase):
    def judge(self, cpu, rate):
        results = {"statements": [
            row(name, [{"cpu": c, "rate": r}], (protocol, 64)) for protocol in ("text", "prepared")
            for name, c, r in (("haproxy", 10.0, 100.0), ("haproxydb", cpu, rate))]}
        return [verdict.passed for verdict in report.verdicts(results)]

    def test_limits(self):
        self.assertEqual(self.judge(11.0, 95.0), [True] * 4)
        self.assertEqual(self.judge(11.1, 94.9), [False] * 4)

    def test_no_figure_fails(self):
        rows = [row("haproxy", [{"session": 3.0}], ()), row("haproxydb", [None], ())]
        verdict, = report.verdicts({"idle": rows})
        self.assertFalse(verdict.passed)
        self.assertIn("no figure", verdict.line())

    def test_only_what_was_measured_is_judged(self):
        self.assertEqual(report.verdicts({"connects": []}), [])


class Tables(unittest.TestCase):
    def test_cells(self):
        rows = [row("direct", [{"rate": 2000.0, "cpu": None}], ()), row("haproxy", [{"rate": 1000.0, "cpu": 4.0}], ()),
                row("haproxydb", [{"rate": 1500.0, "cpu": 3.0}], ())]
        rows[2].errors = ["lost"]
        lines = report.table("bulk", rows).split("\n")
        self.assertIn("| direct | 2,000 | – | 2.00 | – |", lines)
        self.assertIn("| haproxy | 1,000 | 4 | – | – |", lines)
        self.assertIn("| haproxydb | 1,500 | 3 | 1.50 | 0.75 |", lines)
        self.assertIn("- haproxydb: lost", lines)


if __name__ == "__main__":
    unittest.main()
