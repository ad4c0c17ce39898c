"""A kernel of Linux's shape that says when it was entered: its first instructions are replaced.

Code that needs nothing but what every PV kernel finds (guest-bare.bin) is put over an ELF kernel's
entry, so that everything a loader does for the kernel stays as it is. The entry is the ENTRY note's
[xen/elfnote.h]. Fails with ValueError when the file is no such kernel.
"""
import struct

PT_LOAD, PT_NOTE = 1, 4
XEN_ELFNOTE_ENTRY = 1


def planted(kernel, code):
    """The bytes of `kernel` with `code` at its entry."""
    segments = list(_segments(kernel))
    entry = _entry(kernel, segments)
    for kind, offset, address, size in segments:
        if kind == PT_LOAD and address <= entry and entry + len(code) <= address + size:
            at = offset + entry - address
            return kernel[:at] + code + kernel[at + len(code):]
    raise ValueError(f"no segment holds the entry {entry:#x} and {len(code)} bytes after it")


def _segments(kernel):
    """(type, file offset, virtual address, bytes in the file) of each program header."""
    if kernel[:5] != b"\x7fELF\x02":
        raise ValueError("no 64-bit ELF file")
    table, = struct.unpack_from("<Q", kernel, 0x20)
    entry_size, count = struct.unpack_from("<HH", kernel, 0x36)
    for n in range(count):
        kind, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", kernel, table + n * entry_size)
        yield kind, offset, address, size


def _entry(kernel, segments):
    for kind, offset, _, size in segments:
        at, end = offset, offset + size
        while kind == PT_NOTE and at + 12 <= end:
            name_size, value_size, note = struct.unpack_from("<III", kernel, at)
            name = at + 12
            value = name + (name_size + 3 & ~3)
            if kernel[name:name + name_size] == b"Xen\0" and note == XEN_ELFNOTE_ENTRY:
                return int.from_bytes(kernel[value:value + value_size], "little")
            at = value + (value_size + 3 & ~3)
    raise ValueError("the kernel has no ENTRY note of Xen's")
