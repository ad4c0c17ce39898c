"""The small sample disks: a Debian kernel, a busybox initramfs that proves the boot, a grub.cfg.

`SAMPLES` is the table: each disk's kernel, initrd, layout, grub.cfg and the damage done to it
afterwards. Each is one Part with one file, disk.img. They take seconds to make and to boot; the
stock Debian guest is in debian_guest.
"""
import hashlib
import pathlib
import random
import shutil

from recipes import bzimage, disk, ext4, host, initramfs, kernels
from recipes.cache import Part

HERE = pathlib.Path(__file__).parent
UUID = "5ca1ab1e-0000-4000-8000-00000000b007"
BIG_INITRD_MIB = 96
SOURCES = [HERE / name for name in ("samples.py", "proof-init", "initramfs.py", "disk.py", "ext4.py")]

ENTRY = """menuentry '{title}' --class gnu-linux --class os $menuentry_id_option '{id}' {{
	insmod gzio
	if [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
	insmod ext2
	set root='{grub_root}'
	if [ x$feature_platform_search_hint = xy ]; then
	  search --no-floppy --fs-uuid --set=root --hint='{grub_root}'  {uuid}
	else
	  search --no-floppy --fs-uuid --set=root {uuid}
	fi
	echo	'Loading Linux ...'
	linux	{kernel} root=UUID={uuid} ro console=hvc0 {words}
	echo	'Loading initial ramdisk ...'
	initrd	{initrd}
}}
"""
HEADER = """set default="0"
if [ x"${feature_menuentry_id}" = xy ]; then
  menuentry_id_option="--id"
else
  menuentry_id_option=""
fi
"""
TIMEOUT = "set timeout=1\n"


class Sample:
    """How one small disk is made.

    `kernel` is xz, lz4, zstd or vmlinux; `entries` are (title, kernel path, initrd path, words)
    after the ordinary first entry, `first` changes fields of that one, `settings` are the lines
    before the entries; `big_initrd` makes the initrd 96 MiB larger; `more(folder)` adds to /boot in the
    staged tree, `corrupt(folder)` damages the kernel or initrd there, `damage(image)` the finished
    disk."""

    def __init__(self, kernel="xz", layout="whole", first=None, entries=(), settings=TIMEOUT,
                 big_initrd=False, more=None, corrupt=None, damage=None):
        self.kernel, self.layout = kernel, layout
        self.first, self.entries, self.settings = first or {}, entries, settings
        self.big_initrd, self.more, self.corrupt, self.damage = big_initrd, more, corrupt, damage


def _configuration(sample):
    fields = {"title": "Debian GNU/Linux", "kernel": "/boot/vmlinuz", "initrd": "/boot/initrd.img",
              "words": "quiet", "uuid": UUID, "grub_root": disk.grub_root(sample.layout)}
    entries = [{**fields, **sample.first}]
    entries += [{**fields, **entry} for entry in sample.entries]
    return HEADER + sample.settings + "".join(ENTRY.format(**entry, id=f"entry-{n}") for n, entry in enumerate(entries))


def _initrd(kernel_folder, big):
    archive = initramfs.with_busybox((HERE / "proof-init").read_text(),
                                     kernels.saved_modules(kernel_folder / "modules"))
    data = archive.gz()
    if not big:
        return data
    pad = random.Random(96).randbytes(BIG_INITRD_MIB << 20)
    more = initramfs.Archive()
    more.file("pad", pad, 0o644)
    more.file("pad.sha256", hashlib.sha256(pad).hexdigest(), 0o644)
    # Several archives in a row are one initramfs; an uncompressed one comes before a compressed one.
    plain = more.cpio()
    return plain + bytes(-len(plain) % 512) + data


