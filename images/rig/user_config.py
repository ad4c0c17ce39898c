"""A user's own xl configuration, fitted to the rig.

Their text is passed on as it is; what follows it wins in xl. `fit` appends: the loader as kernel, their disks with
the images of this machine attached to dom0, and the endings that the rig needs to see how a guest
ends. Lines about devices that only their host has are taken out and named in `left_out`.

Fails with RigError when a disk's image is not a file or block device of this machine.
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


def fit(text, base, session, kernel):
    """(configuration text, names left out); `base` is the folder of relative image paths, `kernel`
    dom0's path of the loader."""
    text = re.sub(r"^[ \t]*#.*$", "", text, flags=re.MULTILINE)
    left_out = [m.group(1) for m in ASSIGNMENT.finditer(text) if m.group(1) in HOST_ONLY]
    text = ASSIGNMENT.sub(lambda m: "" if m.group(1) in HOST_ONLY else m.group(), text)
    found = next((m for m in ASSIGNMENT.finditer(text) if m.group(1) == "disk"), None)
    words = []
    for number, match in enumerate(TEXT.finditer(found.group(2)) if found else ()):
        disk = parse_disk(match.group(1) or match.group(2), base)
        words.append('"' + disk.specification(session, VDEVS[number]) + '"')
    lines = [text, f'kernel="{kernel}"', 'type="pv"', "disk=[" + ", ".join(words) + "]"]
    return "\n".join(lines) + "\n", left_out


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
