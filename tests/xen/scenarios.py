"""The scenarios on real Xen: which disks, which configuration, what must be seen, how it must end.

Each is a row of `SCENARIOS`. `see` are patterns that have to come in this order on the console; `never`
must not come at all; `end` is the shutdown reason wanted, or `GOES_ON` for a guest that does not
end by itself: one that waits at pvboot's menu. Expected words of pvboot are in texts.
"""
from dataclasses import dataclass, field
from typing import Callable, Optional

import actions
import texts
from texts import FIRST_LINE, MENU, proof

GOES_ON = None


@dataclass(frozen=True)
class Use:
    """A disk of the guest: the name of a sample (or `empty`), and how dom0 serves it."""
    sample: str
    backend: str = "phy"
    options: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    name: str
    disks: tuple
    see: tuple
    end: Optional[str] = "poweroff"
    memory: int = 256
    vcpus: int = 1
    extra: Optional[str] = None
    never: tuple = ("PVBOOT-PROOF: failed",)
    seconds: int = 180
    kernel: str = "pvboot"
    restart: bool = False
    # Changes made before creation (to the disks) or between creation and unpausing.
    disks_from: Optional[Callable] = None
    before_unpause: Optional[Callable] = None


def boots(name, disk, root="/dev/xvda", **more):
    """A scenario whose guest starts and proves itself."""
    words = more.get("extra", "") if "words" not in more else more.pop("words")
    kernel = more.pop("version", "")
    count = more.pop("boots", 1)
    disks = (disk,) if isinstance(disk, Use) else disk
    return Scenario(name, disks, (FIRST_LINE, proof(root, count, words or "", kernel)), **more)


def refuses(name, disk, *see, **more):
    """A scenario whose guest says what is wrong and waits at the menu."""
    disks = (disk,) if isinstance(disk, Use) else disk
    return Scenario(name, disks, (FIRST_LINE, *see, MENU), end=GOES_ON,
                    never=("PVBOOT-PROOF", "Linux version"), **more)


SCENARIOS = [
    # Kernels.
    boots("xz-kernel", Use("xz")),
    boots("lz4-kernel", Use("lz4"), version="cloud"),
    boots("zstd-kernel", Use("zstd"), version=r"6\.12"),
    boots("uncompressed-kernel", Use("vmlinux")),
    boots("big-initrd", Use("lz4-big-initrd"), memory=512),
    # Layouts.
    boots("gpt", Use("xz-gpt"), "/dev/xvda1"),
    boots("mbr", Use("lz4-mbr"), "/dev/xvda1"),
    boots("gpt-from-its-backup", Use("backup-gpt"), "/dev/xvda1"),
    # Backends.
    boots("loop-backend", Use("lz4-gpt", "loop"), "/dev/xvda1"),
    boots("qdisk-backend", Use("lz4-gpt", "qdisk"), "/dev/xvda1"),
    boots("qcow2-backend", Use("lz4-gpt", "qcow2"), "/dev/xvda1"),
    boots("cd-image", Use("lz4", "phy", {"cdrom": True}), boots=0),
    boots("second-of-two-disks", (Use("empty"), Use("lz4-gpt")), "/dev/xvdb1"),
    boots("first-of-two-disks", (Use("lz4-gpt"), Use("empty", "qdisk")), "/dev/xvda1"),
    boots("slow-disk", Use("lz4"), disks_from=actions.slow_disk),
    # Guests.
    boots("256-mib", Use("lz4"), memory=256),
    boots("3-gib", Use("lz4"), memory=3072),
    boots("two-vcpus", Use("lz4"), vcpus=2),
    boots("extra-words", Use("lz4"), extra='one two=2 three="a b"', words='one two=2 three="?a b"?'),
    Scenario("reboots-through-pvboot", (Use("lz4"),),
             (FIRST_LINE, proof(boots=1), FIRST_LINE, proof(boots=2)),
             extra="proof.reboot_once", restart=True),
    boots("stock-debian", Use("debian-gpt"), "/dev/xvda1", memory=768, version="cloud", seconds=240),
    boots("stock-debian-xz", Use("debian-gpt"), "/dev/xvda1", memory=768, seconds=300,
          extra="pvboot.entry=1>2", words="", version=r"-\d+-amd64"),
    # The model of Xen and Xen.
    Scenario("rules-of-the-model", (), (r"rules: (\d+) of \1\b",), kernel="guest-rules", memory=64),
    # Other loaders.
    boots("started-by-grub", Use("xz"), kernel="grub", disks_from=actions.stage2_of_grub),
    boots("started-by-pvboot", Use("lz4"), disks_from=actions.entry_for_pvboot),
    # Bad input: a message, the fallback, the menu.
    refuses("missing-kernel", Use("missing-kernel"), texts.MISSING_KERNEL),
    boots("missing-kernel-then-fallback", Use("missing-then-good")),
    refuses("missing-initrd", Use("missing-initrd"), texts.MISSING_INITRD),
    refuses("truncated-kernel", Use("truncated-kernel"), texts.BAD_KERNEL),
    refuses("corrupt-xz-kernel", Use("corrupt-xz"), texts.BAD_KERNEL),
    refuses("corrupt-lz4-kernel", Use("corrupt-lz4"), texts.BAD_KERNEL),
    refuses("no-kernel-at-all", Use("not-a-kernel"), texts.BAD_KERNEL),
    refuses("initrd-larger-than-memory", Use("lz4-big-initrd"), texts.TOO_LITTLE_MEMORY, memory=128),
    refuses("command-line-too-long", Use("long-line"), texts.LONG_COMMAND_LINE),
    refuses("damaged-superblock", Use("damaged-superblock"), texts.UNREADABLE_DISK),
    refuses("damaged-inodes", Use("damaged-inodes"), texts.UNREADABLE_DISK),
    refuses("damaged-partition-table", Use("damaged-gpt"), texts.UNREADABLE_DISK),
    refuses("empty-disk", Use("empty"), texts.UNREADABLE_DISK),
    refuses("no-disk", (), texts.NO_DISK, texts.NO_CONFIGURATION),
    refuses("backend-never-connects", (), texts.DEAF_BACKEND, before_unpause=actions.deaf_backend),
    refuses("backend-goes-away", (), texts.CLOSED_BACKEND, before_unpause=actions.closing_backend),
    refuses("disk-with-read-errors", Use("lz4"), texts.READ_ERROR, disks_from=actions.failing_disk),
    # The kernel is started; Linux itself then waits five minutes for the other disk's backend.
    Scenario("good-disk-beside-a-deaf-backend", (Use("lz4"),),
             (FIRST_LINE, texts.DEAF_SECOND_BACKEND, texts.STARTING), end=GOES_ON,
             before_unpause=actions.deaf_second_backend),
]