def _stage(sample, tree):
    kernel = kernel_part(sample.kernel)
    folder = kernels.ALL["xz"].folder() if sample.kernel == "vmlinux" else kernel.folder()
    image = kernel.file("vmlinux" if sample.kernel == "vmlinux" else "vmlinuz")
    (tree / "boot/grub").mkdir(parents=True)
    (tree / "proof").mkdir()
    shutil.copy(image, tree / "boot/vmlinuz")
    (tree / "boot/initrd.img").write_bytes(_initrd(folder, sample.big_initrd))
    (tree / "boot/grub/grub.cfg").write_text(_configuration(sample))
    data = random.Random(1).randbytes(1 << 20)
    (tree / "proof/data").write_bytes(data)
    (tree / "proof/data.sha256").write_text(hashlib.sha256(data).hexdigest())
    if sample.more:
        sample.more(tree / "boot")
    if sample.corrupt:
        sample.corrupt(tree / "boot")


def _build(sample):
    def build(folder, step):
        tree = folder / "tree"
        tree.mkdir()
        _stage(sample, tree)
        used = sum(f.stat().st_size for f in tree.rglob("*") if f.is_file()) >> 20
        ext4.from_tree(folder / "root.ext4", tree, used + used // 8 + 24, "sample",
                       ["-U", UUID, "-E", "root_owner=0:0"], as_root=False)
        host.remove_tree(tree)
        disk.assemble(folder / "disk.img", folder / "root.ext4", sample.layout)
        if sample.damage:
            sample.damage(folder / "disk.img")
    return build


def kernel_part(kind):
    """The Part of a kernel; LookupError where apt has none of this kind."""
    if kind == "vmlinux":
        return kernels.VMLINUX
    part = kernels.zstd() if kind == "zstd" else kernels.ALL[kind]
    if part is None:
        raise LookupError("apt offers no ZSTD kernel (linux-image-6.12.*+deb12-amd64)")
    return part


