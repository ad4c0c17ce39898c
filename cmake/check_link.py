#!/usr/bin/python3
"""Refuses a freestanding program that the linker let through but Xen would not run as it was meant.

    check_link.py PROGRAM MAP MEMBERS

MAP is the linker's map of PROGRAM; MEMBERS lists, one a line, the archive members of Debian's libraries that may be
pulled in ("libzstd.a(zstd_decompress.o)"). Members of archives of our own rooms (libpvboot_*.a) are always allowed.

Refused: other members; a symbol of a listed member that stays undefined; thread-local storage; indirect functions;
run-time relocations; static constructors and destructors; segments both writable and executable; and relocations of
listed members that hold an address in 32 bits, since the program lies above 4 GiB.
"""
import pathlib
import re
import subprocess
import sys


def tool(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def pulled_members(map_text):
    """The archive members of a map's first part, as (archive path, member)."""
    part = map_text.split("Archive member included", 1)[-1]
    part = re.split(r"\n(?:Discarded input sections|Memory Configuration|There are no discarded)", part, 1)[0]
    return sorted(set(re.findall(r"^(\S+\.a)\(([^)]*)\)", part, re.M)))


def check_members(members, allowed):
    for archive, member in members:
        name = pathlib.Path(archive).name
        if not name.startswith("libpvboot_") and f"{name}({member})" not in allowed:
            yield f"{name}({member}) is pulled in, which the list of archive members does not allow"


def check_relocations(members):
    """R_X86_64_32 and its like in what was pulled in; debug sections are not loaded and may have them."""
    archives = {archive for archive, _ in members if not pathlib.Path(archive).name.startswith("libpvboot_")}
    wanted = {(pathlib.Path(archive).name, member) for archive, member in members}
    for archive in sorted(archives):
        name = pathlib.Path(archive).name
        member = section = ""
        for line in tool("readelf", "-rW", archive).splitlines():
            if found := re.match(r"File: .*\(([^)]*)\)", line):
                member = found[1]
            elif found := re.match(r"Relocation section '(\S+)'", line):
                section = found[1]
            elif (found := re.search(r"\bR_X86_64_(32S?|16|8|TPOFF\w*|TLS\w*|GOTTPOFF|DTP\w*)\b", line)) and (
                name, member) in wanted and not section.startswith((".rela.debug", ".rela.eh_frame")):
                yield f"{name}({member}) has a relocation {found[0]} in {section}"


def check_program(program):
    for line in tool("readelf", "-lW", program).splitlines():
        words = line.split()
        if words and words[0] in ("TLS", "DYNAMIC", "INTERP"):
            yield f"it has a segment {words[0]}"
        if words and words[0] == "LOAD" and "W" in line.split("0x")[-2] and "E" in line.split("0x")[-2]:
            yield "it has a segment that is writable and executable"
    for line in tool("readelf", "-SW", program).splitlines():
        if found := re.search(r"\] (\.(?:init_array|fini_array|preinit_array|ctors|dtors|tdata|tbss)\S*)", line):
            yield f"it has a section {found[1]}"
    if re.search(r"\bR_X86_64_", tool("readelf", "-rW", program)):
        yield "it has run-time relocations"
    for line in tool("readelf", "-sW", program).splitlines():
        words = line.split()
        if len(words) == 8 and words[3] == "IFUNC":
            yield f"{words[7]} is an indirect function"
        if len(words) == 8 and words[6] == "UND" and words[4] != "WEAK":
            yield f"{words[7]} is undefined"


def main():
    program, map_path, members_path = sys.argv[1:]
    lines = pathlib.Path(members_path).read_text().splitlines()
    allowed = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    members = pulled_members(pathlib.Path(map_path).read_text())
    faults = [*check_members(members, allowed), *check_relocations(members), *check_program(program)]
    for fault in faults:
        print(f"{pathlib.Path(program).name}: {fault}", file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
