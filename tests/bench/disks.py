"""The disks that ./bench boots: no countdown, and the kernel's first line as soon as it runs.

DISKS names them; `payload(codec)` is what a Linux guest decodes for comparison: the same bytes that
pvboot decodes from that codec's disk.
"""
import gzip
import hashlib
import pathlib

from recipes import bzimage, kernels, samples
from recipes.cache import Part

from bench import planted

TOP = pathlib.Path(__file__).resolve().parents[2]
BARE_CODE = TOP / "build/release/guest-bare.bin"
SETTINGS = {"first": {"words": "earlyprintk=xen"}, "settings": "set timeout=0\n"}


def _compress(folder, step):
    vmlinux = kernels.VMLINUX.file("vmlinux").read_bytes()
    (folder / "vmlinux.gz").write_bytes(gzip.compress(vmlinux, 9, mtime=0))


GZIP = Part("kernel-gzip", _compress, [__file__], needs=[kernels.VMLINUX], usual_seconds=6)


def _gzip_kernel(boot):
    """The kernel's ELF file, compressed as a whole."""
    (boot / "vmlinuz").write_bytes(GZIP.file("vmlinux.gz").read_bytes())


def _plant(boot):
    image = boot / "vmlinuz"
    image.write_bytes(planted.planted(image.read_bytes(), BARE_CODE.read_bytes()))


DISKS = {
    "bench-xz": samples.Sample("xz", **SETTINGS),
    "bench-lz4": samples.Sample("lz4", **SETTINGS),
    "bench-zstd": samples.Sample("zstd", **SETTINGS),
    "bench-gzip": samples.Sample("vmlinux", corrupt=_gzip_kernel, **SETTINGS),
    "bench-big-initrd": samples.Sample("xz", big_initrd=True, **SETTINGS),
    "bench-entry": samples.Sample("vmlinux", corrupt=_plant, **SETTINGS),
}


def image(name):
    code = hashlib.sha256(BARE_CODE.read_bytes()).hexdigest() if name == "bench-entry" else None
    sources = [__file__, planted.__file__]
    return samples.part_of(name, DISKS[name], sources, code).file("disk.img")


def codecs():
    """Those that a kernel can be had for: not every Debian mirror has a ZSTD one."""
    return [codec for codec in ("xz", "lz4", "zstd", "gzip") if codec != "zstd" or kernels.zstd()]


def payload(codec):
    """The compressed bytes of a codec's kernel."""
    if codec == "gzip":
        return GZIP.file("vmlinux.gz").read_bytes()
    return bzimage.payload(samples.kernel_part(codec).file("vmlinuz").read_bytes())


def build():
    """All that is booted, before anything is timed."""
    for name in DISKS:
        if name != "bench-zstd" or "zstd" in codecs():
            image(name)
