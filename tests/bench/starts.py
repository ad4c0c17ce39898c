"""One start of each kind of guest, timed.

Each gives a dict that goes into build/bench.json as it is: `seconds` from `xl unpause` to the first
line that is waited for, and what the guest says about its own times. Fails with RigError when that
line does not come.
"""
import contextlib
import pathlib
import re
import tempfile

from recipes import initramfs, kernels
from rig.disks import Disk
from rig.guest import Guest
from rig.machine import RigError

from bench import disks

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / "build/release"
GRUB = pathlib.Path("/usr/lib/grub-xen/grub-x86_64-xen.bin")
SECONDS = 180
LINUX_RUNS = r"Linux version \d"
ENTERED = r"BARE: ([0-9a-f]{16})"
DECODED = r"^decode: .* \d+ bytes((?: [\d.]+ s)+)\s*^"
DECODE_INIT = """#!/bin/sh
/bin/bench-decode --times 2 --seconds 1 /payload
echo decode: end
/bin/busybox poweroff -f
"""


@contextlib.contextmanager
def _file(content):
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        yield file


def _run(session, guest, pattern, seconds=SECONDS):
    try:
        guest.unpause()
        found = guest.wait_for(pattern, seconds)
        if not found:
            raise RigError(f"'{pattern}' was not printed; the console:\n{guest.output[-2000:]}")
        return {"seconds": guest.time_of(found.start()) - guest.unpaused_at, "found": found.group(0)}
    finally:
        guest.destroy()
        session.drives.detach_all()


def grub(session, disk, memory):
    run = _run(session, Guest(session, GRUB, [Disk(disks.image(disk))], memory_mib=memory), LINUX_RUNS)
    return {"seconds": run["seconds"]}


def pvboot(session, loader, disk, memory, pattern=LINUX_RUNS):
    guest = Guest(session, loader, [Disk(disks.image(disk))], memory_mib=memory, extra="pvboot.log=timing")
    run = _run(session, guest, pattern)
    return {**run, "timing": re.findall(r"timing: (.*)", guest.output)}


def entry(session, loader, memory):
    """pvboot starts a kernel that says when it was entered."""
    run = pvboot(session, loader, "bench-entry", memory, ENTERED)
    return {**run, "entered": int(re.search(ENTERED, run["found"]).group(1), 16)}


def bare(session):
    """The least that Xen can start, without any loader."""
    return _run(session, Guest(session, BUILD / "guest-bare.elf", memory_mib=64), ENTERED)


def _decoding(run):
    return {**run, "decoding": [float(time) for time in re.findall(r"([\d.]+) s", run["found"])]}


def decoder(session, codec, memory):
    """Pvboot's decoder decodes what lies on that codec's disk, from memory to memory; `decoding` has the seconds of
    each time."""
    with _file(bytes(4096) + disks.payload(codec)) as payload:
        guest = Guest(session, BUILD / "guest-decode.elf", ramdisk=pathlib.Path(payload.name), memory_mib=memory)
        return _decoding(_run(session, guest, DECODED + "GUEST-DECODE: ok"))


def library(session, codec, memory):
    """The same by the codec's own library in a Linux guest."""
    archive = initramfs.with_busybox(DECODE_INIT)
    archive.file("bin/bench-decode", (BUILD / "bench-decode").read_bytes())
    archive.file("payload", disks.payload(codec), 0o644)
    with _file(archive.cpio()) as ramdisk:
        guest = Guest(session, kernels.ALL["lz4"].file("vmlinuz"), ramdisk=pathlib.Path(ramdisk.name),
                      memory_mib=memory, extra="console=hvc0 quiet")
        return _decoding(_run(session, guest, DECODED + "decode: end"))
