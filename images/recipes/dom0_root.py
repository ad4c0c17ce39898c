"""dom0's root: root.img, a Debian with xl, QEMU (for qdisk) and python3, as an ext4 image."""
import pathlib

from recipes import debian, ext4, host
from recipes.cache import Part

HERE = pathlib.Path(__file__).parent
PACKAGES = ["xen-utils-4.17", "xenstore-utils", "kmod", "iproute2", "util-linux", "e2fsprogs", "udev",
            "qemu-system-xen", "grub-xen-host", "procps", "python3", "dmsetup"]
SIZE_MIB = 1536


def _build(folder, step):
    tree = folder / "tree"
    debian.bootstrap(tree, PACKAGES, step)
    step.note("making the ext4 image")
    host.root_run(["rm", "-rf", tree / "var/cache/apt", tree / "var/lib/apt/lists",
                   tree / "usr/share/doc", tree / "usr/share/locale", tree / "usr/share/man"])
    ext4.from_tree(folder / "root.img", tree, SIZE_MIB, label="dom0")
    host.root_run(["rm", "-rf", "--one-file-system", tree])


ROOT = Part("dom0-root", _build, [__file__, HERE / "ext4.py", HERE / "debian.py"], usual_seconds=70)
