#!/usr/bin/python3
"""What the rig's pure parts promise: reading users' disk lines, quoting for xl, archives, layouts; and, over a fake
dom0, how scenarios are judged and counted."""
import base64
import contextlib
import gzip
import importlib.machinery
import importlib.util
import io
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "images")]

import probe
import runner
from recipes import bzimage, cache, debian, debian_guest, disk, host, initramfs, xen_rig
from rig import emulation, guest, user_config
from rig.machine import RigError
from rig.session import Outcome
from scenarios import SCENARIOS, Do, Keys, Scenario


class UserDisks(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.image = pathlib.Path(self.folder.name) / "a.img"
        self.image.write_bytes(b"x")

    def test_every_form_of_a_disk_line_is_understood(self):
        cases = [
            (f"file:{self.image},xvda,w", "xvda", False, False),
            (f"phy:{self.image},xvdb,r", "xvdb", False, True),
            (f"{self.image},raw,xvdc,rw", "xvdc", False, False),
            (f"format=raw, vdev=xvdd, access=ro, target={self.image}", "xvdd", False, True),
            (f"{self.image},,hdc:cdrom,r", "hdc", True, True),
            (f"vdev=xvde,devtype=cdrom,target={self.image}", "xvde", True, True),
            ("a.img,raw,xvda", "xvda", False, False),
        ]
        for text, vdev, cdrom, readonly in cases:
            with self.subTest(text):
                parsed = user_config.parse_disk(text, self.folder.name)
                self.assertEqual((parsed.image, parsed.vdev, parsed.cdrom, parsed.readonly),
                                 (self.image, vdev, cdrom, readonly))

    def test_an_image_that_is_not_there_is_an_error_with_its_name(self):
        with self.assertRaisesRegex(RigError, "/nowhere/b.img"):
            user_config.parse_disk("file:/nowhere/b.img,xvda,w", self.folder.name)


class FakeSession:
    """What `fit` asks of a session: dom0's names of images and files."""

    def __init__(self):
        self.drives = self

    def attach(self, image):
        return f"/dev/{pathlib.Path(image).stem}"

    def push(self, file, name):
        return f"/share/{name}"


class UserConfigurations(unittest.TestCase):
    TEXT = """name = "theirs" # the guest's own
    memory = 4096
    kernel = '/usr/lib/grub-xen/grub-x86_64-xen.bin'
    ramdisk = "more.cfg"
    # disk = [ 'phy:/dev/not-this-one,xvdz,w' ]
    vif = [ 'bridge=xenbr0',
            'bridge=xenbr1' ]
    extra = "a=# b"
    disk = [ 'a.img,raw,xvda', # the guest's root
             "file:b.img,xvdb,r" ]
    """

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for name in ("a.img", "b.img", "c.img", "more.cfg"):
            (self.folder / name).write_bytes(b"x")

    def fit(self, image=None):
        return user_config.fit(self.TEXT, self.folder, FakeSession(), "/share/pvboot.elf", image)

    def test_their_disks_and_ramdisk_become_dom0s_and_the_loader_comes_last(self):
        text, left_out = self.fit()
        self.assertEqual(left_out, ["vif"])
        self.assertNotIn("xenbr", text)
        self.assertIn('extra = "a=# b"', text)
        lines = text.splitlines()
        self.assertIn('kernel="/share/pvboot.elf"', lines[-4:])
        self.assertIn('ramdisk="/share/their.ramdisk"', lines[-4:])
        disks = next(line for line in lines[-4:] if line.startswith("disk=["))
        self.assertRegex(disks, r'"vdev=xvda,access=rw,[^"]*target=/dev/a", "vdev=xvdb,access=ro,[^"]*target=/dev/b"')

    def test_an_image_that_is_named_takes_the_place_of_their_disks(self):
        (self.folder / "a.img").unlink()
        text, _ = self.fit(self.folder / "c.img")
        self.assertRegex(text, r'(?m)^disk=\["vdev=xvda,access=rw,[^"]*target=/dev/c"\]$')

    def test_a_ramdisk_that_is_not_there_is_an_error_with_its_name(self):
        (self.folder / "more.cfg").unlink()
        with self.assertRaisesRegex(RigError, "more.cfg"):
            self.fit()

    def test_the_memory_is_read(self):
        for text, mib in ((self.TEXT, 4096), ("memory=0x200", 512), ("memory=512\nmemory = 768 # MiB\n", 768),
                          ("# memory = 5", None), ("maxmem=9", None)):
            self.assertEqual(user_config.memory_mib(text), mib, text)


class XlText(unittest.TestCase):
    def test_a_text_is_put_into_the_quotes_it_does_not_hold(self):
        self.assertEqual(guest.xl_text("a b"), '"a b"')
        self.assertEqual(guest.xl_text('a "b c"'), "'a \"b c\"'")

    def test_a_text_that_xl_cannot_take_is_refused(self):
        for text in ("'\"", "a\nb"):
            with self.assertRaises(RigError):
                guest.xl_text(text)


class Archives(unittest.TestCase):
    def test_every_entry_and_its_data_begin_on_a_multiple_of_four(self):
        archive = initramfs.Archive()
        archive.file("a/bc", b"12345")
        archive.file("d", b"")
        data = archive.cpio()
        self.assertEqual(len(data) % 4, 0)
        self.assertEqual([data.count(name) for name in (b"a\0", b"a/bc\0", b"TRAILER!!!\0")], [1, 1, 1])
        self.assertEqual(data.index(b"12345") % 4, 0)


class Cache(unittest.TestCase):
    """Two checkouts whose recipes differ share one cache."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        environment = mock.patch.dict(os.environ, PVBOOT_CACHE=folder.name)
        environment.start()
        self.addCleanup(environment.stop)
        silence = contextlib.redirect_stderr(io.StringIO())
        silence.__enter__()
        self.addCleanup(silence.__exit__, None, None, None)

    def part(self, parameters):
        return cache.Part("thing", lambda folder, step: (folder / "made").write_text(parameters), [], parameters)

    def age(self, folder, seconds):
        then = time.time() - seconds
        os.utime(folder, (then, then))

    def test_a_finished_part_is_not_built_again(self):
        first = self.part("one").file("made")
        first.write_text("still this one")
        self.assertEqual(self.part("one").file("made").read_text(), "still this one")

    def test_a_folder_that_was_used_during_the_last_day_stays(self):
        ours = self.part("ours").folder()
        self.age(ours, 2 * cache.KEPT_SECONDS)
        self.part("ours").folder()
        self.part("theirs").folder()
        self.assertTrue(ours.is_dir())

    def test_a_folder_that_nobody_has_used_for_a_day_goes_with_the_next_build(self):
        ours = self.part("ours").folder()
        self.age(ours, cache.KEPT_SECONDS + 60)
        theirs = self.part("theirs").folder()
        self.assertEqual([entry for entry in self.folder.iterdir() if entry.is_dir()], [theirs])


class EmulationCrashes(unittest.TestCase):
    def test_a_crashed_process_is_seen_and_a_guests_own_failure_is_not_one(self):
        for text, crashed in (("sh: line 3: Segmentation fault", True),
                              ("Segment violation\n(initramfs) ", True),
                              ("awk[63]: segfault at 8 ip 00000000004d1e2b", True),
                              ("PVBOOT-PROOF: failed: root= (no such device) does not mount", True),
                              ("PVBOOT-PROOF: failed:root root= sha256=8a62 kernel=6.1.0", True),
                              ("PVBOOT-PROOF: failed:data root=/dev/xvda1 sha256= kernel=6.1.0", True),
                              ("PVBOOT-PROOF: failed:data root=/dev/xvda1 sha256=8a62 kernel=6.1.0", False),
                              ("PVBOOT-PROOF: failed: root=/dev/xvda (no such device) does not mount", False),
                              ("PVBOOT-PROOF: ok root=/dev/xvda1 sha256=8a62 kernel=6.1.0", False)):
            self.assertEqual(emulation.crashed(text), crashed, text)


class DebianGuest(unittest.TestCase):
    def test_an_update_grub_that_does_not_end_is_an_error_with_its_last_words(self):
        late = subprocess.TimeoutExpired("qemu", 180, output=b"Generating grub configuration file ...")
        with mock.patch.object(subprocess, "run", side_effect=late), \
                mock.patch.object(debian_guest.VM_BOOT, "folder", return_value=pathlib.Path("/vm")), \
                self.assertRaisesRegex(host.CommandFailed, "after 180 s(.|\n)*Generating grub"):
            debian_guest._update_grub("disk.img", "/dev/vda1")


class Machines(unittest.TestCase):
    def rig(self):
        machine = mock.Mock()
        machine.running.return_value = True
        start = mock.patch.object(runner.Machine, "start", return_value=machine).start()
        self.addCleanup(mock.patch.stopall)
        return runner.Rig(), start, machine

    def test_scenarios_of_usual_guests_share_a_machine(self):
        rig, start, machine = self.rig()
        for memory in (64, 512, 3072):
            rig.fit(runner.rig_memory(mock.Mock(memory=memory)))
            rig.machine()
        start.assert_called_once_with(memory_mib=runner.RIG_MEMORY_MIB, hypervisor="debian")
        machine.stop.assert_not_called()

    def test_a_large_guest_gets_a_machine_that_holds_it(self):
        rig, start, machine = self.rig()
        rig.machine()
        rig.fit(runner.rig_memory(mock.Mock(memory=12288)))
        rig.machine()
        machine.stop.assert_called_once_with()
        self.assertGreater(start.call_args.kwargs["memory_mib"], 12288 + 2048)

    def test_rigs_are_no_more_than_scenarios_and_memory(self):
        scenarios = [mock.Mock()] * 3
        for available, side_by_side, rigs in ((100000, 2, 2), (100000, 8, 3), (13000, 2, 2), (11000, 2, 1),
                                              (100, 2, 1)):
            with mock.patch.object(runner, "_available_mib", return_value=available):
                self.assertEqual(runner._rigs_for(6144, scenarios, side_by_side), rigs)

    def test_a_scenario_is_left_out_where_its_machine_does_not_fit(self):
        scenario = mock.Mock(memory=12288, disks=())
        needed = runner.rig_memory(scenario)
        for available, why in ((needed - 1, f"its rig takes {needed} MiB of memory, which are not free here"),
                               (needed, None)):
            with mock.patch.object(runner, "_available_mib", return_value=available):
                self.assertEqual(runner.why_left_out(scenario), why)

    def test_a_scenario_is_left_out_where_apt_does_not_offer_its_kernel(self):
        for sample, offered, why in (("zstd", None, "apt offers no ZSTD kernel"), ("zstd", "package", None),
                                     ("lz4", None, None)):
            with mock.patch.object(runner.kernels, "zstd", return_value=offered):
                self.assertEqual(runner.why_left_out(mock.Mock(memory=256, disks=(mock.Mock(sample=sample),))), why)


class FakeDom0:
    """A session whose dom0 has one guest: what it prints once it is unpaused, and how it ends (its shutdown code), or
    goes on. Time that is waited for passes at once."""
    prefix, dom0_folder = "t", "/share"

    def __init__(self, folder, console="", code=None, refused=False):
        self.folder, self.console, self.code, self.refused = folder, console, code, refused
        self.typed = b""
        self.commands = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self, command, timeout=60):
        self.commands.append(command)
        if command.startswith("xl unpause"):
            self._say(ev="console", data=base64.b64encode(self.console.encode()), t=1.0)
            if self.code is not None:
                self._say(ev="state", domid=7, state="shutdown", code=self.code, t=2.0)
        refused = self.refused and command.startswith("xl create")
        return Outcome(int(refused), "no memory" if refused else "", 0.0, 1.0)

    def sh(self, command, timeout=60):
        return self.run(command)[:2]

    def must(self, command, timeout=60):
        return self.sh(command)[1]

    def push(self, file, name):
        return f"{self.dom0_folder}/{name}"

    def follow(self, name, handle):
        self._handle = handle
        self._say(ev="state", domid=7, state="running", code=0, t=0.0)

    def unfollow(self, number):
        pass

    def type(self, name, data):
        self.typed += data

    def wait(self, condition, seconds):
        return bool(condition())

    def _say(self, **event):
        self._handle(event)


def divide(run):
    return 1 // 0


CRASH = 3


class Verdicts(unittest.TestCase):
    """What becomes of scenarios whose guests are those of fake dom0s."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.logs = pathlib.Path(folder.name)
        self.machine = mock.Mock()
        self.machine.running.return_value = True
        self.start = mock.Mock(return_value=self.machine)
        for owner, name, value in ((runner.Machine, "start", self.start),
                                   (runner, "Session", lambda machine: self.session()),
                                   (runner, "clean_up_when_told_to_end", mock.Mock()),
                                   (runner, "_available_mib", lambda: 8000)):
            patch = mock.patch.object(owner, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def session(self):
        """The next of the sessions that were planned; the last of them again and again."""
        planned = self.planned.pop(0) if len(self.planned) > 1 else self.planned[0]
        if isinstance(planned, Exception):
            raise planned
        self.last = FakeDom0(self.logs, *planned)
        return self.last

    def run_all(self, scenarios, *planned, **options):
        """(Outcome, what was said in lines) with sessions as planned: (console, shutdown code), or an exception."""
        self.planned = list(planned)
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            outcome = runner.run_all(scenarios, "pvboot.elf", self.logs, **options)
        return outcome, said.getvalue().splitlines()

    def scenario(self, *see, name="guest", **more):
        return Scenario(name, (), see or ("^PROOF$",), seconds=0, **more)

    def assert_failed(self, why, scenario, *planned):
        outcome, said = self.run_all([scenario], *planned)
        self.assertEqual((outcome.passed, outcome.failed), (0, 1), said)
        self.assertRegex(said[-1], rf"^FAILED guest( \(\d+ s\))?: {why}")

    def test_a_guest_that_shows_all_and_ends_as_it_should_has_passed(self):
        outcome, said = self.run_all([self.scenario("^one$", Keys("x"), Do(lambda run: None), "^PROOF$")],
                                     ("one\r\nPROOF\r\n", 0))
        self.assertEqual((outcome.passed, outcome.failed), (1, 0), said)
        self.assertEqual(self.last.typed, b"x")
        self.assertRegex(said[-1], r"^ok guest \(\d+ s\)$")
        self.assertRegex(self.last.commands[-1], "^xl destroy t")
        self.assertIn("\nPROOF\n", (self.logs / "guest.log").read_text())

    def test_a_guest_without_its_verdict_has_failed(self):
        for planned, why in ((("",), "time is up without '\\^PROOF\\$'"),
                             (("hello\nno PROOF\n",), "time is up without '\\^PROOF\\$'"),
                             (("hello\n", 0), "ended \\(poweroff\\) without '\\^PROOF\\$'"),
                             (("hello\n", CRASH), "ended \\(crash\\) without '\\^PROOF\\$'"),
                             (("PROOF\n",), "the end is not reached in time, not poweroff"),
                             (("PROOF\n", CRASH), "the end is crash, not poweroff")):
            with self.subTest(planned):
                self.assert_failed(why, self.scenario(), planned)
                self.assertIn(f"--- console\n{planned[0]}\n", (self.logs / "guest.failed.log").read_text())

    def test_what_comes_in_another_order_has_not_come(self):
        self.assert_failed("ended \\(poweroff\\) without 'two'", self.scenario("one", "two"), ("two\none\n", 0))
        self.assert_failed("ended \\(poweroff\\) without 'one'", self.scenario("one", "one"), ("one\n", 0))

    def test_a_guest_that_should_go_on_and_ends_has_failed(self):
        self.assert_failed("ended \\(crash\\) where it should go on", self.scenario(end=None), ("PROOF\n", CRASH))

    def test_what_must_not_come_has_failed_a_scenario_that_shows_all(self):
        self.assert_failed("saw what must not come: 'wrong'", self.scenario(never=("wrong",)), ("wrong\nPROOF\n", 0))

    def test_an_action_that_finds_fault_or_raises_has_failed_its_scenario(self):
        broken = r"it broke off: ZeroDivisionError\("
        for action, why in ((lambda run: "the disk is gone", "the disk is gone$"), (divide, broken)):
            for where, scenario in (("see", self.scenario(Do(action))),
                                    ("afterwards", self.scenario(afterwards=action)),
                                    ("judged_by", Scenario("guest", (), (), judged_by=action))):
                with self.subTest(where, why=why):
                    self.assert_failed(why, scenario, ("PROOF\n", 0))
        self.assertIn("in divide", (self.logs / "guest.failed.log").read_text())
        self.assert_failed(broken, self.scenario(before_unpause=lambda session, guest: divide(None)), ("PROOF\n", 0))
        self.assertRegex(self.last.commands[-1], "^xl destroy t")

    def test_a_scenario_that_is_never_judged_has_failed(self):
        self.assert_failed("the rig failed: no answer$", self.scenario(), RigError("no answer\nat all"))
        self.assert_failed("the rig failed: xl create refused the guest:", self.scenario(), ("PROOF\n", 0, True))
        with mock.patch.object(runner, "_judge", side_effect=KeyError("rows")):
            self.assert_failed(r"it broke off: KeyError\('rows'\)", self.scenario(), ("PROOF\n", 0))
        self.start.side_effect = RigError("dom0 does not come up")
        self.assert_failed("the rig failed: dom0 does not come up$", self.scenario(), ("PROOF\n", 0))

    def test_every_scenario_of_the_list_has_something_to_be_judged_by(self):
        for scenario in SCENARIOS:
            patterns = [part for part in scenario.see if isinstance(part, str)]
            self.assertTrue(patterns or scenario.judged_by, scenario.name)

    def test_a_second_chance_is_said_with_its_reason_and_counted_once(self):
        crashed = ("sh: Segmentation fault\n", 0)
        gone = RigError("dom0 is gone")
        process = [("guest", "a process of the guest crashed")]
        rig = [("guest", "the rig failed: dom0 is gone")]
        # After a rig's failure a session asks whether dom0 is still there.
        for planned, passed, again in (([("PROOF\n", 0)], 1, []), ([crashed, ("PROOF\n", 0)], 1, process),
                                       ([crashed], 0, process), ([gone, gone, ("PROOF\n", 0)], 1, rig),
                                       ([gone, gone, crashed, ("PROOF\n", 0)], 1, rig + process)):
            with self.subTest(planned):
                outcome, said = self.run_all([self.scenario()], *planned)
                self.assertEqual((outcome.passed, outcome.failed), (passed, 1 - passed), said)
                self.assertEqual(outcome.tried_once_more, again)
                self.assertEqual([line for line in said if "trying once more" in line],
                                 [f"-- {name}: {why}; trying once more" for name, why in again])

    def test_what_is_left_out_counts_as_neither_unless_all_must_run(self):
        scenarios = [self.scenario(name="small"), self.scenario(name="large", memory=12288)]
        why = "its rig takes 14848 MiB of memory, which are not free here"
        for all_must_run, failed, line in ((False, 0, f"left out large: {why}"),
                                           (True, 1, f"FAILED large: left out: {why}")):
            outcome, said = self.run_all(scenarios, ("PROOF\n", 0), all_must_run=all_must_run)
            self.assertEqual((outcome.passed, outcome.failed), (1, failed))
            self.assertEqual(outcome.left_out, [("large", why)])
            self.assertIn(line, said)

    def test_the_closing_lines_end_with_the_count_alone(self):
        self.assertEqual(runner.Outcome(3, 1).closing_lines(), ["3 passed, 1 failed"])
        outcome = runner.Outcome(70, 0, [("a", "no memory"), ("b", "no kernel")], [("c", "the rig failed: gone")])
        self.assertEqual(outcome.closing_lines(), ["2 left out: a (no memory), b (no kernel)",
                                                   "1 tried once more: c (the rig failed: gone)",
                                                   "70 passed, 0 failed"])


def program(path):
    """A program of this repository as a module; it is not run."""
    loader = importlib.machinery.SourceFileLoader(path.name, str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(path.name, loader))
    with mock.patch.object(sys, "dont_write_bytecode", True):
        loader.exec_module(module)
    return module


class ScenariosCommand(unittest.TestCase):
    """tests/xen/run."""

    def test_it_says_what_came_of_the_scenarios_and_fails_when_one_has_failed(self):
        command, left_out = program(HERE / "run"), [("zstd-kernel", "apt offers no ZSTD kernel")]
        for words, must, outcome, status in (([], False, runner.Outcome(1, 0, left_out), 0),
                                             (["--all-must-run"], True, runner.Outcome(1, 1, left_out), 1)):
            said = io.StringIO()
            with mock.patch.object(runner, "run_all", return_value=outcome) as run_all, \
                    mock.patch.object(sys, "argv", ["run", "--loader", __file__, "xz-kernel", "zstd-kernel", *words]), \
                    contextlib.redirect_stdout(said):
                self.assertEqual(command.main(), status)
            self.assertEqual([s.name for s in run_all.call_args.args[0]], ["xz-kernel", "zstd-kernel"])
            self.assertEqual(run_all.call_args.args[4], must)
            self.assertEqual(said.getvalue().splitlines()[-2:], outcome.closing_lines())


class Check(unittest.TestCase):
    """What ./check makes of the scenarios' last lines."""

    def setUp(self):
        self.check = program(HERE.parent.parent / "check")

    def counted(self, output, status, soak=False):
        """(passed, failed, the commands) when each run of the scenarios says and returns this."""
        tally, commands = self.check.Tally(), []

        def stage(title, command):
            commands.append(command)
            return status, output
        with mock.patch.object(self.check, "stage", stage):
            self.check.all_scenarios(tally, soak)
        return tally.passed, tally.failed, commands

    def test_the_counts_are_read_from_the_last_line(self):
        named = [("a", "5 passed, 6 failed")], [("b", "c")]
        for outcome, status, counts in ((runner.Outcome(70, 0), 0, (70, 0)), (runner.Outcome(69, 1), 1, (69, 1)),
                                        (runner.Outcome(70, 0, *named), 0, (70, 0)),
                                        (runner.Outcome(0, 0, [("a", "b")]), 0, (0, 1))):
            output = "ok x (1 s)\n" + "\n".join(outcome.closing_lines()) + "\n"
            self.assertEqual(self.counted(output, status)[:2], counts)

    def test_scenarios_that_end_without_a_count_are_a_failure(self):
        for status in (0, 1):
            self.assertEqual(self.counted("ok x (1 s)\nTraceback\n", status)[:2], (0, 1))

    def test_in_the_long_versions_all_scenarios_must_run(self):
        self.assertEqual(self.counted("1 passed, 0 failed\n", 0)[2], [["tests/xen/run"]])
        self.assertEqual(self.counted("1 passed, 0 failed\n", 0, soak=True)[2],
                         [["tests/xen/run", "--all-must-run"], ["tests/xen/run", "--long", "--all-must-run"]])


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


class Hypervisors(unittest.TestCase):
    def test_every_scenario_names_one_that_there_is(self):
        self.assertEqual({scenario.hypervisor for scenario in SCENARIOS}, set(xen_rig.HYPERVISORS))

    def test_scenarios_of_one_share_a_machine_that_comes_after_the_others(self):
        scenarios = [mock.Mock(memory=memory, hypervisor=hypervisor, disks=()) for memory, hypervisor in
                     ((64, "shadow"), (12288, "debian"), (64, "debian"), (128, "shadow"), (128, "debian"))]
        judged = []

        def judge(scenario, rig, *_):
            judged.append((scenario.hypervisor, rig.machine()))
            return True

        running = []

        def start(memory_mib, hypervisor):
            self.assertEqual(running, [])
            machine = mock.Mock(hypervisor=hypervisor, memory_mib=memory_mib)
            machine.stop.side_effect = running.clear
            running.append(machine)
            return machine

        with tempfile.TemporaryDirectory() as logs, \
                mock.patch.multiple(runner, why_left_out=mock.Mock(return_value=None), _judge=judge,
                                    clean_up_when_told_to_end=mock.DEFAULT, _available_mib=lambda: 100000), \
                mock.patch.object(runner.Machine, "start", side_effect=start) as started:
            self.assertEqual(runner.run_all(scenarios, None, pathlib.Path(logs)), runner.Outcome(5, 0))
        usual, large = runner.RIG_MEMORY_MIB, runner.rig_memory(mock.Mock(memory=12288))
        self.assertEqual([tuple(call.kwargs.values()) for call in started.call_args_list],
                         [(usual, "debian"), (usual, "shadow"), (large, "debian")])
        for hypervisor, machine in judged:
            self.assertEqual(machine.hypervisor, hypervisor)

    def test_where_none_has_shadow_paging_its_scenarios_are_left_out(self):
        for config, has_it in (("CONFIG_PV=y\nCONFIG_SHADOW_PAGING=y\n", True),
                               ("CONFIG_PV=y\n# CONFIG_SHADOW_PAGING is not set\n", False)):
            self.unpacked(config)
            for hypervisor, runs in (("shadow", has_it), ("debian", True)):
                why = runner.why_left_out(mock.Mock(memory=64, hypervisor=hypervisor, disks=()))
                self.assertEqual(why, None if runs else "the release's Xen has no shadow paging")

    def test_its_elf_and_what_it_was_built_with_are_kept_and_nothing_else(self):
        self.unpacked("CONFIG_PV=y\n")
        for name, of in (("debian", ""), ("shadow", "/bookworm")):
            folder, package = xen_rig.HYPERVISORS[name].folder(), f"xen-hypervisor-4.17-amd64{of}"
            self.assertEqual(sorted(file.name for file in folder.iterdir()), ["config", "xen.elf"])
            self.assertEqual((folder / "xen.elf").read_bytes(), f"ELF of {package}".encode())

    def unpacked(self, config):
        """From now on every package of Xen that is fetched holds this configuration, and the cache is empty."""
        def unpack(package, folder, _):
            (folder / "boot").mkdir(parents=True)
            (folder / xen_rig.XEN_FILE).write_bytes(gzip.compress(f"ELF of {package}".encode()))
            (folder / xen_rig.XEN_CONFIG).write_text(config)

        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for patch in (mock.patch.dict(os.environ, PVBOOT_CACHE=folder.name), mock.patch("sys.stderr", io.StringIO()),
                      mock.patch.object(debian, "unpack", unpack)):
            patch.start()
            self.addCleanup(patch.stop)


class Layouts(unittest.TestCase):
    def test_a_filesystem_lies_where_its_partition_begins(self):
        with tempfile.TemporaryDirectory() as folder:
            for layout, offset in (("whole", 0), ("gpt", 1 << 20), ("mbr", 1 << 20)):
                filesystem, image = (pathlib.Path(folder) / name for name in ("fs", "image"))
                filesystem.write_bytes(b"begin" + bytes(1 << 20) + b"end" + bytes(1021 * 512))
                size = filesystem.stat().st_size // 512 * 512
                with open(filesystem, "r+b") as file:
                    file.truncate(size)
                content = filesystem.read_bytes()
                disk.assemble(image, filesystem, layout)
                self.assertEqual(image.read_bytes()[offset:offset + size], content, layout)
                image.unlink()


class Kernels(unittest.TestCase):
    def test_what_is_no_bzimage_is_refused(self):
        with self.assertRaisesRegex(ValueError, "HdrS"):
            bzimage.payload(bytes(4096))

    def test_a_kernel_packed_otherwise_is_the_same_kernel(self):
        kernel = b"\x7fELF" + bytes(range(256)) * 40
        before, behind = bytearray(0x600), b"the old decompressor"
        data = bzimage.pack(kernel, "zstd") + struct.pack("<I", len(kernel))
        before[bzimage.SETUP_SECTS] = 1
        before[bzimage.MAGIC:bzimage.MAGIC + 4] = b"HdrS"
        struct.pack_into("<II", before, bzimage.PAYLOAD, 0x200, len(data))
        image = bytes(before) + data + behind
        unpackers = {"gzip": ["gzip", "-dc"], "bzip2": ["bzip2", "-dc"], "lzma": ["xz", "--format=lzma", "-dc"],
                     "lzo": ["lzop", "-dc"], "zstd": ["zstd", "-dcq"], "elf": ["cat"]}
        self.assertEqual(set(unpackers), {*bzimage.PACKERS, "elf"})
        for kind, tool in unpackers.items():
            with self.subTest(kind):
                changed = bzimage.repacked(image, kind)
                offset, length = struct.unpack_from("<II", changed, bzimage.PAYLOAD)
                payload = changed[0x400 + offset:0x400 + offset + length]
                self.assertEqual(changed[0x400 + offset + length:], behind)
                if kind != "elf":
                    self.assertEqual(struct.unpack("<I", payload[-4:])[0], len(kernel))
                if kind not in ("elf", "gzip"):
                    payload = payload[:-4]
                done = subprocess.run(tool, input=payload, stdout=subprocess.PIPE, check=True)
                self.assertEqual(done.stdout, kernel)


if __name__ == "__main__":
    unittest.main()
