"""The probe (tests/guest/probe) started in three ways with the same memory, command line, module and disk: by xl
itself, by pvboot, by GRUB; and what it saw compared.

xl's and pvboot's probe must both say "PROBE: ok" and must have seen the same in the same order, but for the differences
in `DIFFERENCES`, each with its reason: a line that differs otherwise, or is there more or less often, fails the
scenario, and a fact that was expected to differ and does not is reported. GRUB's probe has to reach its verdict, where
GRUB can start the shape at all; how many lines differ from xl's is only told.

What the host sees in xenstore once the probe has powered off is compared as well.
"""
import random
import re
import struct
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher

from recipes import ext4
from rig.disks import Disk
from rig.guest import Guest

WORDS = 'alpha "beta=x y" gamma'  # as GRUB would quote them again
MODULE_BYTES = 200_003            # not whole pages
SECONDS = 180
VERDICT = r"^PROBE: (ok|ends|FAILED .*)$"
DISK_MIB = 16
ALL = ""
ANY = 1 << 16


@dataclass(frozen=True)
class Difference:
    """Facts whose first words match `key` are expected to differ for shapes that match `shapes`, because of `reason`,
    and to be `pvboot` when pvboot has started the probe. Each stands in pvboot's dump where it stands in xl's. Facts
    that xl's dump has not at all may be as many in pvboot's as `alone` says: at least, at most."""
    key: str
    pvboot: str
    reason: str
    shapes: str = ALL
    alone: tuple = (0, 0)

    def key_in(self, line):
        found = re.match(f"({self.key}) ", line)
        return found and found.group(1)

    def holds(self, line):
        return bool(re.fullmatch(f"{self.key} {self.pvboot}", line))


DIFFERENCES = (
    Difference("start.module-length", str(MODULE_BYTES),
               "exact, where Xen's builder counts whole pages of a module that it does not map",
               "linux|paddr|p2m_below"),
    Difference("content.padding-behind", r"pages \d+ not blank 1 the last at the end - 1",
               "the last page before the region's end is the one that pvboot leaves from"),
    Difference("content.free-memory", r"pages \d+ not blank ([1-9]\d*) like page tables \1",
               "the tables that pvboot ran on are Xen's to read until the switch, and nobody's afterwards"),
    Difference("store.indices", r"(\d+) \1 (\d+) \2", "pvboot has talked to xenstore; nothing waits in the ring"),
    Difference("console.indices", r"0 0 \d+ [1-9]\d*", "pvboot has talked to the console"),
    Difference("grants.frames", "16", "Xen never takes back a frame of the grant table; all entries are clear"),
    Difference("xenstore data/pvboot", '""', "what pvboot tells the host", alone=(1, 1)),
    Difference("xenstore data/pvboot/(?:version|state|entry)", '".+"', "what pvboot tells the host", alone=(3, 3)),
    # At least the three that every backend gives a frontend [xen/io/blkif.h].
    Difference(r"xenstore backend/vbd/51712/(?:feature|discard|sector|physical-sector|info)\S*", '".+"',
               "what a backend has told one frontend it leaves for the next", alone=(3, ANY)),
)

# xenstore keys that hold machine frames, times or names.
STORE_VARIES = re.compile(r"(^|/)(vm|name|domid|ring-ref|tty|xend|start_time|uuid|script|params|physical-device\S*|"
                          r"port|event-channel|type|hotplug-status|backend|frontend|frontend-id)$")


def starts_alike(shape, grub=None):
    """Judges a scenario by three starts. `grub`: why GRUB cannot start this shape."""
    def judge(run):
        module, image = _module(run), _disk(run, shape)
        by_xl = _start(run, "xl", run.elf(f"guest-probe-{shape}"), image, extra=WORDS, ramdisk=module)
        by_pvboot = _start(run, "pvboot", run.elf("pvboot"), image)
        fault = _fault_of(by_xl) or _fault_of(by_pvboot) or _compare(run, shape, by_xl, by_pvboot)
        if fault or grub:
            return fault
        by_grub = _start(run, "grub", run.elf("grub"), image)
        if not by_grub.verdict:
            return f"GRUB's probe reached no verdict: {by_grub.end}"
        gone, new = differing(by_xl.lines, by_grub.lines)
        run.tell(f"started by GRUB the probe says {by_grub.verdict!r} and differs in {max(len(gone), len(new))} lines")
        return None
    return judge


def ends_alike(run):
    """Judges by what Xen logs when the probe does what no guest survives without handlers."""
    image = _disk(run, "linux")
    for word in ("probe.end=trap", "probe.end=event"):
        logs = {}
        for way, kernel in (("xl", "guest-probe-linux"), ("pvboot", "pvboot")):
            start = _start(run, way, run.elf(kernel), image, extra=word)
            if start.verdict != "ends" or start.end != "crash":
                return f"{word}, started by {way}: the probe says {start.verdict!r}, and its end is {start.end}"
            told = [line for line in run.guest.xen_log().splitlines() if re.search("Unhandled|domain_crash", line)]
            logs[way] = [re.sub(r"\bd\d+v", "dNv", re.sub("^\\(XEN\\) (\\[.*?\\])?", "", line)) for line in told]
        run.note(f"{word}: {logs}\n")
        if not logs["xl"] or logs["xl"] != logs["pvboot"]:
            return f"{word}: Xen says {logs['xl']} when xl has started the probe, {logs['pvboot']} when pvboot has"
    return None


@dataclass
class Start:
    way: str
    verdict: str
    end: str
    lines: list


