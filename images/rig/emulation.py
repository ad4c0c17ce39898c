"""How a guest looks in which emulation has crashed a process: that says nothing about who started it.

Multi-threaded emulation on a busy machine makes processes of guests crash at random, whoever
started the guest: with two guests side by side, one started by xl itself and one by pvboot, 40 and
29 of 250 shell pipelines failed. So a guest runs alone where it can, and one that failed and shows
such a crash is tried once more.
"""
import re

# A process crashed (the third way is klibc's, in Debian's initramfs), or one of the pipelines with which a sample guest
# proves itself gave nothing.
CRASH = re.compile(r"Segmentation fault|segfault at|Segment violation|PVBOOT-PROOF: failed:\S* (?:root= |root=\S+ sha256= )")


def crashed(console):
    """Whether a console's text shows such a crash."""
    return bool(CRASH.search(console))
