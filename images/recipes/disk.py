"""Whole disks from filesystem images: a partition table by sfdisk, the images copied into it.

No loop device and no root. `LAYOUTS` are the ways a guest's root can lie: on the whole disk, in the
first partition of a GPT, or of an MBR. Fails with CommandFailed.
"""
import os
import shutil
import subprocess

from recipes import host

LAYOUTS = ("whole", "gpt", "mbr")
START_MIB = 1
GPT_LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"


def assemble(image, filesystem, layout):
    """Makes `image` of the one filesystem image in the given layout."""
    if layout == "whole":
        os.rename(filesystem, image)
        return
    size = os.path.getsize(filesystem)
    with open(image, "wb") as file:
        file.truncate(size + (2 * START_MIB << 20))
    start, sectors = START_MIB * 2048, size // 512
    kind = GPT_LINUX if layout == "gpt" else "83"
    table = {"gpt": "gpt", "mbr": "dos"}[layout]
    script = f"label: {table}\nstart={start}, size={sectors}, type={kind}, bootable\n"
    if layout == "gpt":
        script = script.replace(", bootable", "")
    done = subprocess.run(["sfdisk", "-q", image], input=script, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise host.CommandFailed(f"sfdisk: {done.stdout}")
    copy_into(image, filesystem, START_MIB << 20)
    os.unlink(filesystem)


def copy_into(image, source, offset):
    """Copies a sparse file into another at a byte offset, leaving its holes out."""
    with open(source, "rb") as data, open(image, "r+b") as target:
        end = os.path.getsize(source)
        position = 0
        while position < end:
            try:
                start = os.lseek(data.fileno(), position, os.SEEK_DATA)
            except OSError:
                return
            position = os.lseek(data.fileno(), start, os.SEEK_HOLE)
            data.seek(start)
            target.seek(offset + start)
            left = position - start
            while left:
                piece = data.read(min(left, 1 << 20))
                target.write(piece)
                left -= len(piece)


def root_device(layout):
    """The name that the guest's kernel gives the root when the disk is xvda."""
    return "/dev/xvda" if layout == "whole" else "/dev/xvda1"


def grub_root(layout):
    """The name that grub.cfg gives it."""
    return {"whole": "hd0", "gpt": "hd0,gpt1", "mbr": "hd0,msdos1"}[layout]


def clone(source, target):
    """A copy to change, with holes kept."""
    host.run(["cp", "--sparse=always", "--reflink=auto", source, target])
    shutil.copymode(source, target)
