"""What entries of some scenarios load besides their kernel: initrds in all their forms, and multiboot modules.

Files of guests are functions of the run that give bytes, for contents.holding; `large_initrd` makes a disk. What a
guest's init must find is said here too: `found` is the line with which CHECK shows a file, `told` and `module_of_mini`
the lines with which tests/guest/modules and tests/guest/mini show a module.
"""
import gzip
import hashlib
import random
import re
import stat
import struct
import subprocess

from recipes import disk as disks
from recipes import host, initramfs, samples, xen_rig
from rig.disks import Disk

import contents
from actions import fnv1a

GIB = 1 << 30
# Put into the initramfs under this name, and started by rdinit=: shows the files named on the command line, then goes
# the usual way.
CHECK_PATH = "/sbin/check"
CHECK = """#!/bin/sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
for word in $(cat /proc/cmdline); do
  case $word in show=*)
    file=${word#show=}
    echo "PVBOOT-FILE: $file $(sha256sum <$file | cut -d' ' -f1) $(stat -c %a $file)" ;;
  esac
done
dmesg | sed -n 's/.*RAMDISK: /PVBOOT-RAMDISK: /p'
umount /proc
exec /init
"""
PROOF_DATA = random.Random(1).randbytes(1 << 20)  # /proof/data of a sample
SECOND, ODD, ODD_WORDS = random.Random(21).randbytes(30001), b"odd", 'three "a b"'


def entry(files, initrds, commands="initrd {}"):
    """A grub.cfg whose entry starts CHECK, which shows these files, with these initrds."""
    shown = " ".join(f"show={file}" for file in files)
    return contents.configuration(f"linux /boot/vmlinuz root=UUID={samples.UUID} ro console=hvc0 rdinit={CHECK_PATH} "
                                  f"{shown} quiet\n" + commands.format(initrds))


def found(path, content, mode="755"):
    return rf"^PVBOOT-FILE: {path} {hashlib.sha256(content).hexdigest()} {mode}$"


def told(number, content, words):
    return rf"^modules: module {number} {len(content)} bytes, sum {fnv1a(content)}, words '{re.escape(words)}'$"


def module_of_mini(content):
    return rf"^mini: module of {len(content)} bytes, sum {int(fnv1a(content), 16)}$"


def initrd_in_lz4(run):
    """The sample's initrd in LZ4's legacy format, which has no end of its own."""
    file = run.folder / "initrd.gz"
    host.run(["debugfs", "-R", f"dump /boot/initrd.img {file}", samples.image(run.scenario.disks[0].sample)])
    return subprocess.run(["lz4", "-l", "-c"], input=gzip.decompress(file.read_bytes()), stdout=subprocess.PIPE,
                          check=True).stdout


def second_initrd(run):
    """A compressed archive whose length is odd."""
    archive = initramfs.Archive()
    archive.file("second/file", SECOND, 0o640)
    data = archive.gz()
    # gzip's optional file name [RFC 1952] makes it longer by one or two.
    name = b"\0" if len(data) % 2 == 0 else b"x\0"
    return data[:3] + bytes([data[3] | 8]) + data[4:10] + name + data[10:]


def xen(run):
    """The hypervisor as Debian installs it."""
    return gzip.compress(xen_rig.XEN.file("xen.elf").read_bytes(), 1)


def modules_guest_without_pfn(run):
    """The modules guest without its wish for a module that is not mapped: its MOD_START_PFN note says 0."""
    note = struct.pack("<III4s", 4, 8, 16, b"Xen\0")
    data = contents.guest("modules")(run)
    at = data.index(note) + len(note)
    return data[:at] + bytes(8) + data[at + 8:]


def _header(name, mode, size):
    path = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(path), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    return header + bytes(-len(header) % 4)


def large_initrd(run, images):
    """A disk whose entry has an initrd of more than 1 GiB before the usual one. It is an archive, almost all of it a
    hole: the content of a device node, which Linux steps over; then comes CHECK."""
    image, large, config = (run.folder / name for name in ("changed.img", "large.cpio", "grub.cfg"))
    rest = initramfs.Archive()
    rest.file(CHECK_PATH[1:], CHECK)
    with open(large, "wb") as file:
        head = _header("hole", stat.S_IFCHR | 0o600, GIB)
        file.write(head)
        file.seek(len(head) + GIB)
        file.write(rest.cpio())
    config.write_text(entry([CHECK_PATH], "/boot/large.cpio /boot/initrd.img"))
    disks.clone(images[0], image)
    commands = f"rm {contents.GRUB_CFG}\nwrite {config} {contents.GRUB_CFG}\nwrite {large} /boot/large.cpio\n"
    subprocess.run(["debugfs", "-w", "-f", "-", image], input=commands, text=True, stdout=subprocess.PIPE, check=True)
    run.initrd_bytes = _length_of_both(image, large.stat().st_size)
    return [Disk(image)]


def _length_of_both(image, large):
    shown = host.run(["debugfs", "-R", "stat /boot/initrd.img", image])
    usual = int(re.search(r" Size: (\d+)\n", shown).group(1))
    return (large + 4 + 4095) // 4096 * 4096 + usual


def linux_saw_the_whole_initrd(run):
    """Linux names the whole pages that its initrd takes."""
    first, last = (int(number, 16) for number in
                   re.search(r"PVBOOT-RAMDISK: \[mem (0x\w+)-(0x\w+)\]", run.guest.output).groups())
    wanted = (run.initrd_bytes + 4095) // 4096 * 4096
    return None if last + 1 - first == wanted else f"Linux saw an initrd of {last + 1 - first} bytes, not {wanted}"
