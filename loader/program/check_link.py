#!/usr/bin/env python3
"""Refuses a loader image that cannot work, after it is linked.

    check_link.py IMAGE [--map FILE --members FILE...]

Refused: undefined symbols, a segment that is writable and executable, static constructors and destructors,
thread-local storage, run-time relocations (IRELATIVE among them), missing notes, and, with a linker map, members of
foreign archives that no list names. Absolute 32-bit relocations do not get this far: the link address is above 4 GiB.
"""

import argparse
import re
import struct
import sys

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_TLS = 1, 2, 3, 7
SHT_SYMTAB, SHT_RELA, SHT_NOTE, SHT_REL = 2, 4, 7, 9  # [gabi]
SHF_ALLOC = 2
PERMITTED_SECTIONS = (".note.gnu.build-id", ".note.Xen", ".rodata", ".text", ".data.rel.ro", ".got", ".data", ".bss")
XEN_NOTES = {1: "ENTRY", 3: "VIRT_BASE", 4: "PADDR_OFFSET", 5: "XEN_VERSION", 6: "GUEST_OS", 8: "LOADER", 15: "INIT_P2M",
             16: "MOD_START_PFN"}


class Image:
    def __init__(self, path):
        self.data = open(path, "rb").read()
        header = struct.unpack_from("<16sHHIQQQIHHHHHH", self.data)
        (_, self.type, self.machine, _, self.entry, phoff, shoff, _, _, phsize, phnum, shsize, shnum, shstr) = header
        self.segments = [struct.unpack_from("<IIQQQQQQ", self.data, phoff + i * phsize) for i in range(phnum)]
        sections = [struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + i * shsize) for i in range(shnum)]
        names = sections[shstr]
        self.sections = [(self.text(names[4] + s[0]),) + s for s in sections]

    def text(self, at):
        return self.data[at:self.data.index(b"\0", at)].decode()

    def undefined(self):
        for name, _, kind, _, _, offset, size, link, _, _, entry in self.sections:
            if kind != SHT_SYMTAB:
                continue
            strings = self.sections[link][5]
            for at in range(offset + entry, offset + size, entry):
                symbol, _, _, section = struct.unpack_from("<IBBH", self.data, at)
                if section == 0:
                    yield self.text(strings + symbol)

    def notes(self):
        for _, _, kind, _, _, offset, size, *_ in self.sections:
            end = offset + size
            while kind == SHT_NOTE and offset + 12 <= end:
                namesz, descsz, number = struct.unpack_from("<III", self.data, offset)
                owner = self.data[offset + 12:offset + 12 + namesz].rstrip(b"\0").decode()
                yield owner, number
                offset += 12 + (namesz + 3 & ~3) + (descsz + 3 & ~3)


def complaints(image):
    for name in image.undefined():
        yield f"undefined symbol {name}"
    for kind, flags, *_ in image.segments:
        if kind == PT_LOAD and flags & 3 == 3:
            yield "a segment is writable and executable"
        if kind in (PT_DYNAMIC, PT_INTERP, PT_TLS):
            yield {PT_DYNAMIC: "a dynamic section", PT_INTERP: "an interpreter", PT_TLS: "thread-local storage"}[kind]
    for name, _, kind, flags, _, _, size, *_ in image.sections:
        if flags & SHF_ALLOC and size and name not in PERMITTED_SECTIONS:
            yield f"section {name} ({size} bytes): nobody runs constructors or relocations, or sets up TLS"
        if kind in (SHT_RELA, SHT_REL) and size:
            yield f"run-time relocations in {name}"
    present = set(image.notes())
    for number, name in XEN_NOTES.items():
        if ("Xen", number) not in present:
            yield f"the Xen note {name} is missing"
    if ("GNU", 3) not in present:
        yield "the build-id note is missing"


def foreign_members(map_file):
    """(archive, member) of the archives that are not ours, as the linker map lists them at its head."""
    for line in open(map_file):
        if line.startswith(("Discarded input sections", "Memory Configuration", "Linker script and memory map")):
            break
        found = re.match(r"(\S+/lib(\w+)\.a)\(([^)]+)\)", line)
        if found and not found.group(2).startswith("pvboot_"):
            yield f"lib{found.group(2)}.a", found.group(3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image")
    parser.add_argument("--map")
    parser.add_argument("--members", action="append", default=[], help="lists of ARCHIVE MEMBER that may be linked")
    args = parser.parse_args()
    found = list(complaints(Image(args.image)))
    if args.map:
        allowed = set()
        for path in args.members:
            lines = (line.split("#")[0].split() for line in open(path))
            allowed |= {(words[0], words[1]) for words in lines if len(words) >= 2}
        found += [f"{archive}({member}) is in no list of permitted members"
                  for archive, member in sorted(set(foreign_members(args.map)) - allowed)]
    for complaint in found:
        print(f"{args.image}: {complaint}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
