"""Debian's kernels, a Part each, and the modules that a small guest needs.

Each folder holds vmlinuz, version, and modules/ with modules/order. Those that guests boot are named by their
compression; `RT` is there to be looked at. `zstd()` is one only where apt offers a 6.12 kernel; the others are
Debian 12's own.
"""
import lzma
import pathlib

from recipes import bzimage, debian, host, modules
from recipes.cache import Part

HERE = pathlib.Path(__file__).parent
MODULES = ["xen-blkfront", "ext4", "crc32c_generic"]
ZSTD_PATTERN = r"linux-image-6\.12\.\d+\+deb12-amd64"


def _build(kind, find):
    def build(folder, step):
        package = find()
        debian.unpack(package, folder / "package", step)
        image = next((folder / "package/boot").glob("vmlinuz-*"))
        found = bzimage.compression(image.read_bytes())
        if found != kind:
            raise ValueError(f"{package} has a kernel compressed by {found}, not {kind}")
        (folder / "vmlinuz").write_bytes(image.read_bytes())
        (folder / "version").write_text(modules.version_of(folder / "package"))
        save_modules(folder / "package", folder / "modules", MODULES)
        host.remove_tree(folder / "package")
    return build


def save_modules(package, folder, names):
    """Copies the modules `names` and what they need, without signatures and debug data: an
    emulated kernel takes long to check and parse those."""
    folder.mkdir()
    order = []
    for path in modules.closure(package, names):
        target = folder / (modules.module_name(path) + ".ko")
        data = path.read_bytes()
        target.write_bytes(lzma.decompress(data) if path.suffix == ".xz" else data)
        host.run(["objcopy", "--strip-debug", "--remove-section=.BTF", target])
        order.append(target.name)
    (folder / "order").write_text("".join(f"{name}\n" for name in order))


def saved_modules(folder):
    """The module files of such a folder, in loading order."""
    return [folder / name for name in (folder / "order").read_text().split()]


def _vmlinux(folder, step):
    (folder / "vmlinux").write_bytes(bzimage.vmlinux(ALL["xz"].file("vmlinuz").read_bytes()))


def _part(kind, find, parameters, name=None):
    return Part(f"kernel-{name or kind}", _build(kind, find),
                [__file__, HERE / "modules.py", HERE / "bzimage.py", HERE / "debian.py"], parameters,
                usual_seconds=10)


ALL = {
    "xz": _part("xz", lambda: debian.real_package("linux-image-amd64"), "linux-image-amd64"),
    "lz4": _part("lz4", lambda: debian.real_package("linux-image-cloud-amd64"), "linux-image-cloud-amd64"),
}
RT = _part("xz", lambda: debian.real_package("linux-image-rt-amd64"), "linux-image-rt-amd64", "rt")


def zstd():
    """The ZSTD kernel's Part, or None where apt has no such kernel."""
    package = debian.newest_matching(ZSTD_PATTERN)
    return package and _part("zstd", lambda: package, package)


def all_parts():
    """Every one that this machine's apt offers."""
    return [part for part in (*ALL.values(), RT, zstd(), VMLINUX) if part]


VMLINUX = Part("kernel-vmlinux", _vmlinux, [__file__, HERE / "bzimage.py"], needs=[ALL["xz"]],
               usual_seconds=3)
