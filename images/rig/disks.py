"""Disk images of this machine as disks of dom0, and the disks of a guest.

`Drives` hot-adds an image to the running QEMU as a SCSI disk over a copy-on-write overlay, so the
image itself is never written; dom0 sees /dev/sdX. `Disk` says how a guest gets it:

- backend "phy" (Linux blkback on the block device), "qdisk" (dom0's QEMU on the block device),
- "loop": the image is copied to a file in the shared folder, and xl's `file:` takes it through a
  loop device and blkback,
- "qcow2": the image becomes a qcow2 file in the shared folder, which dom0's QEMU serves.
"""
import itertools
import pathlib
import re
import subprocess
import time

from recipes import host
from rig import qmp
from rig.machine import RigError

BACKENDS = ("phy", "qdisk", "loop", "qcow2")
SCSI_IDS_PER_PORT = 32
BLOCK_SCRIPT = "/run/rig/block-direct"


class Disk:
    def __init__(self, image, backend="phy", vdev=None, cdrom=False, readonly=False):
        if backend not in BACKENDS:
            raise ValueError(f"unknown backend {backend}: one of {', '.join(BACKENDS)}")
        self.image = pathlib.Path(image)
        self.backend = backend
        self.vdev = vdev
        self.cdrom = cdrom
        self.readonly = readonly or cdrom

    def specification(self, session, vdev):
        """The disk as xl wants it; attaches or copies the image for it."""
        words = [f"vdev={self.vdev or vdev}", "access=" + ("ro" if self.readonly else "rw")]
        if self.cdrom:
            words.append("devtype=cdrom")
        if self.backend in ("phy", "qdisk"):
            words += ["format=raw", f"backendtype={self.backend}"]
            if self.backend == "phy":
                words.append(f"script={BLOCK_SCRIPT}")
            target = session.drives.attach(self.image)
        elif self.backend == "loop":
            words += ["format=raw"]
            target = session.drives.copy(self.image)
        else:
            words += ["format=qcow2"]
            target = session.drives.as_qcow2(self.image)
        return ",".join([*words, f"target={target}"])


class Drives:
    def __init__(self, session):
        self._session = session
        first = (session._port - 1) * SCSI_IDS_PER_PORT
        self._own = range(first, first + SCSI_IDS_PER_PORT)
        self._ids = itertools.cycle(self._own)
        self._attached = {}
        self._files = itertools.count(1)
        self._remove_leftovers()

    def attach(self, image):
        """Adds the image as a SCSI disk, returns its /dev/sdX in dom0."""
        number = next(n for n in self._ids if n not in self._attached)
        # A name that no session before us can have left behind.
        name = f"disk{number}-{time.monotonic_ns()}"
        machine = self._session.machine
        overlay = machine.folder / f"{name}.qcow2"
        host.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", image_format(image),
                  "-b", pathlib.Path(image).resolve(), overlay])
        qmp.command(machine, "blockdev-add", driver="qcow2", **{"node-name": name},
                    file={"driver": "file", "filename": str(overlay)})
        qmp.command(machine, "device_add", driver="scsi-hd", id=f"hd{number}", bus="scsi0.0",
                    **{"channel": 0, "scsi-id": number, "lun": 0, "drive": name})
        self._attached[number] = overlay
        device = self._session.must(
            f"for i in $(seq 100); do d=$(ls /sys/bus/scsi/devices/0:0:{number}:0/block 2>/dev/null)"
            " && [ -b /dev/$d ] && echo $d && exit; sleep 0.1; done; exit 1", 30).strip()
        return f"/dev/{device}"

    def copy(self, image):
        """Copies the image to a file that dom0 has in its shared folder, returns dom0's path."""
        target = self._session.folder / f"file{next(self._files)}.img"
        host.run(["cp", "--sparse=always", "--reflink=auto", image, target])
        return f"{self._session.dom0_folder}/{target.name}"

    def as_qcow2(self, image):
        target = self._session.folder / f"file{next(self._files)}.qcow2"
        host.run(["qemu-img", "convert", "-O", "qcow2", image, target])
        return f"{self._session.dom0_folder}/{target.name}"

    def detach_all(self):
        """Takes every disk away again; guests that use them must be gone."""
        for number, overlay in self._attached.items():
            try:
                self._remove(number, overlay.stem)
            except (RigError, OSError):
                continue  # The machine is going down, or has gone: the disks go with it.
            overlay.unlink(missing_ok=True)
        self._attached.clear()

    def _remove(self, number, node):
        self._unplug(number)
        self._remove_node(node)

    def _unplug(self, number):
        self._session.sh(f"echo 1 > /sys/bus/scsi/devices/0:0:{number}:0/delete", 10)
        qmp.command(self._session.machine, "device_del", id=f"hd{number}")

    def _remove_node(self, node):
        """The device lets go of its node some time after device_del has answered."""
        for attempt in range(50):
            try:
                qmp.command(self._session.machine, "blockdev-del", **{"node-name": node})
                return
            except RigError:
                if attempt == 49:
                    raise
                time.sleep(0.1)

    def _remove_leftovers(self):
        """Disks of a session on this port that was killed before it could take them away."""
        machine = self._session.machine
        devices = {d["name"] for d in qmp.command(machine, "qom-list", path="/machine/peripheral")}
        for number in self._own:
            if f"hd{number}" in devices:
                self._unplug(number)
        for node in qmp.command(machine, "query-named-block-nodes", flat=True):
            number = re.match(r"disk(\d+)-", node["node-name"])
            if number and int(number.group(1)) in self._own:
                self._remove_node(node["node-name"])
                (machine.folder / f"{node['node-name']}.qcow2").unlink(missing_ok=True)


def image_format(image):
    done = subprocess.run(["qemu-img", "info", "--output=json", image], capture_output=True, text=True)
    if done.returncode != 0:
        raise RigError(f"{image}: {done.stderr.strip()}")
    return "qcow2" if '"format": "qcow2"' in done.stdout else "raw"
