#!/usr/bin/python3
"""What the rig's pure parts promise: reading users' disk lines, quoting for xl, archives, layouts."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "images"))

from recipes import bzimage, disk, initramfs
from rig import guest, user_config
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


if __name__ == "__main__":
    unittest.main()
