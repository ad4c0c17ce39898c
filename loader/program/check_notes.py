#!/usr/bin/env python3
"""Refuses a loader image that Xen's domain builder would not start, or not as it was meant.

    check_notes.py IMAGE

Refused: a Xen note that is missing, a missing build-id, and any section in memory that the linker script does not
name. What else the link must not do is checked by cmake/check_link.py.
"""

import struct
import sys

SHT_NOTE, SHF_ALLOC = 7, 2  # [gabi: Sections]
PERMITTED_SECTIONS = (".note.gnu.build-id", ".note.Xen", ".rodata", ".text", ".data.rel.ro", ".got", ".data", ".bss")
NOTES = {("Xen", 1): "ENTRY", ("Xen", 3): "VIRT_BASE", ("Xen", 4): "PADDR_OFFSET", ("Xen", 5): "XEN_VERSION",
         ("Xen", 6): "GUEST_OS", ("Xen", 8): "LOADER", ("Xen", 15): "INIT_P2M", ("Xen", 16): "MOD_START_PFN",
         ("GNU", 3): "build-id"}


def sections(data):
    """(name, type, flags, offset, size) of each."""
    shoff, = struct.unpack_from("<Q", data, 40)
    entry, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, shoff + i * entry) for i in range(count)]
    for name, kind, flags, _, offset, size, *_ in headers:
        at = headers[names][4] + name
        yield data[at:data.index(b"\0", at)].decode(), kind, flags, offset, size


def notes(data):
    for _, kind, _, offset, size in sections(data):
        end = offset + size
        while kind == SHT_NOTE and offset + 12 <= end:
            namesz, descsz, number = struct.unpack_from("<III", data, offset)
            yield data[offset + 12:offset + 12 + namesz].rstrip(b"\0").decode(), number
            offset += 12 + (namesz + 3 & ~3) + (descsz + 3 & ~3)


def faults(data):
    present = set(notes(data))
    for note, name in NOTES.items():
        if note not in present:
            yield f"the note {name} is missing"
    for name, _, flags, _, size in sections(data):
        if flags & SHF_ALLOC and size and name not in PERMITTED_SECTIONS:
            yield f"it has a section {name} of {size} bytes, which the linker script does not know"


def main():
    with open(sys.argv[1], "rb") as file:
        found = list(faults(file.read()))
    for fault in found:
        print(f"{sys.argv[1]}: {fault}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
