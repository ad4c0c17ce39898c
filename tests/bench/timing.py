"""What pvboot's own timing lines say about one start (pvboot.log=timing).

A run holds the lines as {"timing": [...]}: "STEP: total, +SECONDS s; more". Fails with RigError when
a line is not there.
"""
import re

from rig.machine import RigError

# From the kernel's last byte to its first instruction, without reading the initrd and closing disks.
HANDOVER_STEPS = ("kernel loaded", "handover prepared", "ready to leave", "let go of the files", "leaving")


def _more(run, pattern, what):
    for line in run["timing"]:
        if found := re.search(pattern, line):
            return found
    raise RigError(f"pvboot printed no {what}: {run['timing']}")


def step(run, name):
    """Seconds that this step took."""
    return float(_more(run, rf"^{name}: [\d.]+ s, \+([\d.]+) s", f"time for '{name}'").group(1))


def decoding(run):
    """Seconds in the decoder."""
    return float(_more(run, r"decoded in ([\d.]+) s", "time for decoding").group(1))


def waiting(run):
    """Seconds of asking and waiting for the disk while the kernel was decoded."""
    return float(_more(run, r"([\d.]+) s for the disk", "time for the disk").group(1))


def closing(run):
    """Seconds for each disk that was closed."""
    found = _more(run, r"^disks closed: .* (\d+) disks?$", "number of closed disks")
    return step(run, "disks closed") / max(1, int(found.group(1)))


def handover(run):
    """Seconds from the known layout to the kernel's first instruction."""
    layout = float(_more(run, r"([\d.]+) s for the layout", "time for the layout").group(1))
    left = int(_more(run, r"^leaving: .*Xen's clock says (\d+) ns", "time of leaving").group(1))
    return layout + sum(step(run, name) for name in HANDOVER_STEPS) + (run["entered"] - left) / 1e9


def peak_mib(run):
    """What pvboot used beyond the target's own memory, without the codec's dictionary."""
    return float(_more(run, r"at most ([\d.]+) MiB beyond the target's memory", "peak of memory").group(1))
