"""The sample guest's disk: the stock Debian of debian_root in a layout of `disk`.

Its grub.cfg is by the real update-grub, which runs in a small virtual machine with the finished
disk attached as a block device. `image(layout)` is the disk.
"""
import pathlib
import subprocess

from recipes import debian, disk, host, initramfs, kernels
from recipes.cache import Part
from recipes.debian_root import ROOT, UUID

HERE = pathlib.Path(__file__).parent
FILES = HERE / "debian-guest"
VM_SECONDS = 180


def _vm_boot(folder, step):
    """Kernel and initramfs of the machine that runs update-grub."""
    package = folder / "package"
    debian.unpack(debian.real_package("linux-image-cloud-amd64"), package, step)
    kernels.save_modules(package, folder / "modules", ["virtio_pci", "virtio_blk", "ext4", "crc32c_generic"])
    next((package / "boot").glob("vmlinuz-*")).rename(folder / "vmlinuz")
    host.remove_tree(package)
    archive = initramfs.with_busybox((FILES / "grub-init").read_text(),
                                     kernels.saved_modules(folder / "modules"))
    (folder / "initramfs.gz").write_bytes(archive.gz())


def _disk(layout):
    def build(folder, step):
        step.note("assembling the disk")
        disk.clone(ROOT.file("root.ext4"), folder / "root.ext4")
        disk.assemble(folder / "disk.img", folder / "root.ext4", layout)
        step.note("running update-grub in a virtual machine")
        _update_grub(folder / "disk.img", "/dev/vda" if layout == "whole" else "/dev/vda1")
    return build


def _update_grub(image, root):
    vm = VM_BOOT.folder()
    command = ["qemu-system-x86_64", "-accel", "tcg", "-m", "512", "-display", "none", "-nic", "none",
               "-no-reboot", "-serial", "stdio", "-kernel", vm / "vmlinuz", "-initrd", vm / "initramfs.gz",
               "-append", f"console=ttyS0 quiet panic=-1 guest.root={root} guest.uuid={UUID}",
               "-drive", f"file={image},if=virtio,format=raw,cache=unsafe"]
    try:
        console = subprocess.run([str(w) for w in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, timeout=VM_SECONDS).stdout
    except subprocess.TimeoutExpired as late:
        raise _update_failed(f"was not done after {VM_SECONDS} s", late.output or b"") from None
    if b"update-grub: done" not in console:
        raise _update_failed("did not end well", console)


def _update_failed(how, console):
    text = console.decode(errors="replace")[-3000:]
    return host.CommandFailed(f"update-grub {how} in its virtual machine:\n{text}")


VM_BOOT = Part("grub-vm", _vm_boot,
               [__file__, *(HERE / n for n in ("initramfs.py", "kernels.py", "modules.py", "debian.py")),
                FILES / "grub-init"],
               usual_seconds=10)


def part(layout="gpt"):
    return Part(f"debian-{layout}", _disk(layout), [__file__, HERE / "disk.py"], layout, [ROOT, VM_BOOT],
                usual_seconds=25)


def image(layout="gpt"):
    return part(layout).file("disk.img")
