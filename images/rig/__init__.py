"""The Xen rig: real Xen and a Debian dom0 in QEMU's software emulation, driven from this machine.

`machine` starts and ends QEMU, `session` talks to dom0 over one of its ports, `guest` creates and
watches one guest, `disks` attaches disk images to dom0. See ../README.md for the commands.
"""
