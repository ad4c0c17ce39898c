#!/usr/bin/python3
"""What the rig's pure parts promise: reading users' disk lines, quoting for xl, archives, layouts."""
import contextlib
import io
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "images")]

from recipes import bzimage, cache, debian_guest, disk, host, initramfs
from rig import emulation, guest, user_config
from rig.machine import RigError


class UserDisks(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.image = pathlib.Path(self.folder.name) / "a.img"
        self.image.write_bytes(b"x")

    def test_every_form_of_a_disk_line_is_understood(self):
        cases = [
            (f"file:{self.image},xvda,w", "xvda", False, False),
            (f"phy:{self.image},xvdb,r", "xvdb", False, True),
            (f"{self.image},raw,xvdc,rw", "xvdc", False, False),
            (f"format=raw, vdev=xvdd, access=ro, target={self.image}", "xvdd", False, True),
            (f"{self.image},,hdc:cdrom,r", "hdc", True, True),
            (f"vdev=xvde,devtype=cdrom,target={self.image}", "xvde", True, True),
            ("a.img,raw,xvda", "xvda", False, False),
        ]
        for text, vdev, cdrom, readonly in cases:
            with self.subTest(text):
                parsed = user_config.parse_disk(text, self.folder.name)
                self.assertEqual((parsed.image, parsed.vdev, parsed.cdrom, parsed.readonly),
                                 (self.image, vdev, cdrom, readonly))

    def test_an_image_that_is_not_there_is_an_error_with_its_name(self):
        with self.assertRaisesRegex(RigError, "/nowhere/b.img"):
            user_config.parse_disk("file:/nowhere/b.img,xvda,w", self.folder.name)


class FakeSession:
    """What `fit` asks of a session: dom0's names of images and files."""

    def __init__(self):
        self.drives = self

    def attach(self, image):
        return f"/dev/{pathlib.Path(image).stem}"

    def push(self, file, name):
        return f"/share/{name}"


class UserConfigurations(unittest.TestCase):
    TEXT = """name = "theirs" # the guest's own
    memory = 4096
    kernel = '/usr/lib/grub-xen/grub-x86_64-xen.bin'
    ramdisk = "more.cfg"
    # disk = [ 'phy:/dev/not-this-one,xvdz,w' ]
    vif = [ 'bridge=xenbr0',
            'bridge=xenbr1' ]
    extra = "a=# b"
    disk = [ 'a.img,raw,xvda', # the guest's root
             "file:b.img,xvdb,r" ]
    """

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for name in ("a.img", "b.img", "c.img", "more.cfg"):
            (self.folder / name).write_bytes(b"x")

    def fit(self, image=None):
        return user_config.fit(self.TEXT, self.folder, FakeSession(), "/share/pvboot.elf", image)

    def test_their_disks_and_ramdisk_become_dom0s_and_the_loader_comes_last(self):
        text, left_out = self.fit()
        self.assertEqual(left_out, ["vif"])
        self.assertNotIn("xenbr", text)
        self.assertIn('extra = "a=# b"', text)
        lines = text.splitlines()
        self.assertIn('kernel="/share/pvboot.elf"', lines[-4:])
        self.assertIn('ramdisk="/share/their.ramdisk"', lines[-4:])
        disks = next(line for line in lines[-4:] if line.startswith("disk=["))
        self.assertRegex(disks, r'"vdev=xvda,access=rw,[^"]*target=/dev/a", "vdev=xvdb,access=ro,[^"]*target=/dev/b"')

    def test_an_image_that_is_named_takes_the_place_of_their_disks(self):
        (self.folder / "a.img").unlink()
        text, _ = self.fit(self.folder / "c.img")
        self.assertRegex(text, r'(?m)^disk=\["vdev=xvda,access=rw,[^"]*target=/dev/c"\]$')

    def test_a_ramdisk_that_is_not_there_is_an_error_with_its_name(self):
        (self.folder / "more.cfg").unlink()
        with self.assertRaisesRegex(RigError, "more.cfg"):
            self.fit()

    def test_the_memory_is_read(self):
        for text, mib in ((self.TEXT, 4096), ("memory=0x200", 512), ("memory=512\nmemory = 768 # MiB\n", 768),
                          ("# memory = 5", None), ("maxmem=9", None)):
            self.assertEqual(user_config.memory_mib(text), mib, text)


class XlText(unittest.TestCase):
    def test_a_text_is_put_into_the_quotes_it_does_not_hold(self):
        self.assertEqual(guest.xl_text("a b"), '"a b"')
        self.assertEqual(guest.xl_text('a "b c"'), "'a \"b c\"'")

    def test_a_text_that_xl_cannot_take_is_refused(self):
        for text in ("'\"", "a\nb"):
            with self.assertRaises(RigError):
                guest.xl_text(text)


class Archives(unittest.TestCase):
    def test_every_entry_and_its_data_begin_on_a_multiple_of_four(self):
        archive = initramfs.Archive()
        archive.file("a/bc", b"12345")
        archive.file("d", b"")
        data = archive.cpio()
        self.assertEqual(len(data) % 4, 0)
        self.assertEqual([data.count(name) for name in (b"a\0", b"a/bc\0", b"TRAILER!!!\0")], [1, 1, 1])
        self.assertEqual(data.index(b"12345") % 4, 0)


class Cache(unittest.TestCase):
    """Two checkouts whose recipes differ share one cache."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        environment = mock.patch.dict(os.environ, PVBOOT_CACHE=folder.name)
        environment.start()
        self.addCleanup(environment.stop)
        silence = contextlib.redirect_stderr(io.StringIO())
        silence.__enter__()
        self.addCleanup(silence.__exit__, None, None, None)

    def part(self, parameters):
        return cache.Part("thing", lambda folder, step: (folder / "made").write_text(parameters), [], parameters)

    def age(self, folder, seconds):
        then = time.time() - seconds
        os.utime(folder, (then, then))

    def test_a_finished_part_is_not_built_again(self):
        first = self.part("one").file("made")
        first.write_text("still this one")
        self.assertEqual(self.part("one").file("made").read_text(), "still this one")

    def test_a_folder_that_was_used_during_the_last_day_stays(self):
        ours = self.part("ours").folder()
        self.age(ours, 2 * cache.KEPT_SECONDS)
        self.part("ours").folder()
        self.part("theirs").folder()
        self.assertTrue(ours.is_dir())

    def test_a_folder_that_nobody_has_used_for_a_day_goes_with_the_next_build(self):
        ours = self.part("ours").folder()
        self.age(ours, cache.KEPT_SECONDS + 60)
        theirs = self.part("theirs").folder()
        self.assertEqual([entry for entry in self.folder.iterdir() if entry.is_dir()], [theirs])


class EmulationCrashes(unittest.TestCase):
    def test_a_crashed_process_is_seen_and_a_guests_own_failure_is_not_one(self):
        for text, crashed in (("sh: line 3: Segmentation fault", True),
                              ("Segment violation\n(initramfs) ", True),
                              ("awk[63]: segfault at 8 ip 00000000004d1e2b", True),
                              ("PVBOOT-PROOF: failed: root= (no such device) does not mount", True),
                              ("PVBOOT-PROOF: failed:root root= sha256=8a62 kernel=6.1.0", True),
                              ("PVBOOT-PROOF: failed:data root=/dev/xvda1 sha256= kernel=6.1.0", True),
                              ("PVBOOT-PROOF: failed:data root=/dev/xvda1 sha256=8a62 kernel=6.1.0", False),
                              ("PVBOOT-PROOF: failed: root=/dev/xvda (no such device) does not mount", False),
                              ("PVBOOT-PROOF: ok root=/dev/xvda1 sha256=8a62 kernel=6.1.0", False)):
            self.assertEqual(emulation.crashed(text), crashed, text)


class DebianGuest(unittest.TestCase):
    def test_an_update_grub_that_does_not_end_is_an_error_with_its_last_words(self):
        late = subprocess.TimeoutExpired("qemu", 180, output=b"Generating grub configuration file ...")
        with mock.patch.object(subprocess, "run", side_effect=late), \
                mock.patch.object(debian_guest.VM_BOOT, "folder", return_value=pathlib.Path("/vm")), \
                self.assertRaisesRegex(host.CommandFailed, "after 180 s(.|\n)*Generating grub"):
            debian_guest._update_grub("disk.img", "/dev/vda1")


class Layouts(unittest.TestCase):
    def test_a_filesystem_lies_where_its_partition_begins(self):
        with tempfile.TemporaryDirectory() as folder:
            for layout, offset in (("whole", 0), ("gpt", 1 << 20), ("mbr", 1 << 20)):
                filesystem, image = (pathlib.Path(folder) / name for name in ("fs", "image"))
                filesystem.write_bytes(b"begin" + bytes(1 << 20) + b"end" + bytes(1021 * 512))
                size = filesystem.stat().st_size // 512 * 512
                with open(filesystem, "r+b") as file:
                    file.truncate(size)
                content = filesystem.read_bytes()
                disk.assemble(image, filesystem, layout)
                self.assertEqual(image.read_bytes()[offset:offset + size], content, layout)
                image.unlink()


class Kernels(unittest.TestCase):
    def test_what_is_no_bzimage_is_refused(self):
        with self.assertRaisesRegex(ValueError, "HdrS"):
            bzimage.payload(bytes(4096))

    def test_a_kernel_packed_otherwise_is_the_same_kernel(self):
        kernel = b"\x7fELF" + bytes(range(256)) * 40
        before, behind = bytearray(0x600), b"the old decompressor"
        data = bzimage.pack(kernel, "zstd") + struct.pack("<I", len(kernel))
        before[bzimage.SETUP_SECTS] = 1
        before[bzimage.MAGIC:bzimage.MAGIC + 4] = b"HdrS"
        struct.pack_into("<II", before, bzimage.PAYLOAD, 0x200, len(data))
        image = bytes(before) + data + behind
        unpackers = {"gzip": ["gzip", "-dc"], "bzip2": ["bzip2", "-dc"], "lzma": ["xz", "--format=lzma", "-dc"],
                     "lzo": ["lzop", "-dc"], "zstd": ["zstd", "-dcq"], "elf": ["cat"]}
        self.assertEqual(set(unpackers), {*bzimage.PACKERS, "elf"})
        for kind, tool in unpackers.items():
            with self.subTest(kind):
                changed = bzimage.repacked(image, kind)
                offset, length = struct.unpack_from("<II", changed, bzimage.PAYLOAD)
                payload = changed[0x400 + offset:0x400 + offset + length]
                self.assertEqual(changed[0x400 + offset + length:], behind)
                if kind != "elf":
                    self.assertEqual(struct.unpack("<I", payload[-4:])[0], len(kernel))
                if kind not in ("elf", "gzip"):
                    payload = payload[:-4]
                done = subprocess.run(tool, input=payload, stdout=subprocess.PIPE, check=True)
                self.assertEqual(done.stdout, kernel)


if __name__ == "__main__":
    unittest.main()
