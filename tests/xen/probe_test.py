#!/usr/bin/python3
"""How the dumps of the probe are compared."""
import pathlib
import sys
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "images")]

import probe


class ProbesDumps(unittest.TestCase):
    """What xl's and pvboot's probe print, line by line. (Machine and numbers are those of a real start, shortened.)"""
    BY_XL = """shape linux entry 0xffffffff81000000
table l3 0x8000000000 pfn 0x1451
table l2 0x8000000000 pfn 0x1452
flags l1 0x10000000000025 x 13
start.module 0x1400
start.module-length 200704
content.padding-behind pages 793 not blank 0 the last at the end - 0
store.indices 0 0 0 0
console.indices 0 0 0 0
console.typed 0
port 1 interdomain vcpu 0
port 2 interdomain vcpu 0
grants.frames 1
grant 0 flags 0x19 to 0 pfn 0x10d8
content.free-memory pages 11180 not blank 0 like page tables 0
memory current 16384 at most 16640
xenstore backend/vbd/51712/feature-max-indirect-segments "256"
xenstore backend/vbd/51712/params
xenstore data ""
xenstore device/vbd/51712/state "1"
""".splitlines()
    CHANGED = {
        "start.module-length": "200003", "content.padding-behind": "pages 793 not blank 1 the last at the end - 1",
        "store.indices": "822 822 1530 1530", "console.indices": "0 0 812 1404", "grants.frames": "16",
        "content.free-memory": "pages 11180 not blank 23 like page tables 23"}
    ADDED = """xenstore backend/vbd/51712/info "0"
xenstore backend/vbd/51712/sector-size "512"
xenstore backend/vbd/51712/sectors "32768"
xenstore data/pvboot ""
xenstore data/pvboot/entry "Probe"
xenstore data/pvboot/state "handed-over"
xenstore data/pvboot/version "pvboot 0.1.0"
""".splitlines()

    def setUp(self):
        self.expected = probe.expected_for("linux")
        facts = [line.split(" ", 1) for line in self.BY_XL if not line.startswith("xenstore ")]
        self.by_pvboot = [f"{key} {self.CHANGED.get(key, value)}" for key, value in facts]
        self.by_pvboot += sorted([line for line in self.BY_XL if line.startswith("xenstore ")] + self.ADDED)

    def wrong(self, by_pvboot, by_xl=None, expected=None):
        return probe.unforeseen(by_xl or self.BY_XL, by_pvboot, self.expected if expected is None else expected)[0]

    def test_the_expected_differences_are_no_fault_and_all_come(self):
        self.assertEqual(len(self.expected), len(probe.DIFFERENCES))
        self.assertEqual(probe.unforeseen(self.BY_XL, self.by_pvboot, self.expected), ([], []))

    def test_what_nobody_expects_to_differ_is_a_fault(self):
        self.assertEqual(len(self.wrong(self.by_pvboot, expected=[])), 2 * len(self.CHANGED) + len(self.ADDED))
        # Where a module is mapped, its length is exact with xl as well.
        wrong = self.wrong(self.by_pvboot, expected=probe.expected_for("minios"))
        self.assertEqual(wrong, ["start.module-length 200704 (xl alone)", "start.module-length 200003 (pvboot alone)"])

    def test_each_line_has_to_be_there_as_often_and_where_it_is_in_xls_dump(self):
        for at, line in enumerate(self.by_pvboot):
            if line in self.ADDED:
                continue
            with self.subTest(line):
                rest = self.by_pvboot[:at] + self.by_pvboot[at + 1:]
                self.assertEqual(len(self.wrong(rest)), 1, "missing")
                self.assertEqual(self.wrong([*self.by_pvboot, line]), [f"{line} (pvboot alone)"], "twice")
                place = 0 if at else 2
                elsewhere = [*rest[:place], line, *rest[place:]]
                self.assertIn(f"{line} (pvboot alone)", self.wrong(elsewhere), "elsewhere")
        swapped = self.by_pvboot.copy()
        first = swapped.index("port 1 interdomain vcpu 0")
        swapped[first], swapped[first + 1] = swapped[first + 1], swapped[first]
        self.assertEqual(len(self.wrong(swapped)), 2)

    def test_a_fact_that_is_changed_otherwise_is_a_fault(self):
        for key, value in (("start.module-length", "200002"), ("grants.frames", "17"), ("start.module", "0x1401"),
                           ("content.padding-behind", "pages 793 not blank 2 the last at the end - 1"),
                           ("store.indices", "822 823 1530 1530"), ("console.indices", "0 1 812 1404"),
                           ("content.free-memory", "pages 11180 not blank 23 like page tables 22")):
            with self.subTest(key):
                changed = [f"{key} {value}" if line.startswith(f"{key} ") else line for line in self.by_pvboot]
                self.assertIn(f"{key} {value}", "\n".join(self.wrong(changed)))

    def test_what_pvboot_adds_has_to_be_there_and_nothing_else(self):
        for line in self.ADDED:
            with self.subTest(line):
                self.assertEqual(len(self.wrong([of for of in self.by_pvboot if of != line])), 1)
                key, value = line.rsplit(' "', 1)
                other = f'{key} "pvboot"' if value == '"' else f'{key} ""'
                wrong = self.wrong([other if of == line else of for of in self.by_pvboot])
                self.assertIn(f"{other} (pvboot alone)", wrong)
        for line in ('xenstore data/pvboot/error "no"', 'xenstore data/other ""',
                     'xenstore backend/vbd/51728/sectors "8"'):
            with self.subTest(line):
                self.assertEqual(self.wrong([*self.by_pvboot, line]), [f"{line} (pvboot alone)"])
        feature = 'xenstore backend/vbd/51712/feature-flush-cache "1"'
        self.assertEqual(self.wrong([*self.by_pvboot, feature]), [])
        self.assertEqual(self.wrong(self.by_pvboot, [*self.BY_XL, feature]), [f"{feature} (xl alone)"])

    def test_a_difference_that_does_not_come_any_more_is_no_fault_but_told(self):
        same = [line for line in self.by_pvboot if not line.startswith("grants.frames ")]
        same.insert(self.BY_XL.index("grants.frames 1"), "grants.frames 1")
        wrong, not_seen = probe.unforeseen(self.BY_XL, same, self.expected)
        self.assertEqual((wrong, [difference.key for difference in not_seen]), ([], ["grants.frames"]))

    def test_lines_that_differ_are_told_from_those_in_another_place(self):
        self.assertEqual(probe.differing(["a", "b", "c", "c"], ["a", "b", "c", "c"]), ([], []))
        self.assertEqual(probe.differing(["a", "b", "c", "c"], ["a", "b", "c"]), (["c"], []))
        gone, new = probe.differing(["a", "b", "c"], ["b", "a", "c"])
        self.assertEqual((gone, new), (new, gone))
        self.assertEqual(len(gone), 1)

    def test_keys_of_xenstore_are_compared_in_the_order_of_their_names(self):
        session = mock.Mock()
        session.must.return_value = """/local/domain/7/vm = "/vm/1"
/local/domain/7/memory/target = "65536"
/local/domain/7/device/vbd/51712/state = "1"
/local/domain/0/backend/vbd/7/51712/sectors = "8"
/local/domain/0/backend/vbd/71/51712/sectors = "9"
"""
        run = mock.Mock(session=session, guest=mock.Mock(states=[(7, "shutdown", 0, 1.0)]))
        self.assertEqual(probe.store(run), ['backend/vbd/51712/sectors "8"', 'device/vbd/51712/state "1"',
                                            'memory/target "65536"', "vm"])


if __name__ == "__main__":
    unittest.main()
