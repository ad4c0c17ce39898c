"""The payload of a Linux bzImage: the compressed vmlinux inside it.

Reads the setup header, protocol 2.08 or newer [Linux: Documentation/x86/boot.rst]. Fails with
ValueError when the file is no such image or its compression is not one that is known here.
"""
import lzma
import struct
import subprocess

SETUP_SECTS = 0x1F1
MAGIC = 0x202
PAYLOAD = 0x248


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
