"""Runs scenarios on real Xen, each alone on its rig, and judges them.

Each verdict is one line, "ok NAME (seconds)" or "FAILED NAME (seconds): what was missing"; the
guest's console, its states and Xen's messages go to NAME.log in the log folder, NAME.failed.log when
it failed. A scenario that ends without having been judged has failed. When the rig itself dies, a
scenario is tried once more on a new one, with a line that says so: a crash of emulated dom0 says
nothing about a guest. Scenarios that need another hypervisor, and last those whose guest needs a larger machine, come
on machines of their own. One that cannot run here is left out, with a line that says why. The closing lines count both
again.

Several rigs may work side by side, as memory allows. A scenario that fails and whose guest shows a crash of
emulation (see rig.emulation) is tried once more, with a line that says so, and NAME.crashed.log keeps what it printed.
"""
import concurrent.futures
import itertools
import pathlib
import queue
import re
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass, field

from contents import BUILD
from recipes import debian_guest, host, kernels, samples, xen_rig
from rig import emulation
from rig.disks import Disk
from rig.guest import Guest
from rig.machine import Machine, RigError, clean_up_when_told_to_end
from rig.session import Session
from scenarios import Do, Keys

GRUB = pathlib.Path("/usr/lib/grub-xen/grub-x86_64-xen.bin")
RIG_MEMORY_MIB = 6144
BESIDE_A_GUEST_MIB = 2560  # Xen, dom0, and what a large guest's page tables take
EMPTY_DISK_MIB = 64


class Failure(Exception):
    """Why a scenario has failed."""


@dataclass
class Outcome:
    """How all scenarios went: how many passed and failed, and (name, why) of those that were left out, which count as
    neither unless all must run, and of each second chance."""
    passed: int = 0
    failed: int = 0
    left_out: list = field(default_factory=list)
    tried_once_more: list = field(default_factory=list)

    def count(self, verdict):
        self.passed += verdict
        self.failed += not verdict

    def closing_lines(self):
        """The last of them is the count alone, for ./check to read."""
        listed = (("left out", self.left_out), ("tried once more", self.tried_once_more))
        return [*(f"{len(named)} {how}: {', '.join(f'{name} ({why})' for name, why in named)}"
                  for how, named in listed if named), f"{self.passed} passed, {self.failed} failed"]


class Rig:
    """A machine for scenarios, one after the other; replaced when it dies."""

    def __init__(self):
        self._lock = threading.Lock()
        self._machine = None
        self._kind = {"memory_mib": RIG_MEMORY_MIB, "hypervisor": "debian"}

    def machine(self):
        with self._lock:
            if self._machine is None or not self._machine.running():
                self.stop()
                self._machine = Machine.start(**self._kind)
            return self._machine

    def fit(self, memory_mib, hypervisor="debian"):
        """From now on the machine has so much memory, and this Xen; another one ends."""
        kind = {"memory_mib": memory_mib, "hypervisor": hypervisor}
        with self._lock:
            if kind != self._kind:
                self.stop()
            self._kind = kind

    def discard_if_dead(self):
        """Ends a machine whose dom0 does not answer any more."""
        try:
            with Session(self.machine()) as session:
                session.must("true")
        except (RigError, OSError):
            with self._lock:
                self.stop()

    def stop(self):
        if self._machine:
            self._machine.stop()
        self._machine = None


