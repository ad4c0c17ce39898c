#!/usr/bin/env python3
"""Packs KERNEL [INITRD] into the module that the handover guest takes: pack.py OUT KERNEL [INITRD]."""
import struct
import sys

PAGE = 4096


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % PAGE)


def main() -> None:
    out, *paths = sys.argv[1:]
    parts = [open(path, "rb").read() for path in paths] + [b""]
    with open(out, "wb") as module:
        module.write(padded(struct.pack("<QQ", len(parts[0]), len(parts[1]))))
        for part in parts[:2]:
            module.write(padded(part))


if __name__ == "__main__":
    main()