def _module(run):
    """What the probe looks for: a magic word, the length, and bytes that are nowhere else."""
    file = run.folder / "probe.module"
    noise = random.Random(7).randbytes(MODULE_BYTES - 16)
    file.write_bytes(b"PVMODULE" + struct.pack("<Q", MODULE_BYTES) + noise)
    return file


def _disk(run, shape):
    tree = run.folder / "tree"
    (tree / "boot/grub").mkdir(parents=True)
    (tree / "boot/probe.elf").write_bytes(run.elf(f"guest-probe-{shape}").read_bytes())
    (tree / "boot/module").write_bytes(_module(run).read_bytes())
    (tree / "boot/grub/grub.cfg").write_text(
        f"set timeout=0\nmenuentry 'Probe' {{\nlinux /boot/probe.elf {WORDS}\ninitrd /boot/module\n}}\n")
    image = run.folder / "probe.img"
    ext4.from_tree(image, tree, DISK_MIB, "probe", as_root=False)
    return image


def _start(run, way, kernel, image, **options):
    scenario = run.scenario
    if run.guest:
        run.guest.destroy()
    run.guest = Guest(run.session, kernel, [Disk(image)], memory_mib=scenario.memory, vcpus=scenario.vcpus, **options)
    run.guest.unpause()
    found = run.guest.wait_for(VERDICT, SECONDS)
    # The last words come after the end has been seen.
    end = run.guest.wait_end(30) if found else run.guest.reason() or "it goes on"
    lines = re.findall(r"^probe: (.*)$", run.guest.output, re.MULTILINE)
    if end == "poweroff":
        lines += [f"xenstore {line}" for line in store(run)]
    in_store = "".join(f"{line}\n" for line in lines if line.startswith("xenstore "))
    run.note(f"--- {way}: {end}\n{run.guest.output}\n{in_store}")
    return Start(way, found and found.group(1), end, lines)


def _fault_of(start):
    if start.verdict != "ok":
        return f"started by {start.way} the probe says {start.verdict!r} ({start.end})"
    return None if start.end == "poweroff" else f"started by {start.way} the probe ended with {start.end}"


def store(run):
    """The domain's own part of xenstore and the states of its backends, without what differs by nature; sorted, since
    keys have no order there."""
    domid = run.guest.states[-1][0]
    own, backends = f"/local/domain/{domid}", "/local/domain/0/backend"
    listed = run.session.must(f"xenstore-ls -f {own}; xenstore-ls -f {backends}")
    kept = []
    for line in listed.splitlines():
        path, _, value = line.partition(" = ")
        if path.startswith(f"{own}/"):
            key = path.removeprefix(f"{own}/")
        elif re.match(rf"{backends}/\w+/{domid}/", path):
            key = "backend/" + path.removeprefix(f"{backends}/").replace(f"/{domid}/", "/", 1)
        else:
            continue
        kept.append(key if STORE_VARIES.search(key) else f"{key} {value}")
    return sorted(kept)


def differing(some, others):
    """The lines that each has and the other has not, or has elsewhere."""
    gone, new = [], []
    for what, start, end, other_start, other_end in SequenceMatcher(None, some, others, autojunk=False).get_opcodes():
        if what != "equal":
            gone += some[start:end]
            new += others[other_start:other_end]
    return gone, new


def expected_for(shape):
    return [difference for difference in DIFFERENCES if re.search(difference.shapes, shape)]


def _difference_of(line, expected):
    return next((difference for difference in expected if difference.key_in(line)), None)


def unforeseen(by_xl, by_pvboot, expected):
    """What is wrong with pvboot's dump beside xl's; and the expected differences that did not come."""
    def compared(line):
        difference = _difference_of(line, expected)
        return difference.key_in(line) if difference else line

    xl, pvboot = [*map(compared, by_xl)], [*map(compared, by_pvboot)]
    wrong, came, alone, known = [], set(), Counter(), set(xl)
    for what, start, end, new_start, new_end in SequenceMatcher(None, xl, pvboot, autojunk=False).get_opcodes():
        gone, new = by_xl[start:end], by_pvboot[new_start:new_end]
        if what == "equal":
            for theirs, line in zip(gone, new):
                if line != theirs:
                    difference = _difference_of(line, expected)
                    came.add(difference)
                    wrong += [] if difference.holds(line) else [f"{theirs} became {line}"]
            continue
        wrong += [f"{line} (xl alone)" for line in gone]
        for line in new:
            difference = _difference_of(line, expected)
            if difference and difference.holds(line) and compared(line) not in known:
                came.add(difference)
                alone[difference] += 1
            else:
                wrong.append(f"{line} (pvboot alone)")
            known.add(compared(line))
    for difference in expected:
        least, most = difference.alone
        if not least <= alone[difference] <= most:
            wrong.append(f"{alone[difference]} lines of {difference.key} (pvboot alone), not {least}")
    return wrong, [difference for difference in expected if difference not in came]


def _compare(run, shape, by_xl, by_pvboot):
    for way, lines in zip(("xl", "pvboot"), differing(by_xl.lines, by_pvboot.lines)):
        run.note("".join(f"{way} alone: {line}\n" for line in lines))
    wrong, not_seen = unforeseen(by_xl.lines, by_pvboot.lines, expected_for(shape))
    for difference in not_seen:
        run.tell(f"{difference.key} does not differ any more: {difference.reason}")
    if wrong:
        return f"pvboot's start differs from xl's: {'; '.join(wrong[:3])} ({len(wrong)} lines)"
    return None