class Run:
    """One scenario being run."""

    _numbers = iter(range(1, 1 << 30))

    def __init__(self, scenario, session, loader, folder):
        self.scenario, self.session = scenario, session
        self.loader, self.folder = pathlib.Path(loader), pathlib.Path(folder)
        self.number = next(self._numbers)
        self.guest = None
        self.disks = []
        self.refused = []  # unbootable kernels on the disk
        self.notes = ""
        self._endings = []

    @property
    def kernel(self):
        """The ELF that Xen starts."""
        return self.elf(self.scenario.kernel)

    def elf(self, name):
        """pvboot, GRUB, or one of tests/guest/."""
        return {"pvboot": self.loader, "grub": GRUB}.get(name) or BUILD / f"{name}.elf"

    def note(self, text):
        """Adds to the scenario's log."""
        self.notes += text

    def tell(self, text):
        """Says what a person should know although the scenario has not failed."""
        print(f"-- {self.scenario.name}: {text}", flush=True)
        self.note(text + "\n")

    def at_end(self, action):
        self._endings.append(action)

    def judge(self):
        """Raises Failure, or returns when all that is wanted was seen."""
        scenario = self.scenario
        if scenario.judged_by:
            fault = scenario.judged_by(self)
            if fault:
                raise Failure(fault)
            return
        images = [image_of(use.sample, self.folder) for use in scenario.disks]
        self.disks = self._disks(images)
        self.guest = Guest(self.session, self.kernel, self.disks, memory_mib=scenario.memory,
                           ramdisk=scenario.ramdisk and scenario.ramdisk(self, images),
                           vcpus=scenario.vcpus, extra=scenario.extra, more=scenario.xl,
                           on_reboot="restart" if scenario.restart else "preserve")
        if scenario.before_unpause:
            scenario.before_unpause(self.session, self.guest)
        self.guest.unpause()
        limit = time.monotonic() + scenario.seconds
        self._see_all(limit)
        self._see_end(limit)
        for pattern in scenario.never:
            found = re.search(pattern, self.guest.output, re.MULTILINE)
            if found:
                raise Failure(f"saw what must not come: {found.group()!r}")
        fault = scenario.afterwards and scenario.afterwards(self)
        if fault:
            raise Failure(fault)

    def clean_up(self):
        if self.guest:
            self.guest.destroy()
        for action in self._endings:
            action()

    def _disks(self, images):
        if self.scenario.disks_from:
            return self.scenario.disks_from(self, images)
        return [Disk(image, use.backend, **use.options)
                for image, use in zip(images, self.scenario.disks)]

    def _see_all(self, limit):
        start = 0
        for pattern in self.scenario.see:
            if isinstance(pattern, Keys):
                self.guest.type(pattern.text)
                continue
            if isinstance(pattern, Do):
                fault = pattern.action(self)
                if fault:
                    raise Failure(fault)
                continue
            found = self.guest.wait_for(pattern, limit - time.monotonic(), start)
            if not found:
                how = f"ended ({self.guest.reason()})" if self.guest.ended() else "time is up"
                raise Failure(f"{how} without {pattern!r}")
            start = found.end()

    def _see_end(self, limit):
        wanted = self.scenario.end
        if wanted is None:
            if self.guest.ended():
                raise Failure(f"ended ({self.guest.reason()}) where it should go on")
            return
        reason = self.guest.wait_end(max(20, limit - time.monotonic()))
        if reason != wanted:
            raise Failure(f"the end is {reason or 'not reached in time'}, not {wanted}")


def image_of(name, folder):
    if name == "empty":
        image = pathlib.Path(folder) / "empty.img"
        with open(image, "wb") as file:
            file.truncate(EMPTY_DISK_MIB << 20)
        return image
    kind, _, layout = name.partition("-")
    return debian_guest.image(layout) if kind == "debian" else samples.image(name)


def rig_memory(scenario):
    """The MiB that a machine for this scenario has."""
    return max(RIG_MEMORY_MIB, scenario.memory + BESIDE_A_GUEST_MIB)


def rig_kind(scenario):
    """Scenarios of which this is equal share a machine: (MiB, hypervisor)."""
    return rig_memory(scenario), scenario.hypervisor


def _available_mib():
    text = pathlib.Path("/proc/meminfo").read_text()
    return int(re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE).group(1)) >> 10


def why_left_out(scenario):
    """Why a scenario cannot run here, or None: this machine's apt may offer no ZSTD kernel (Debian 12 itself has none)
    or not the hypervisor, and its memory may not hold a large guest's rig."""
    needed = rig_memory(scenario)
    if needed > RIG_MEMORY_MIB and needed > _available_mib():
        return f"its rig takes {needed} MiB of memory, which are not free here"
    used = [samples.SAMPLES[use.sample] for use in scenario.disks if use.sample in samples.SAMPLES]
    if any(sample.kernel == "zstd" for sample in used) and not kernels.zstd():
        return "apt offers no ZSTD kernel"
    if scenario.hypervisor == "shadow" and not xen_rig.has_shadow_paging(xen_rig.SHADOW):
        return "the release's Xen has no shadow paging"
    return None


def build_images(scenarios):
    """Makes all disks first, so that no scenario's time has a build in it."""
    for scenario in scenarios:
        for use in scenario.disks:
            if use.sample != "empty":
                image_of(use.sample, None)


def _attempt(scenario, rig, loader):
    """One run: (error or None, log text)."""
    with tempfile.TemporaryDirectory(prefix="pvboot-scenario-") as folder, Session(rig.machine()) as session:
        run = Run(scenario, session, loader, folder)
        error = None
        try:
            run.judge()
        except Failure as failure:
            error = str(failure)
        except (RigError, OSError, host.CommandFailed):
            raise
        except Exception as unforeseen:
            error = f"it broke off: {unforeseen!r}"
            run.note(traceback.format_exc())
        log = _log_of(run, error)
        run.clean_up()
        return error, log


