"""ext4 filesystems made from a folder by mke2fs -d: no mount, no loop device.

Run as root when the tree holds files of root, so that owners and modes are kept. Fails with
CommandFailed (a tree that does not fit says "Could not allocate block").
"""
import os

from recipes import host


def from_tree(image, tree, size_mib, label, options=(), as_root=True):
    """Makes `image`, an ext4 of `size_mib` MiB with the files of `tree`."""
    with open(image, "wb") as file:
        file.truncate(size_mib << 20)
    command = ["mke2fs", "-q", "-t", "ext4", "-F", "-L", label, "-m", "0", *options,
               "-d", tree, image]
    if as_root and os.geteuid() != 0:
        host.root_run(command)
        host.give_back(image)
    else:
        host.run(command)
