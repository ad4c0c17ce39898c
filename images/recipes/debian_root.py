"""The root of the sample guest: a stock Debian 12 as an ext4 image, root.ext4.

systemd, Debian's ordinary kernel (XZ) and its cloud kernel (LZ4), with initrds by the real
update-initramfs (it runs in the new root as the kernels are installed). A service proves the boot
(debian-guest/proof). Root's password is "pvboot". There is no grub.cfg yet: see debian_guest.
"""
import hashlib
import pathlib
import random

from recipes import debian, ext4, host
from recipes.cache import Part

HERE = pathlib.Path(__file__).parent
FILES = HERE / "debian-guest"
UUID = "deb1a212-0000-4000-8000-00000000b007"
SIZE_MIB = 2560
PACKAGES = ["systemd-sysv", "udev", "dbus", "kmod", "iproute2", "procps", "zstd", "initramfs-tools",
            "linux-image-amd64", "linux-image-cloud-amd64", "grub2-common", "grub-pc-bin"]
GRUB_WORDS = "console=hvc0"


def _root(folder, step):
    tree = folder / "tree"
    debian.bootstrap(tree, PACKAGES, step)
    step.note("setting up the guest")
    files = folder / "files"
    _own_files(files)
    host.root_run(["cp", "-r", "--no-preserve=ownership", f"{files}/.", tree])
    host.root_run(["chroot", tree, "sh", "-c", "echo root:pvboot | chpasswd;"
                   "systemctl enable pvboot-proof.service;"
                   f"sed -i 's/^GRUB_CMDLINE_LINUX=.*/GRUB_CMDLINE_LINUX=\"{GRUB_WORDS}\"/' /etc/default/grub;"
                   "rm -rf /var/cache/apt/* /var/lib/apt/lists/*"])
    step.note("making the ext4 image")
    ext4.from_tree(folder / "root.ext4", tree, SIZE_MIB, "debian", ["-U", UUID])
    host.root_run(["rm", "-rf", "--one-file-system", tree])
    host.remove_tree(files)


def _own_files(folder):
    """What the sample guest has beyond stock Debian, laid out as in its root."""
    data = random.Random(12).randbytes(4 << 20)
    contents = {
        "usr/local/sbin/pvboot-proof": (FILES / "proof").read_bytes(),
        "etc/systemd/system/pvboot-proof.service": (FILES / "proof.service").read_bytes(),
        "var/lib/pvboot-proof/data": data,
        "var/lib/pvboot-proof/data.sha256": hashlib.sha256(data).hexdigest().encode(),
        "etc/fstab": f"UUID={UUID} / ext4 errors=remount-ro 0 1\n".encode(),
        "etc/hostname": b"guest\n",
        "etc/default/grub": (b'GRUB_DEFAULT=0\nGRUB_TIMEOUT=5\n'
                             b'GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`\n'
                             b'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX=""\n'),
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "usr/local/sbin/pvboot-proof").chmod(0o755)


ROOT = Part("debian-root", _root,
            [__file__, HERE / "ext4.py", HERE / "debian.py", *sorted(FILES.glob("proof*"))],
            usual_seconds=200)
