"""What some scenarios have on their disks, or get from dom0 as ramdisk=, beyond the samples.

What makes disks gets the run and the scenario's disks as images, and returns Disk objects; what makes
a ramdisk gets the same and returns a file. Contents of files are texts, bytes, or functions of the run that
give bytes.
"""
import json
import os
import pathlib
import random
import struct
import subprocess
import sys

from recipes import bzimage, host, samples
from recipes import disk as disks
from rig.disks import Disk

GRUB_CFG = "/boot/grub/grub.cfg"
# Where GRUB for Xen is put by grub-install, and looked for by Debian's own: on a root, and on a /boot of its own.
CHAINED, CHAINED_ON_BOOT = "/boot/xen/pvboot-x86_64.elf", "/xen/pvboot-x86_64.elf"
GRUB_MODULES = ("ext2", "normal", "configfile", "search", "search_fs_uuid", "test", "echo", "linux", "gzio", "xzio",
                "lzopio")
BUILD_ID_NOTE = struct.pack("<III4s", 4, 20, 3, b"GNU\0")
OTHER_BUILD_ID = bytes([0x0B]) * 20
PACK = pathlib.Path(__file__).resolve().parent.parent / "guest/handover/pack.py"
# The release build; whichever loader is tried, the test guests are its own.
BUILD = pathlib.Path(__file__).resolve().parent.parent.parent / "build/release"
# As Debian's grub.cfg begins.
CHOICE_FOR_ONE_BOOT = """if [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${next_entry}" ]; then
  set default="${next_entry}"
  set next_entry=
  save_env next_entry
fi
"""
BLOCK_DISK_SIZES = [f"{64 * n} KiB" for n in range(1, 16)] + ["1 MiB"]


def configuration(*commands, timeout=1):
    """A grub.cfg with an entry for each of the commands."""
    return f"set timeout={timeout}\n" + "".join(f"menuentry 'Entry {number}' --id entry-{number} {{\n{text}\n}}\n"
                                     for number, text in enumerate(commands))


def grubenv(**variables):
    """An environment block, as grub-editenv writes it [GRUB manual: Environment block]."""
    text = "# GRUB Environment Block\n" + "".join(f"{name}={value}\n" for name, value in variables.items())
    return text.ljust(1024, "#")


def linux(words=""):
    """The commands that boot a sample's kernel; `words` end its command line."""
    return (f"linux /boot/vmlinuz root=UUID={samples.UUID} ro console=hvc0 quiet {words}\n"
            "initrd /boot/initrd.img")


def holding(files):
    """The first disk with these files: {path: content, or None for a file taken away}."""
    def disks_from(run, images):
        image = run.folder / "changed.img"
        disks.clone(images[0], image)
        layout = samples.SAMPLES[run.scenario.disks[0].sample].layout
        _write_into(image, layout, {path: _content(run, content) for path, content in files.items()})
        return [Disk(image)]
    return disks_from


def unbootable_kernels(folder):
    """Writes the files of the unit tests' table of unbootable kernels; the list of them."""
    folder.mkdir(exist_ok=True)
    host.run([BUILD / "test_image", "[write-unbootable]"], env={**os.environ, "PVBOOT_UNBOOTABLE": str(folder)})
    return json.loads((folder / "kernels.json").read_text())


def refused_then_good(run, images):
    """The first disk with an entry for each unbootable kernel, each the fallback of the one before, and a good kernel
    at their end."""
    folder = run.folder / "unbootable"
    run.refused = unbootable_kernels(folder)
    names = [kernel["name"] for kernel in run.refused]
    text = f'set timeout=0\nset default=0\nset fallback="{" ".join(str(n + 1) for n in range(len(names)))}"\n'
    text += "".join(f"menuentry '{name}' {{ linux /refused/{name} }}\n" for name in names)
    text += f"menuentry 'a good kernel' {{\n{linux('after.all')}\n}}\n"
    files = {f"/refused/{name}": (folder / name).read_bytes() for name in names}
    return holding({GRUB_CFG: text, **files})(run, images)


