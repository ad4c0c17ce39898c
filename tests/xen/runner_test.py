#!/usr/bin/python3
"""How scenarios are judged, counted and given their machines, over a fake dom0."""
import base64
import contextlib
import gzip
import importlib.machinery
import importlib.util
import io
import os
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "images")]

import runner
from recipes import debian, xen_rig
from rig.machine import RigError
from rig.session import Outcome
from scenarios import SCENARIOS, Do, Keys, Scenario


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


if __name__ == "__main__":
    unittest.main()
