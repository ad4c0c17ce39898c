"""What the runs say: medians, and each target with its limit.

A Target has a value, or None where the case could not be run on this machine; then it counts as
missed.
"""
import os
import pathlib
import statistics
import subprocess
import tempfile
from collections import namedtuple

from recipes import samples

from bench import timing

INITRD_MB = samples.BIG_INITRD_MIB * 1.048576
BIG = "pvboot, 96 MB initrd"
CODEC_NAMES = {"xz": "XZ", "lz4": "LZ4", "zstd": "ZSTD", "gzip": "gzip"}


class Target(namedtuple("Target", "what value limit at_least", defaults=(False,))):
    def met(self):
        if self.value is None:
            return False
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def line(self):
        value = "not run" if self.value is None else f"{self.value:.2f}"
        side = "at least" if self.at_least else "at most"
        return f"{self.what:56} {value:>8}   {side:8} {self.limit:5}   {'met' if self.met() else 'MISSED'}"


def start(run):
    return run["seconds"]


def initrd(run):
    return timing.step(run, "initrd loaded")


def decoding(run):
    """From memory to memory."""
    return statistics.median(run["decoding"])


def values(runs, name, value=start):
    """Of each run of a case; nothing when it was not run."""
    return [value(run) for run in runs.get(name, ())]


def median(values):
    return statistics.median(values) if values else None


def ratio(some, others):
    """The median of the ratios of each round; None when one side was not run."""
    return median([one / other for one, other in zip(some, others)])


def stripped_size(elf):
    with tempfile.TemporaryDirectory() as folder:
        stripped = pathlib.Path(folder) / "stripped"
        subprocess.run(["strip", "-o", stripped, elf], check=True)
        return os.path.getsize(stripped)


def figures(runs):
    """{what: (median, unit)} of all that was measured."""
    found = {name: (median(values(runs, name)), "s") for name in runs if not name.startswith(("decoder", "library"))}
    for loader, seconds in (("grub", _grub_initrd(runs)), ("pvboot", values(runs, BIG, initrd))):
        found[f"{loader}, rate of the 96 MB initrd"] = (median([INITRD_MB / each for each in seconds]), "MB/s")
    for codec, name in CODEC_NAMES.items():
        found[f"{name}, decoding while the disk works"] = (median(values(runs, f"pvboot, {codec}", timing.decoding)), "s")
        found[f"{name}, waiting for the disk besides"] = (median(values(runs, f"pvboot, {codec}", timing.waiting)), "s")
        found[f"{name}, decoding from memory to memory"] = (median(values(runs, f"decoder, {codec}", decoding)), "s")
        found[f"{name}, the library in a Linux guest"] = (median(values(runs, f"library, {codec}", decoding)), "s")
    for memory in ("512 MiB", "12 GiB"):
        case = f"entry, {memory} guest"
        found[f"handover, {memory} guest"] = (median(values(runs, case, timing.handover)), "s")
        found[f"closing one disk, {memory} guest"] = (median(values(runs, case, timing.closing)), "s")
    return {what: figure for what, figure in found.items() if figure[0] is not None}


def targets(runs, loader):
    small = values(runs, "entry, 512 MiB guest", timing.handover)
    large = values(runs, "entry, 12 GiB guest", timing.handover)
    yield Target("96 MB initrd, rate against GRUB's", ratio(_grub_initrd(runs), values(runs, BIG, initrd)), 8, True)
    yield Target("XZ kernel + small initrd, time against GRUB's",
                 ratio(values(runs, "pvboot, xz"), values(runs, "grub, xz")), 0.95)
    yield Target("6 GiB guest against 512 MiB, time",
                 ratio(values(runs, "pvboot, 6 GiB guest"), values(runs, "pvboot, 512 MiB guest")), 1.25)
    for codec, name in CODEC_NAMES.items():
        yield Target(f"{name}, time to decode against the library's",
                     ratio(values(runs, f"decoder, {codec}", decoding), values(runs, f"library, {codec}", decoding)), 1.1)
    yield Target("handover of a 12 GiB guest against 512 MiB", ratio(large, small), 1.2)
    yield Target("the same against a bare guest's first line", ratio(large, values(runs, "bare")), 2)
    peaks = values(runs, BIG, timing.peak_mib)
    yield Target("peak beyond the target's memory, MiB", max(peaks, default=None), 24)
    yield Target("ELF file stripped, MiB", stripped_size(loader) / 2**20, 1.5)


def _grub_initrd(runs):
    """What GRUB needs more for the large initrd than for the small one, of each round."""
    return [big - small for big, small in zip(values(runs, "grub, 96 MB initrd"), values(runs, "grub, xz"))]
