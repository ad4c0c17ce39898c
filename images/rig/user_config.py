"""A user's own xl configuration, fitted to the rig.

Their text is passed on as it is; what follows it wins in xl. `fit` appends: the loader as kernel, their disks with
the images of this machine attached to dom0, and their ramdisk= as a file of dom0's. Lines about
devices that only their host has are taken out and named in `left_out`.

Fails with RigError when a disk's image is not a file or block device of this machine, or the ramdisk
not a file.
"""
import pathlib
import re

from rig.disks import Disk
from rig.guest import VDEVS
from rig.machine import RigError

HOST_ONLY = ("bootloader", "bootloader_args", "vif", "vfb", "vtpm", "pci", "usbdev", "usbctrl", "p9",
             "pvcalls", "vkb", "pool", "cpus", "device_model_override", "uuid")
ASSIGNMENT = re.compile(r"^[ \t]*(\w+)[ \t]*=[ \t]*(\[[^\]]*\]|[^\n;]*)", re.MULTILINE)
TEXT = re.compile(r"'([^']*)'|\"([^\"]*)\"")
POSITIONAL = ("target", "format", "vdev", "access")
TEXT_OR_COMMENT = re.compile(r"""('[^'\n]*'|"[^"\n]*")|#.*""")


def fit(text, base, session, kernel, image=None):
    """(configuration text, names left out); `base` is the folder of relative paths, `kernel` dom0's
    path of the loader. With `image` that is the guest's one disk, whatever theirs are."""
    text = _without_comments(text)
    left_out = [m.group(1) for m in ASSIGNMENT.finditer(text) if m.group(1) in HOST_ONLY]
    text = ASSIGNMENT.sub(lambda m: "" if m.group(1) in HOST_ONLY else m.group(), text)
    disks = [Disk(image)] if image else [parse_disk(words, base) for words in _texts_of(text, "disk")]
    words = ", ".join(f'"{disk.specification(session, VDEVS[n])}"' for n, disk in enumerate(disks))
    lines = [text, f'kernel="{kernel}"', 'type="pv"', f"disk=[{words}]"]
    for name in _texts_of(text, "ramdisk"):
        lines.append(f'ramdisk="{session.push(_file(pathlib.Path(base, name)), "their.ramdisk")}"')
    return "\n".join(lines) + "\n", left_out


def memory_mib(text):
    """The guest's memory in a configuration, or None."""
    value = _value_of(_without_comments(text), "memory")
    return int(value, 0) if re.fullmatch(r"[1-9]\d*|0x[0-9a-fA-F]+", value) else None


def _without_comments(text):
    return TEXT_OR_COMMENT.sub(lambda m: m.group(1) or "", text)


def _value_of(text, name):
    """What stands behind `name =`, or nothing; the last of several counts, as in xl."""
    return next((m.group(2).strip() for m in reversed([*ASSIGNMENT.finditer(text)]) if m.group(1) == name), "")


def _texts_of(text, name):
    """The quoted texts of a value: one, or those of a list."""
    return [m.group(1) or m.group(2) or "" for m in TEXT.finditer(_value_of(text, name))]


def _file(path):
    if not path.is_file():
        raise RigError(f"there is no {path} on this machine")
    return path


def parse_disk(specification, base):
    """An xl disk specification, in its old or new form, as a Disk."""
    values = {}
    # The old form begins with a prefix and is positional: file:/images/a.img,xvda,w
    old = re.match(r"(?:tap2?:)?(?:phy|file|aio|raw|qcow2|tapdisk):(.*)", specification)
    order = iter(("target", "vdev", "access") if old else POSITIONAL)
    for word in (old.group(1) if old else specification).split(","):
        name, equals, value = word.strip().partition("=")
        if equals:
            values[name] = value
        elif name in ("cdrom", "devtype=cdrom"):
            values["devtype"] = "cdrom"
        else:
            values[next(order, "more")] = name
    vdev, _, kind = values.get("vdev", "").partition(":")
    image = pathlib.Path(base, values.get("target", ""))
    if not (image.is_file() or image.is_block_device()):
        raise RigError(f"disk {specification!r}: there is no {image} on this machine")
    cdrom = "cdrom" in (kind, values.get("devtype"))
    return Disk(image, vdev=vdev or None, cdrom=cdrom, readonly=values.get("access", "rw") in ("r", "ro"))
