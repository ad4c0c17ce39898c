"""What some scenarios do to backends, and what they look at when all has been seen.

A `disks_from` action gets the run and the scenario's disks as images, and returns Disk objects. A
`before_unpause` action gets the session and the guest, created and paused. An `afterwards` action gets
the run, whose guest is still there, and returns what is wrong, or None.
"""
import json
import pathlib
import re
import subprocess

import host_commands
import texts
from contents import BUILD
from rig.disks import BLOCK_SCRIPT, Disk

MAJOR_XVD = 202
VDEV_XVDA, VDEV_XVDB = MAJOR_XVD << 8, (MAJOR_XVD << 8) + 16
MIB = 1 << 20


class DeviceOfDom0(Disk):
    """A guest's disk that is a block device dom0 has already."""

    def __init__(self, path):
        super().__init__(path)
        self._path = path

    def specification(self, session, vdev):
        return f"vdev={vdev},access=rw,format=raw,backendtype=phy,script={BLOCK_SCRIPT},target={self._path}"


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


def failing_disk_is_mended(run):
    """All of the `failing_disk` can be read from now on; for `Do`."""
    run.session.must(f"t=$(dmsetup table failing{run.number} | head -1); d=${{t#* linear }}; d=${{d%% *}}; "
                     f"n=$(dmsetup table failing{run.number} | awk '{{n = $1 + $2}} END {{print n}}'); "
                     f"echo 0 $n linear $d 0 | dmsetup load failing{run.number} && dmsetup resume failing{run.number}")


def attached_later(disks_from):
    """A guest without disks; its disk is what `disk_is_attached` gives it."""
    def make(run, images):
        run.later = disks_from(run, images)
        return []
    return make


def disk_is_attached(run):
    """The disk that was kept back, as xvda; for `Do`."""
    return host_commands.xl(f"block-attach NAME {run.later[0].specification(run.session, 'xvda')}")(run)


STALLING = "stalling{}"


def stalling_disk(run, images):
    """The first disk, which `asked_while_it_loads` makes stand still for a while."""
    return [_mapped(run, images[0], STALLING.format(run.number), "0 SIZE linear DISK 0\\n")]


def _while_it_loads(deed):
    """Enter in the countdown, and a deed while the disk gives pvboot nothing; for `Do`."""
    def action(run):
        run.session.must(f"dmsetup suspend --noflush --nolockfs {STALLING.format(run.number)}")
        try:
            run.guest.type("\r")
            if not run.guest.wait_for(texts.BOOTING, 60):
                return "Enter did not boot"
            return deed(run)
        finally:
            run.session.must(f"dmsetup resume {STALLING.format(run.number)}")
    return action


def asked_while_it_loads(word):
    """A request of the host's."""
    return _while_it_loads(host_commands.asks(word))


def detached_while_it_loads():
    """The disk is taken away, which xl gives up on in the end, because its backend cannot let go."""
    def deed(run):
        said = run.session.sh(f"xl block-detach {run.guest.name} xvda", 60)[1]
        return None if run.guest.wait_for(texts.WENT_AWAY, 60) else f"pvboot has not noticed; xl says {said.strip()!r}"
    return _while_it_loads(deed)


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


def host_was_told(**keys):
    """What pvboot left in xenstore for the host: {key: regular expression}."""
    def afterwards(run):
        folder = f"/local/domain/{run.guest.states[-1][0]}/data/pvboot"
        for key, pattern in keys.items():
            value = run.session.sh(f"xenstore-read {folder}/{key}")[1].strip()
            if not re.search(pattern, value):
                return f"xenstore says {key} {value!r}, not {pattern!r}"
        return None
    return afterwards


def refused_as_on_the_host(run):
    """Whether each unbootable kernel was refused in the words that `pvboot inspect` has for it."""
    if not run.refused:
        return "there were no unbootable kernels"
    for kernel in run.refused:
        name = kernel["name"]
        line = re.search(rf"^pvboot: error: '{re.escape(name)}' cannot be booted: \(xvda\)/refused/{re.escape(name)}: "
                         r"(.*)$", run.guest.output, re.MULTILINE)
        if not line:
            return f"{name} was not refused"
        if kernel["words_in_guest"]:
            if kernel["words_in_guest"] not in line.group(1):
                return f"{name} was refused for {line.group(1)!r}, not for {kernel['words_in_guest']!r}"
            continue
        path = run.folder / "unbootable" / name
        done = subprocess.run([BUILD / "pvboot", "inspect", "--json", path], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
        reason = json.loads(done.stdout)["reason"]
        if done.returncode != 1 or kernel["words"] not in reason or line.group(1) != reason:
            return f"{name} was refused for {line.group(1)!r}, on the host for {reason!r}"
    return None


def fnv1a(data):
    """FNV-1a in 64 bits, as tests/guest/block.cpp takes it."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return hex(value)


def _first_mib(disk):
    with open(disk.image, "rb") as file:
        return file.read(MIB)


def _with_what_is_written(data):
    """What tests/guest/block.cpp writes over the first 128 KiB."""
    written = bytes((i * 7 + (i >> 9)) & 0xFF for i in range(128 << 10))
    return written + data[len(written):]


def disks_were_read(run):
    """Whether the block guest has read in both its lives what its disks hold."""
    seen = re.findall(r"first MiB (0x\w+)", run.guest.output)
    contents = [_first_mib(disk) for disk in run.disks]
    later = [_with_what_is_written(data) for data in contents] if run.scenario.extra == "write" else contents
    wanted = [fnv1a(data) for data in contents + later]
    return None if seen == wanted else f"the first MiB of the disks, twice, are {wanted}, but {seen} were read"