def ramdisk(text):
    def file_from(run, images):
        file = run.folder / "ramdisk.cfg"
        file.write_text(text)
        return file
    return file_from


def chain(*links):
    """A configuration whose every entry starts the next one through a loader: `links` are the commands that do, with
    their file, or the commands of the last entry."""
    *loaders, last = links
    return configuration(*(f"{command} pvboot.entry=entry-{number}" for number, command in enumerate(loaders, 1)), last,
                         timeout=0)


def loader(run):
    """The pvboot that is tried."""
    return run.loader.read_bytes()


def guest(name):
    """One of tests/guest/, as a file's content."""
    return lambda run: run.elf(f"guest-{name}").read_bytes()


def other_build(run):
    """pvboot as another build of it, by its build-id."""
    data = loader(run)
    start = data.index(BUILD_ID_NOTE) + len(BUILD_ID_NOTE)
    return data[:start] + OTHER_BUILD_ID + data[start + len(OTHER_BUILD_ID):]


def grub_with(folder):
    """GRUB as grub-install makes it for Xen, with its grub.cfg in `folder` of the whole disk xvda."""
    def build(run):
        image = run.folder / "grub.elf"
        host.run(["grub-mkimage", "-O", "x86_64-xen", "-o", image, "-p", f"(xen/xvda){folder}", *GRUB_MODULES])
        return image.read_bytes()
    return build


def from_image(image, folder):
    """A sample's kernel and initrd, taken from its image (of a whole-disk layout) into files of the folder."""
    kernel, initrd = folder / "kernel", folder / "initrd"
    for path, file in (("/boot/vmlinuz", kernel), ("/boot/initrd.img", initrd)):
        host.run(["debugfs", "-R", f"dump {path} {file}", image])
    return kernel, initrd


def packed(run, images):
    """The sample's kernel, decompressed, and its initrd as the module of tests/guest/handover."""
    (kernel, initrd), module = from_image(images[0], run.folder), run.folder / "module"
    kernel.write_bytes(bzimage.vmlinux(kernel.read_bytes()))
    host.run([sys.executable, PACK, module, kernel, initrd])
    return module


def packed_twice(run, images):
    """The same with the handover guest itself before it: that starts itself, and then the kernel."""
    module = run.folder / "module-twice"
    host.run([sys.executable, PACK, module, run.kernel, packed(run, images)])
    return module


def packed_loader(run, images):
    """pvboot alone, for the handover guest to start."""
    module = run.folder / "module"
    host.run([sys.executable, PACK, module, run.loader])
    return module


def block_disks(run, images):
    """Disks of different sizes, and nothing alike in them."""
    made = []
    for number in range(len(BLOCK_DISK_SIZES)):
        image = run.folder / f"block{number}.img"
        image.write_bytes(random.Random(number).randbytes((number + 1) << 16))
        made.append(Disk(image))
    return made


def _content(run, content):
    if callable(content):
        return content(run)
    return content.encode() if isinstance(content, str) else content


def _write_into(image, layout, files):
    """Writes {path: bytes, or None} into the filesystem of an image of a sample."""
    offset = 0 if layout == "whole" else disks.START_MIB << 20
    filesystem = f"{image}?offset={offset}"
    commands = []
    for number, (path, content) in enumerate(files.items()):
        commands.append(f"rm {path}")
        if content is None:
            continue
        staged = image.with_name(f"staged{number}")
        staged.write_bytes(content)
        parts = path.split("/")[1:-1]
        commands += [f"mkdir /{'/'.join(parts[:n])}" for n in range(1, len(parts) + 1)]
        commands.append(f"write {staged} {path}")
    done = subprocess.run(["debugfs", "-w", "-f", "-", filesystem], input="\n".join(commands) + "\n", text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for path, content in files.items():
        listed = host.run(["debugfs", "-R", f"stat {path}", filesystem])
        if "Inode:" in listed if content is None else f" Size: {len(content)}\n" not in listed:
            raise host.CommandFailed(f"debugfs did not change {path} in {image}:\n{done.stdout}")
