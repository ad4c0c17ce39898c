"""The payload of a Linux bzImage: the compressed vmlinux inside it; and the same kernel packed otherwise.

Reads the setup header, protocol 2.08 or newer [Linux: Documentation/x86/boot.rst]. Fails with
ValueError when the file is no such image or its compression is not one that is known here.
"""
import lzma
import struct
import subprocess

SETUP_SECTS = 0x1F1
MAGIC = 0x202
PAYLOAD = 0x248

# How Linux's build packs a kernel, but for levels that would take minutes [Linux: scripts/Makefile.lib]; all read
# standard input, so that an LZMA header does not say the size.
PACKERS = {
    "gzip": ["gzip", "-n", "-6"],
    "bzip2": ["bzip2", "-9"],
    "lzma": ["xz", "--format=lzma", "-2"],
    "lzo": ["lzop", "-3"],
    "zstd": ["zstd", "-q", "-3"],
}


def pack(data, kind):
    done = subprocess.run([*PACKERS[kind], "-c"], input=data, stdout=subprocess.PIPE, check=True)
    return done.stdout


def repacked(image, kind):
    """The bzImage with its kernel packed by another method, or as the bare ELF ("elf"); only its decompressor is
    still the old one, which a loader does not run."""
    offset, length = struct.unpack_from("<II", image, PAYLOAD)
    start = (image[SETUP_SECTS] + 1) * 512 + offset
    kernel = vmlinux(image)
    data = kernel if kind == "elf" else pack(kernel, kind)
    # gzip's own trailer is the size; a bare ELF needs none.
    if kind not in ("elf", "gzip"):
        data += struct.pack("<I", len(kernel))
    changed = bytearray(image[:start] + data + image[start + length:])
    struct.pack_into("<II", changed, PAYLOAD, offset, len(data))
    return bytes(changed)


def payload(image):
    """The compressed bytes, without the four bytes of the uncompressed size at their end."""
    if image[MAGIC:MAGIC + 4] != b"HdrS":
        raise ValueError("no Linux bzImage: the HdrS magic is missing")
    offset, length = struct.unpack_from("<II", image, PAYLOAD)
    start = (image[SETUP_SECTS] + 1) * 512 + offset
    return image[start:start + length - 4]


def compression(image):
    data = payload(image)
    for magic, name in ((b"\xfd7zXZ\0", "xz"), (b"\x02\x21\x4c\x18", "lz4"),
                        (b"\x28\xb5\x2f\xfd", "zstd"), (b"\x1f\x8b", "gzip")):
        if data.startswith(magic):
            return name
    raise ValueError(f"unknown kernel compression, first bytes {data[:6].hex()}")


def vmlinux(image):
    """The uncompressed kernel ELF of an XZ, LZ4 or ZSTD bzImage."""
    data = payload(image)
    kind = compression(image)
    if kind == "xz":
        return lzma.LZMADecompressor().decompress(data)
    tool = {"lz4": ["lz4", "-d", "-c"], "zstd": ["zstd", "-d", "-c"], "gzip": ["gzip", "-dc"]}[kind]
    done = subprocess.run(tool, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if not done.stdout.startswith(b"\x7fELF"):
        raise ValueError(f"{tool[0]} did not give an ELF file from the kernel's payload")
    return done.stdout
