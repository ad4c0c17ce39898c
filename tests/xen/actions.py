"""What some scenarios do to disks and backends, beyond naming them.

A `disks_from` action gets the run and the scenario's disks as images, and returns Disk objects. A
`before_unpause` action gets the session and the guest, created and paused.
"""
import pathlib
import subprocess

from recipes import disk as disks
from recipes import host, samples
from rig.disks import BLOCK_SCRIPT, Disk

MAJOR_XVD = 202
VDEV_XVDA, VDEV_XVDB = MAJOR_XVD << 8, (MAJOR_XVD << 8) + 16
CHAINED = "/boot/xen/pvboot-x86_64.elf"


class DeviceOfDom0(Disk):
    """A guest's disk that is a block device dom0 has already."""

    def __init__(self, path):
        super().__init__(path)
        self._path = path

    def specification(self, session, vdev):
        return f"vdev={vdev},access=rw,format=raw,backendtype=phy,script={BLOCK_SCRIPT},target={self._path}"


def _write_into(image, files):
    """Writes files of this machine into an ext4 image: {path in the image: file}."""
    commands = []
    for path, file in files.items():
        commands += [f"rm {path}", f"write {file} {path}"]
    script = "\n".join(["mkdir /boot/xen", *commands]) + "\n"
    done = subprocess.run(["debugfs", "-w", "-f", "-", str(image)], input=script, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for path in files:
        listed = host.run(["debugfs", "-R", f"stat {path}", image])
        if "Inode:" not in listed:
            raise host.CommandFailed(f"debugfs did not write {path} into {image}:\n{done.stdout}")


def stage2_of_grub(run, images):
    """The disk has pvboot where Debian's GRUB for Xen looks for the next stage."""
    image = run.folder / "stage2.img"
    disks.clone(images[0], image)
    _write_into(image, {CHAINED: run.loader})
    return [Disk(image)]


def entry_for_pvboot(run, images):
    """The default entry starts pvboot, telling it to take the entry after that."""
    image = run.folder / "pvboot-entry.img"
    disks.clone(images[0], image)
    text = samples.HEADER + samples.TIMEOUT + (
        "menuentry 'pvboot again' --id again {\n"
        f"\tlinux {CHAINED} pvboot.entry=debian\n}}\n"
        "menuentry 'Debian GNU/Linux' --id debian {\n"
        f"\tlinux /boot/vmlinuz root=UUID={samples.UUID} ro console=hvc0 quiet\n"
        "\tinitrd /boot/initrd.img\n}\n")
    configuration = run.folder / "pvboot-entry.cfg"
    configuration.write_text(text)
    _write_into(image, {CHAINED: run.loader, "/boot/grub/grub.cfg": configuration})
    return [Disk(image)]


def _mapped(run, image, name, table):
    """A device-mapper device in dom0 over the image; `table` is a shell text, $d the disk, $n its
    sectors."""
    device = run.session.drives.attach(pathlib.Path(image))
    run.session.must(f"d={device}; n=$(blockdev --getsz $d); printf '{table}' | "
                     f"sed \"s,DISK,$d,g; s,SIZE,$n,g; s,REST,$((n - 8192)),g\" | dmsetup create {name}")
    run.at_end(lambda: run.session.sh(f"dmsetup remove --retry {name}"))
    return DeviceOfDom0(f"/dev/mapper/{name}")


def slow_disk(run, images):
    """Each request takes 20 ms longer."""
    return [_mapped(run, images[0], f"slow{run.number}", "0 SIZE delay DISK 0 20\\n")]


def failing_disk(run, images):
    """Reads after the first 4 MiB answer with an I/O error."""
    table = "0 8192 linear DISK 0\\n8192 REST error\\n"
    return [_mapped(run, images[0], f"failing{run.number}", table)]


def _fake_backend(session, guest, vdev):
    """A vbd whose backend is nobody; its state in xenstore stays as it is written here."""
    domid = guest.states[-1][0]
    front, back = f"/local/domain/{domid}/device/vbd/{vdev}", f"/local/domain/0/backend/fake/{domid}/{vdev}"
    session.must(
        f"xenstore-write {front}/backend {back} {front}/backend-id 0 {front}/state 1 "
        f"{front}/virtual-device {vdev} {front}/device-type disk "
        f"{back}/frontend {front} {back}/frontend-id {domid} {back}/online 1 {back}/state 2; "
        f"xenstore-chmod -r {front} n{domid} r0; xenstore-chmod -r {back} n0 r{domid}")
    return front, back


def deaf_backend(session, guest):
    """xvda's backend stays in InitWait for ever."""
    _fake_backend(session, guest, VDEV_XVDA)


def deaf_second_backend(session, guest):
    _fake_backend(session, guest, VDEV_XVDB)


def closing_backend(session, guest):
    """xvda's backend closes as soon as the frontend is initialised."""
    front, back = _fake_backend(session, guest, VDEV_XVDA)
    session.must(f"(for i in $(seq 600); do [ \"$(xenstore-read {front}/state)\" = 3 ] && "
                 f"xenstore-write {back}/state 6 && break; sleep 0.1; done) >/dev/null 2>&1 &")
