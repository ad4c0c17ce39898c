"""The parts of the Xen rig: the hypervisor, dom0's kernel and initramfs, dom0's root.

- `XEN`: xen.elf, the bare hypervisor ELF that QEMU's multiboot loader wants.
- `KERNEL`: vmlinux (uncompressed: Xen need not decompress it under emulation) and the modules.
- `BOOT`: initramfs.gz, with those modules, the scripts of images/rig/dom0, and nothing else.
- `ROOT`: root.img, a Debian with xl, qemu (for qdisk) and python3, as an ext4 image.
"""
import gzip
import pathlib

from recipes import bzimage, debian, ext4, host, initramfs, modules
from recipes.cache import Part

HERE = pathlib.Path(__file__).parent
DOM0 = HERE.parent / "rig" / "dom0"

XEN_PACKAGE = "xen-hypervisor-4.17-amd64"
XEN_FILE = "boot/xen-4.17-amd64.gz"
KERNEL_PACKAGE = "linux-image-amd64"
ROOT_PACKAGES = ["xen-utils-4.17", "xenstore-utils", "kmod", "iproute2", "util-linux", "e2fsprogs",
                 "udev", "qemu-system-xen", "grub-xen-host", "procps", "python3", "dmsetup"]
MODULES = ["virtio_pci", "virtio_blk", "ext4", "crc32c_generic", "virtio_scsi", "sd_mod", "sr_mod",
           "virtio_console", "9p", "9pnet_virtio", "xen-evtchn", "xen-gntdev", "xen-gntalloc",
           "xen-privcmd", "xenfs", "xen-blkback", "xen-netback", "loop", "dm-mod", "dm-delay",
           "isofs"]


def _xen(folder, step):
    debian.unpack(XEN_PACKAGE, folder / "package", step)
    (folder / "xen.elf").write_bytes(gzip.decompress((folder / "package" / XEN_FILE).read_bytes()))
    host.remove_tree(folder / "package")


def _kernel(folder, step):
    debian.unpack(debian.real_package(KERNEL_PACKAGE), folder / "package", step)
    step.note("decompressing the kernel")
    image = next((folder / "package/boot").glob("vmlinuz-*")).read_bytes()
    (folder / "vmlinux").write_bytes(bzimage.vmlinux(image))
    (folder / "modules").mkdir()
    order = []
    for path in modules.closure(folder / "package", MODULES):
        (folder / "modules" / path.name).write_bytes(path.read_bytes())
        order.append(path.name)
    (folder / "modules" / "order").write_text("".join(f"{name}\n" for name in order))
    host.remove_tree(folder / "package")


def _boot(folder, step):
    kernel = KERNEL.folder()
    order = (kernel / "modules/order").read_text().split()
    archive = initramfs.with_busybox((DOM0 / "initramfs-init").read_text(),
                                     [kernel / "modules" / name for name in order])
    for script in ("rig-init", "agent.py"):
        archive.file(f"rig/{script}", (DOM0 / script).read_text())
    (folder / "initramfs.gz").write_bytes(archive.gz())


def _root(folder, step):
    tree = folder / "tree"
    debian.bootstrap(tree, ROOT_PACKAGES, step)
    step.note("making the ext4 image")
    host.root_run(["rm", "-rf", tree / "var/cache/apt", tree / "var/lib/apt/lists",
                   tree / "usr/share/doc", tree / "usr/share/locale", tree / "usr/share/man"])
    ext4.from_tree(folder / "root.img", tree, size_mib=1536, label="dom0")
    host.root_run(["rm", "-rf", "--one-file-system", tree])


XEN = Part("xen", _xen, [__file__], usual_seconds=5)
KERNEL = Part("dom0-kernel", _kernel, [__file__, HERE / "modules.py", HERE / "bzimage.py"],
              usual_seconds=15)
BOOT = Part("dom0-boot", _boot,
            [__file__, HERE / "initramfs.py", *(DOM0 / n for n in ("initramfs-init", "rig-init", "agent.py"))],
            needs=[KERNEL], usual_seconds=3)
ROOT = Part("dom0-root", _root, [__file__, HERE / "ext4.py", HERE / "debian.py"], usual_seconds=70)
