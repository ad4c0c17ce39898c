"""A tiny but complete Xen PV kernel as bytes: an ELF with Xen notes, for images that tests make.

It has one loadable segment and one PT_NOTE. `make()` takes what a test wants to be different.
"""
import struct

VIRT_BASE = 0xFFFFFFFF80000000
P2M_ADDRESS = 0x8000000000
ENTRY, XEN_VERSION, GUEST_OS, VIRT_BASE_NOTE, LOADER, MOD_START_PFN, INIT_P2M = 1, 5, 6, 3, 8, 16, 15


def note(kind, desc):
    padded = desc + b"\0" * (-len(desc) % 4)
    return struct.pack("<III", 4, len(desc), kind) + b"Xen\0" + padded


def hypervisor():
    """A program for a bare machine, as Xen's own image is one: a 32-bit ELF with a multiboot header."""
    flags = 3
    header = struct.pack("<III", 0x1BADB002, flags, -(0x1BADB002 + flags) & 0xFFFFFFFF)
    return (b"\x7fELF" + bytes([1, 1, 1, 0]) + bytes(120) + header).ljust(20000, b"\0")


def make(notes=True, machine=62, code_bytes=8192, entry=VIRT_BASE + 0x1000000, more_notes=b""):
    text = b"\xcc" * code_bytes
    table = b""
    if notes:
        table = (note(ENTRY, struct.pack("<Q", entry)) + note(VIRT_BASE_NOTE, struct.pack("<Q", VIRT_BASE)) +
                 note(GUEST_OS, b"linux\0") + note(XEN_VERSION, b"xen-3.0\0") + note(LOADER, b"generic\0") +
                 note(MOD_START_PFN, struct.pack("<Q", 1)) + note(INIT_P2M, struct.pack("<Q", P2M_ADDRESS)) + more_notes)
    text_at, notes_at = 4096, 4096 + code_bytes
    header = b"\x7fELF" + bytes([2, 1, 1, 0]) + b"\0" * 8 + struct.pack(
        "<HHIQQQIHHHHHH", 2, machine, 1, entry, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, text_at, entry, 0x1000000, code_bytes, code_bytes + 4096, 4096)
    notes_header = struct.pack("<IIQQQQQQ", 4, 4, notes_at, 0, 0, len(table), len(table), 4)
    return (header + load + notes_header).ljust(text_at, b"\0") + text + table