def _log_of(run, error):
    guest = run.guest
    if not guest:
        return f"verdict: {error}\nno guest was made\n{run.notes}"
    xen = guest.xen_log() if error else ""
    return (f"verdict: {error or 'ok'}\ncreated in {guest.create_seconds:.2f} s\n"
            f"states: {guest.states}\n--- console\n{guest.output}\n--- Xen\n{xen}\n{run.notes}")


def _second_chance(scenario, why, outcome):
    print(f"-- {scenario.name}: {why}; trying once more", flush=True)
    outcome.tried_once_more.append((scenario.name, why))


def _judge(scenario, rig, loader, logs, outcome):
    began = time.monotonic()
    try:
        try:
            error, log = _attempt(scenario, rig, loader)
        except (RigError, OSError) as failure:
            _second_chance(scenario, _rig_failed(failure), outcome)
            rig.discard_if_dead()
            error, log = _attempt(scenario, rig, loader)
        if error and emulation.crashed(log):
            _second_chance(scenario, "a process of the guest crashed", outcome)
            (logs / f"{scenario.name}.crashed.log").write_text(log)
            error, log = _attempt(scenario, rig, loader)
    except (RigError, OSError, host.CommandFailed) as failure:
        error, log = _rig_failed(failure), traceback.format_exc()
    # With --repeat a later run that goes well does not cover what went wrong.
    (logs / f"{scenario.name}{'.failed' if error else ''}.log").write_text(log)
    took = f"({time.monotonic() - began:.0f} s)"
    print(f"FAILED {scenario.name} {took}: {error}" if error else f"ok {scenario.name} {took}", flush=True)
    return error is None


def _rig_failed(failure):
    return f"the rig failed: {(str(failure) or repr(failure)).splitlines()[0]}"


def _verdict(scenario, future):
    error = future.exception()
    if error:
        traceback.print_exception(error)
        print(f"FAILED {scenario.name}: it broke off: {error!r}", flush=True)
        return False
    return future.result()


def _rigs_for(memory_mib, scenarios, side_by_side):
    """How many machines of this size have something to do, and room."""
    return max(1, min(side_by_side, len(scenarios), _available_mib() // memory_mib))


def _judge_on_any(scenario, free, *more):
    rig = free.get()
    try:
        return _judge(scenario, rig, *more)
    finally:
        free.put(rig)


def _that_can_run(scenarios, outcome, all_must_run):
    for scenario in scenarios:
        why = why_left_out(scenario)
        if not why:
            yield scenario
            continue
        outcome.left_out.append((scenario.name, why))
        if all_must_run:
            outcome.count(False)
        print(f"FAILED {scenario.name}: left out: {why}" if all_must_run else f"left out {scenario.name}: {why}",
              flush=True)


def _run_on(rigs, scenarios, outcome, *more):
    """Scenarios that fit the same machine, one after the other on whichever rig is free."""
    free = queue.SimpleQueue()
    try:
        for rig in rigs:
            # Here, because a machine ends with the thread that started it.
            rig.machine()
            free.put(rig)
    except (RigError, OSError) as failure:
        for scenario in scenarios:
            print(f"FAILED {scenario.name}: {_rig_failed(failure)}", flush=True)
            outcome.count(False)
        return
    with concurrent.futures.ThreadPoolExecutor(len(rigs)) as pool:
        futures = [pool.submit(_judge_on_any, s, free, *more, outcome) for s in scenarios]
        try:
            for scenario, future in zip(scenarios, futures):
                outcome.count(_verdict(scenario, future))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def run_all(scenarios, loader, logs, side_by_side=1, all_must_run=False):
    """The Outcome of the scenarios, so many rigs at a time; one that raised anything unforeseen has failed, and so has
    one that was left out when `all_must_run`."""
    clean_up_when_told_to_end()
    logs.mkdir(parents=True, exist_ok=True)
    outcome = Outcome()
    scenarios = sorted(_that_can_run(scenarios, outcome, all_must_run), key=rig_kind)
    build_images(scenarios)
    rigs = [Rig() for _ in range(side_by_side)]
    try:
        for (memory_mib, hypervisor), fitting in itertools.groupby(scenarios, rig_kind):
            fitting = list(fitting)
            for rig in rigs:
                rig.fit(memory_mib, hypervisor)
            _run_on(rigs[:_rigs_for(memory_mib, fitting, side_by_side)], fitting, outcome, loader, logs)
    finally:
        for rig in rigs:
            rig.stop()
    return outcome
