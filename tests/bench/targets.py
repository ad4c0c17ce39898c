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


def median(runs, name, value=lambda run: run["seconds"]):
    """Of all runs of a case; None when it was not run."""
    return statistics.median(value(run) for run in runs[name]) if name in runs else None


def ratio(one, other):
    return one / other if one is not None and other is not None else None


def stripped_size(elf):
    with tempfile.TemporaryDirectory() as folder:
        stripped = pathlib.Path(folder) / "stripped"
        subprocess.run(["strip", "-o", stripped, elf], check=True)
        return os.path.getsize(stripped)


def figures(runs):
    """{what: (value, unit)} of all that was measured."""
    found = {name: (median(runs, name), "s") for name in runs if name != "libraries"}
    for loader, seconds in (("grub", _grub_initrd(runs)), ("pvboot", _pvboot_initrd(runs))):
        found[f"{loader}, rate of the 96 MB initrd"] = (ratio(INITRD_MB, seconds), "MB/s")
    for codec, name in CODEC_NAMES.items():
        found[f"{name}, pvboot's decoding"] = (_decoding(runs, codec), "s")
        found[f"{name}, waiting for the disk meanwhile"] = (median(runs, f"pvboot, {codec}", timing.waiting), "s")
        found[f"{name}, the library alone in a Linux guest"] = (_library(runs, codec), "s")
    for memory in ("512 MiB", "12 GiB"):
        found[f"handover, {memory} guest"] = (median(runs, f"entry, {memory} guest", timing.handover), "s")
        found[f"closing one disk, {memory} guest"] = (median(runs, f"entry, {memory} guest", timing.closing), "s")
    return {what: figure for what, figure in found.items() if figure[0] is not None}


def targets(runs, loader):
    small = median(runs, "entry, 512 MiB guest", timing.handover)
    large = median(runs, "entry, 12 GiB guest", timing.handover)
    yield Target("96 MB initrd, rate against GRUB's", ratio(_grub_initrd(runs), _pvboot_initrd(runs)), 8, True)
    yield Target("XZ kernel + small initrd, time against GRUB's",
                 ratio(median(runs, "pvboot, xz"), median(runs, "grub, xz")), 0.95)
    yield Target("6 GiB guest against 512 MiB, time",
                 ratio(median(runs, "pvboot, 6 GiB guest"), median(runs, "pvboot, 512 MiB guest")), 1.25)
    for codec, name in CODEC_NAMES.items():
        yield Target(f"{name}, time to decode against the library's",
                     ratio(_decoding(runs, codec), _library(runs, codec)), 1.1)
    yield Target("handover of a 12 GiB guest against 512 MiB", ratio(large, small), 1.2)
    yield Target("the same against a bare guest's first line", ratio(large, median(runs, "bare")), 2)
    big = "pvboot, 96 MB initrd"
    peak = max(timing.peak_mib(run) for run in runs[big]) if big in runs else None
    yield Target("peak beyond the target's memory, MiB", peak, 24)
    yield Target("ELF file stripped, MiB", stripped_size(loader) / 2**20, 1.5)


def _grub_initrd(runs):
    big, small = median(runs, "grub, 96 MB initrd"), median(runs, "grub, xz")
    return big - small if big is not None and small is not None else None


def _pvboot_initrd(runs):
    return median(runs, "pvboot, 96 MB initrd", lambda run: timing.step(run, "initrd loaded"))


def _decoding(runs, codec):
    return median(runs, f"pvboot, {codec}", timing.decoding)


def _library(runs, codec):
    times = [seconds for run in runs.get("libraries", ()) for seconds in run["decoded"].get(codec, ())]
    return statistics.median(times) if times else None