def _overwrite(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def _truncate_kernel(boot):
    image = boot / "vmlinuz"
    image.write_bytes(image.read_bytes()[:image.stat().st_size // 2])


def _corrupt_kernel(boot):
    """Noise in the middle of the compressed payload."""
    _overwrite(boot / "vmlinuz", (boot / "vmlinuz").stat().st_size // 2, random.Random(2).randbytes(65536))


def _not_a_kernel(boot):
    (boot / "vmlinuz").write_bytes(b"This is a text file that is named like a kernel.\n" * 4000)


def _damage_superblock(image):
    """The first superblock is gone: nothing says that this is ext4."""
    _overwrite(image, 1024, bytes(1024))


def _damage_inodes(image):
    """Noise over the first inode table, where the root folder's inode lies; the superblock stays."""
    text = host.run(["debugfs", "-R", "stats", image])
    line = next(l for l in text.splitlines() if "inode table at" in l)
    block = int(line.split("inode table at ")[1].split()[0].rstrip(","))
    size = int(next(l for l in text.splitlines() if l.startswith("Block size:")).split()[-1])
    _overwrite(image, block * size, random.Random(3).randbytes(4 * size))


def _damage_gpt(image):
    """Both GPT headers have a wrong checksum; the protective MBR is there."""
    _overwrite(image, 512 + 24, b"\xff" * 16)
    _overwrite(image, image.stat().st_size - 512 + 24, b"\xff" * 16)


def _damage_primary_gpt(image):
    """Only the first GPT header is damaged: the backup at the disk's end still says all. (Linux
    looks there only with the word gpt on its command line.)"""
    _overwrite(image, 512, bytes(512))


# One kernel in the containers that Debian's own do not come in: (file, what pvboot calls it, how it is made).
CONTAINERS = [
    ("bzimage-gzip", "bzImage, gzip", lambda image: bzimage.repacked(image, "gzip")),
    ("bzimage-bzip2", "bzImage, bzip2", lambda image: bzimage.repacked(image, "bzip2")),
    ("bzimage-lzma", "bzImage, LZMA", lambda image: bzimage.repacked(image, "lzma")),
    ("bzimage-lzo", "bzImage, LZO", lambda image: bzimage.repacked(image, "lzo")),
    ("bzimage-elf", "bzImage, not compressed", lambda image: bzimage.repacked(image, "elf")),
    ("vmlinux-gzip", "ELF, gzip", lambda image: bzimage.pack(bzimage.vmlinux(image), "gzip")),
    ("vmlinux-zstd", "ELF, Zstandard", lambda image: bzimage.pack(bzimage.vmlinux(image), "zstd")),
]


def _add_containers(boot):
    image = (boot / "vmlinuz").read_bytes()
    for name, _, make in CONTAINERS:
        (boot / name).write_bytes(make(image))
    (boot / "grub/grubenv").write_bytes(b"# GRUB Environment Block\n".ljust(1024, b"#"))


def _in_turn(count):
    """Settings with which each start of the guest boots the next entry."""
    turns = "".join(f'if [ "${{turn}}" = {n} ]; then set next={n + 1}; fi\n' for n in range(count))
    return ('set timeout=0\nload_env\nif [ -z "${turn}" ]; then set turn=0; fi\nset default="${turn}"\n'
            f"{turns}set turn=$next\nsave_env turn\n")


def _containers():
    entries = [{"title": name, "kernel": f"/boot/{name}", "words": f"quiet kernel.in={name} proof.reboot"}
               for name, _, _ in CONTAINERS]
    entries[-1]["words"] = entries[-1]["words"].removesuffix(" proof.reboot")
    return Sample("lz4", first=entries[0], entries=entries[1:], settings=_in_turn(len(entries)), more=_add_containers)


MISSING = {"title": "A kernel that was removed", "kernel": "/boot/vmlinuz-removed"}
LONG_LINE = "word=" + "x" * 1100

SAMPLES = {
    "xz": Sample("xz"),
    "lz4": Sample("lz4"),
    "zstd": Sample("zstd"),
    "vmlinux": Sample("vmlinux"),
    "xz-gpt": Sample("xz", "gpt"),
    "lz4-gpt": Sample("lz4", "gpt"),
    "lz4-mbr": Sample("lz4", "mbr"),
    "lz4-big-initrd": Sample("lz4", big_initrd=True),
    "missing-kernel": Sample("lz4", first=MISSING),
    "missing-then-good": Sample("lz4", first=MISSING, settings=TIMEOUT + "set fallback=1\n",
                                entries=[{"title": "The kernel that is there"}]),
    "missing-initrd": Sample("lz4", first={"initrd": "/boot/initrd-removed"}),
    "containers": _containers(),
    "truncated-kernel": Sample("xz", corrupt=_truncate_kernel),
    "corrupt-xz": Sample("xz", corrupt=_corrupt_kernel),
    "corrupt-lz4": Sample("lz4", corrupt=_corrupt_kernel),
    "not-a-kernel": Sample("lz4", corrupt=_not_a_kernel),
    "long-line": Sample("lz4", first={"words": LONG_LINE}),
    "damaged-superblock": Sample("lz4", damage=_damage_superblock),
    "damaged-inodes": Sample("lz4", damage=_damage_inodes),
    "damaged-gpt": Sample("lz4", "gpt", damage=_damage_gpt),
    "backup-gpt": Sample("lz4", "gpt", first={"words": "quiet gpt"}, damage=_damage_primary_gpt),
}


def part(name):
    """The Part of a sample disk; its file is disk.img."""
    return part_of(name, SAMPLES[name])


def part_of(name, sample, sources=(), parameter=None):
    """The Part of a disk that is not in the table; `sources` are the files that say how it is made."""
    needs = [kernel_part(sample.kernel)]
    if sample.kernel == "vmlinux":
        needs.append(kernels.ALL["xz"])
    return Part(f"sample-{name}", _build(sample), [*SOURCES, *sources], [name, parameter], needs, usual_seconds=4)


def image(name):
    return part(name).file("disk.img")
