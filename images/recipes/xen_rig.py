"""The parts of the Xen rig: the hypervisor, dom0's kernel and initramfs.

- `XEN`: xen.elf, the bare hypervisor ELF that QEMU's multiboot loader wants, and config, with what it was built.
- `SHADOW`: the same of the Debian release's own Xen, of one version with dom0's xl. It has shadow paging, which takes
  part in every live migration of a PV guest; the security updates, one of which is `XEN`, are without since XSA-495.
- `KERNEL`: vmlinux (uncompressed: Xen need not decompress it under emulation) and the modules.
- `BOOT`: initramfs.gz, with those modules, the scripts of images/rig/dom0, and nothing else.

dom0's root is in dom0_root: it takes longest to build and changes least.
"""
import gzip
import pathlib

from recipes import bzimage, debian, host, initramfs, kernels
from recipes.cache import Part

HERE = pathlib.Path(__file__).parent
DOM0 = HERE.parent / "rig" / "dom0"

SCRIPTS = ("rig-init", "agent.py", "block-direct")

XEN_PACKAGE = "xen-hypervisor-4.17-amd64"
XEN_FILE = "boot/xen-4.17-amd64.gz"
XEN_CONFIG = "boot/xen-4.17-amd64.config"
KERNEL_PACKAGE = "linux-image-amd64"
MODULES = ["virtio_pci", "virtio_blk", "ext4", "crc32c_generic", "virtio_scsi", "sd_mod", "sr_mod",
           "virtio_console", "9p", "9pnet_virtio", "xen-evtchn", "xen-gntdev", "xen-gntalloc",
           "xen-privcmd", "xenfs", "xen-blkback", "xen-netback", "loop", "dm-mod", "dm-delay",
           "isofs"]


def _xen(package):
    def build(folder, step):
        debian.unpack(package, folder / "package", step)
        (folder / "xen.elf").write_bytes(gzip.decompress((folder / "package" / XEN_FILE).read_bytes()))
        (folder / "package" / XEN_CONFIG).rename(folder / "config")
        host.remove_tree(folder / "package")
    return build


def _kernel(folder, step):
    debian.unpack(debian.real_package(KERNEL_PACKAGE), folder / "package", step)
    step.note("decompressing the kernel")
    image = next((folder / "package/boot").glob("vmlinuz-*")).read_bytes()
    (folder / "vmlinux").write_bytes(bzimage.vmlinux(image))
    kernels.save_modules(folder / "package", folder / "modules", MODULES)
    host.remove_tree(folder / "package")


def _boot(folder, step):
    archive = initramfs.with_busybox((DOM0 / "initramfs-init").read_text(),
                                     kernels.saved_modules(KERNEL.folder() / "modules"))
    for script in SCRIPTS:
        archive.file(f"rig/{script}", (DOM0 / script).read_text())
    (folder / "initramfs.gz").write_bytes(archive.gz())


def _xen_part(name, package):
    return Part(name, _xen(package), [__file__], package, usual_seconds=5)


def has_shadow_paging(part):
    """Whether this Xen can log what a PV guest writes, as a live migration needs."""
    return "CONFIG_SHADOW_PAGING=y" in part.file("config").read_text().splitlines()


XEN = _xen_part("xen", XEN_PACKAGE)
SHADOW = _xen_part("xen-shadow", f"{XEN_PACKAGE}/{debian.RELEASE}")
HYPERVISORS = {"debian": XEN, "shadow": SHADOW}
KERNEL = Part("dom0-kernel", _kernel, [__file__, *(HERE / n for n in ("kernels.py", "modules.py", "bzimage.py"))],
              usual_seconds=15)
BOOT = Part("dom0-boot", _boot,
            [__file__, HERE / "initramfs.py", DOM0 / "initramfs-init", *(DOM0 / n for n in SCRIPTS)],
            needs=[KERNEL], usual_seconds=3)
