#!/usr/bin/python3
"""Tests of what ./bench makes of its measurements, without a guest."""
import pathlib
import sys
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "images"), str(TOP / "tests"), str(TOP / "tests/tools")]

import tiny_kernel
from bench import planted, targets, timing
from rig.machine import RigError

RUN = {"seconds": 5.0, "entered": 30_040_000_000, "timing": [
    "started: 0.1000 s, +0.1000 s",
    "kernel read: 1.5000 s, +1.0000 s; 62.8 MiB decoded in 0.8043 s, 0.0172 s for the disk, 0.0030 s for the layout",
    "kernel loaded: 1.5100 s, +0.0100 s",
    "initrd loaded: 1.7100 s, +0.2000 s",
    "handover prepared: 1.8100 s, +0.1000 s",
    "ready to leave: 1.8200 s, +0.0010 s; at most 13.2 MiB beyond the target's memory (9.2 MiB of it ours)",
    "let go of the files: 1.8300 s, +0.0020 s",
    "disks closed: 2.4300 s, +0.6000 s; 2 disks",
    "leaving: 2.4400 s, +0.0040 s; Xen's clock says 30000000000 ns"]}


class Timing(unittest.TestCase):
    def test_the_handover_leaves_out_reading_and_closing(self):
        self.assertAlmostEqual(timing.handover(RUN), 0.003 + 0.010 + 0.100 + 0.001 + 0.002 + 0.004 + 0.040)

    def test_decoding_waiting_and_closing_are_told_apart(self):
        self.assertEqual((timing.decoding(RUN), timing.waiting(RUN), timing.closing(RUN)), (0.8043, 0.0172, 0.3))
        self.assertEqual(timing.peak_mib(RUN), 13.2)

    def test_a_line_that_is_not_there_is_an_error(self):
        with self.assertRaisesRegex(RigError, "number of closed disks"):
            timing.closing({"timing": RUN["timing"][:3]})


class Targets(unittest.TestCase):
    def of(self, runs):
        return {target.what: target for target in targets.targets(runs, sys.executable)}

    def test_a_case_that_was_not_run_is_missed(self):
        self.assertFalse(any(target.met() for what, target in self.of({}).items() if "ELF" not in what))

    def test_a_decoder_is_held_to_its_library(self):
        def xz(library_seconds):
            runs = {"decoder, xz": [{"decoding": [0.8, 0.9]}], "library, xz": [{"decoding": [library_seconds] * 3}]}
            return self.of(runs)["XZ, time to decode against the library's"]
        self.assertTrue(xz(0.78).met())
        self.assertFalse(xz(0.76).met())

    def test_rounds_are_compared_one_by_one(self):
        runs = {"pvboot, xz": [{**RUN, "seconds": each} for each in (8, 80, 9)],
                "grub, xz": [{"seconds": each} for each in (10, 100, 10)]}
        self.assertAlmostEqual(self.of(runs)["XZ kernel + small initrd, time against GRUB's"].value, 0.8)

    def test_the_handover_is_held_to_the_small_guest_and_to_the_bare_one(self):
        late = {**RUN, "entered": RUN["entered"] + 40_000_000}
        found = self.of({"entry, 512 MiB guest": [RUN], "entry, 12 GiB guest": [late], "bare": [{"seconds": 0.11}]})
        self.assertFalse(found["handover of a 12 GiB guest against 512 MiB"].met())
        self.assertAlmostEqual(found["handover of a 12 GiB guest against 512 MiB"].value, 0.2 / 0.16)
        self.assertTrue(found["the same against a bare guest's first line"].met())


class Planted(unittest.TestCase):
    def test_the_code_stands_at_the_entry_and_nothing_else_changes(self):
        kernel = tiny_kernel.make(entry=tiny_kernel.VIRT_BASE + 0x1000000)
        made = planted.planted(kernel, b"code")
        self.assertEqual(made[4096:4100], b"code")
        self.assertEqual(made[:4096] + made[4100:], kernel[:4096] + kernel[4100:])

    def test_what_is_no_such_kernel_is_refused(self):
        for kernel in (b"text", tiny_kernel.make(notes=False)):
            with self.assertRaises(ValueError):
                planted.planted(kernel, b"code")
        with self.assertRaises(ValueError):
            planted.planted(tiny_kernel.make(), bytes(1 << 20))


if __name__ == "__main__":
    unittest.main()
