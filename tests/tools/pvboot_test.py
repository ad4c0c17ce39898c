#!/usr/bin/python3
"""The host command `pvboot`, run as its users run it: exit codes, text and JSON, over disks made by mke2fs.

usage: pvboot_test.py PVBOOT TEST_IMAGE

TEST_IMAGE is the unit tests' program that has the table of unbootable kernels.
"""
import gzip
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import tiny_kernel

PAGE = 4096

GRUB_CFG = """\
set default=0
set timeout=5
menuentry_id_option="--id"
export menuentry_id_option
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple' {
    insmod gzio
    echo 'Loading Linux ...'
    linux /boot/vmlinuz root=/dev/xvda ro quiet
    initrd /boot/initrd.img
}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced' {
    menuentry 'Debian GNU/Linux, compressed' $menuentry_id_option 'gnulinux-gz' {
        linux /boot/vmlinux.gz root=/dev/xvda single
    }
    menuentry 'gone' { linux /boot/no-such-kernel }
}
"""

OTHER_CFG = """\
menuentry 'again' {
    reboot
}
menuentry 'more' {
    configfile /boot/grub/grub.cfg
}
menuentry 'sector' {
    chainloader +1
}
menuentry 'no initrd' {
    linux /boot/vmlinuz
    initrd /boot/empty.img
}
menuentry 'wrapped' {
    linux /boot/vmlinuz
    initrd /boot/initrd.img newc:etc/key:/boot/key
}
menuentry 'modules' {
    multiboot /boot/other-os placeholder
    module /boot/initrd.img one "two words"
    module --nounzip /boot/key
}
menuentry 'modules of Linux' {
    multiboot /boot/vmlinuz
    module /boot/initrd.img one
}
menuentry 'both' {
    linux /boot/vmlinuz
    initrd /boot/initrd.img
    module /boot/key
}
menuentry 'dom0' {
    multiboot /boot/xen.gz placeholder
    module /boot/vmlinuz placeholder root=/dev/xvda
    module --nounzip /boot/initrd.img
}
"""


class HostCommand(unittest.TestCase):
    pvboot = test_image = ""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        root = pathlib.Path(cls.folder.name) / "root"
        (root / "boot/grub").mkdir(parents=True)
        kernel = tiny_kernel.make()
        (root / "boot/vmlinuz").write_bytes(kernel)
        (root / "boot/vmlinux.gz").write_bytes(gzip.compress(kernel))
        (root / "boot/initrd.img").write_bytes(b"i" * 100001)
        (root / "boot/empty.img").write_bytes(b"")
        (root / "boot/key").write_bytes(b"k" * 300)
        (root / "boot/other-os").write_bytes(kernel.replace(b"linux\0", b"other\0"))
        (root / "boot/xen.gz").write_bytes(gzip.compress(tiny_kernel.hypervisor()))
        (root / "boot/grub/grub.cfg").write_text(GRUB_CFG)
        (root / "boot/grub/other.cfg").write_text(OTHER_CFG)
        (root / "vmlinuz").symlink_to("boot/vmlinuz")
        cls.image = str(pathlib.Path(cls.folder.name) / "disk.img")
        # Debian leaves the folder of mke2fs out of the PATH of all but root.
        cls.environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", root, cls.image, "32m"], check=True, env=cls.environment)
        cls.empty = str(pathlib.Path(cls.folder.name) / "empty.img")
        pathlib.Path(cls.empty).write_bytes(bytes(1 << 20))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_pvboot(self, *words, expect=0):
        done = subprocess.run([self.pvboot, *words], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, expect, (done.stderr + done.stdout).decode(errors="replace"))
        return done

    def json(self, *words, expect=0):
        return json.loads(self.run_pvboot(*words, "--json", expect=expect).stdout)

    def write(self, name, content):
        path = pathlib.Path(self.folder.name) / name
        path.write_bytes(content)
        return str(path)

    def test_cat_writes_the_file_and_nothing_else(self):
        self.assertEqual(self.run_pvboot("cat", self.image, "/boot/initrd.img").stdout, b"i" * 100001)
        self.assertEqual(self.run_pvboot("cat", self.image, "(xvda)/vmlinuz").stdout, tiny_kernel.make())

    def test_a_path_without_a_device_is_on_the_first_filesystem_that_has_it(self):
        self.assertEqual(self.json("stat", self.empty, self.image, "/boot/vmlinuz")["device"], "xvdb")

    def test_ls_lists_names_sizes_and_links(self):
        names = {item["name"]: item for item in self.json("ls", self.image, "/")}
        self.assertEqual(names["vmlinuz"]["target"], "boot/vmlinuz")
        self.assertEqual(names["boot"]["type"], "directory")
        self.assertIn("initrd.img", self.run_pvboot("ls", self.image, "/boot").stdout.decode())

    def by_debugfs(self, path):
        """What e2fsprogs say of a file: inode, type, size, seconds since 1970 when it was modified."""
        done = subprocess.run(["debugfs", "-R", f"stat {path}", self.image], capture_output=True, text=True, check=True,
                              env=self.environment)
        found = re.search(r"Inode: (\d+) +Type: (\w+)(?:.|\n)*? Size: (\d+)\n(?:.|\n)*?mtime: 0x(\w{8})", done.stdout)
        return int(found.group(1)), found.group(2), int(found.group(3)), int(found.group(4), 16)

    def test_stat_tells_what_a_name_is(self):
        for path, kind, size in (("/boot/initrd.img", "file", "100001 (97.6 KiB)"),
                                 ("/boot/empty.img", "file", "0 (0 bytes)"), ("/boot", "directory", None),
                                 ("/vmlinuz", "symlink", "12 (12 bytes)")):
            with self.subTest(path):
                inode, their_kind, bytes_in_all, modified = self.by_debugfs(path)
                self.assertEqual(their_kind, "regular" if kind == "file" else kind)
                told = self.json("stat", self.image, path)
                runs = told.pop("runs")
                self.assertEqual(told, {"device": "xvda", "path": path, "filesystem": "ext4", "type": kind,
                                        "size": bytes_in_all, "mtime": modified, "inode": inode})
                self.assertEqual(runs > 0, path == "/boot/initrd.img")
                # A directory has as many blocks as mke2fs gives it.
                size = size or f"{bytes_in_all} ({bytes_in_all >> 10} KiB)"
                when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(modified))
                text = self.run_pvboot("stat", self.image, path).stdout.decode()
                self.assertRegex(text, rf"^\(xvda\){path}\n  filesystem  ext4 [-0-9a-f]{{36}}\n")
                self.assertEqual(text.splitlines()[2:], [f"  type        {kind}", f"  size        {size}",
                                                         f"  modified    {when}", f"  inode       {inode}",
                                                         f"  runs        {runs}"])

    def test_what_is_missing_is_refused_with_its_place(self):
        done = self.run_pvboot("cat", self.image, "(xvda)/boot/nothing", expect=1)
        self.assertIn("nothing", done.stderr.decode())
        self.run_pvboot("cat", self.image, "(xvdc)/boot", expect=1)
        done = self.run_pvboot("ls", "/no/such/image", "/", expect=1)
        self.assertIn("no such file", done.stderr.decode())
        done = self.run_pvboot("ls", self.folder.name, "/", expect=1)
        self.assertIn("neither a file nor a block device", done.stderr.decode())
        # A folder where a file is wanted is no mistake in the command's words.
        self.run_pvboot("cat", self.image, "(xvda)/boot", expect=1)

    def test_an_image_that_is_not_raw_is_called_what_it_is(self):
        for magic, name in ((b"QFI\xfb", "qcow2"), (b"KDMV", "VMDK"), (b"conectix", "VHD"), (b"vhdxfile", "VHDX")):
            done = self.run_pvboot("ls", self.write("wrapped.img", magic + bytes(4096)), "/", expect=1)
            self.assertIn(name, done.stderr.decode())
            self.assertIn("qemu-img convert", done.stderr.decode())

    def test_names_are_shown_without_control_characters(self):
        done = self.run_pvboot("cat", self.image, "(xvda)/boot/\x1b[2Jx", expect=1)
        self.assertNotIn(b"\x1b", done.stderr)
        self.assertIn(b"\\x1b[2Jx", done.stderr)

    def test_wrong_usage_exits_with_2(self):
        self.run_pvboot(expect=2)
        self.run_pvboot("cat", self.image, expect=2)
        for path in ("relative/path", "(xvda", "(xvda)boot", "()"):
            self.run_pvboot("cat", self.image, path, expect=2)
        self.run_pvboot("plan", self.image, "--memory", "0", expect=2)

    def test_entries_are_a_list_with_their_kernels(self):
        entries = self.json("entries", self.image)
        self.assertEqual([e["title"] for e in entries],
                         ["Debian GNU/Linux", "Debian GNU/Linux, compressed", "gone"])
        first = entries[0]
        self.assertEqual(first["id"], "gnulinux-simple")
        self.assertEqual(first["kernel"], "(xvda)/boot/vmlinuz")
        self.assertEqual(first["initrds"], ["(xvda)/boot/initrd.img"])
        self.assertEqual(first["cmdline"], "root=/dev/xvda ro quiet")
        self.assertEqual((first["default"], first["depth"]), (True, 0))
        self.assertEqual((entries[1]["default"], entries[1]["depth"]), (False, 1))
        self.assertTrue(first["source"].startswith("(xvda)/boot/grub/grub.cfg:"))

    def test_plan_shows_entry_image_and_layout(self):
        plan = self.json("plan", self.image, "--memory", "256", "--extra", "console=hvc0")
        self.assertEqual(plan["entry"]["cmdline"], "root=/dev/xvda ro quiet console=hvc0")
        self.assertEqual(plan["layout"]["nr_pages"], 65536)
        names = [element["name"] for element in plan["layout"]["elements"]]
        for name in ("kernel", "initrd", "start_info", "page tables", "boot stack"):
            self.assertIn(name, names)
        self.run_pvboot("plan", self.image, "--entry", "gnulinux-gz")
        self.run_pvboot("plan", self.image, "--entry", "gone", expect=1)
        self.run_pvboot("plan", self.image, "--entry", "no such entry", expect=1)
        self.run_pvboot("plan", self.image, "--memory", "16", expect=1)

    def test_plan_shows_the_image_that_the_kernel_is_read_from(self):
        kernel = tiny_kernel.make()
        facts = {"container": "ELF, not compressed", "file_size": len(kernel), "uncompressed_size": len(kernel),
                 "virt_base": tiny_kernel.VIRT_BASE, "entry": tiny_kernel.VIRT_BASE + (16 << 20), "mod_start_pfn": True}
        self.assertEqual(self.json("plan", self.image)["image"], facts)
        packed = {**facts, "container": "ELF, gzip", "file_size": len(gzip.compress(kernel))}
        self.assertEqual(self.json("plan", self.image, "--entry", "gnulinux-gz")["image"], packed)

    def test_plan_shows_where_each_element_lies(self):
        layout = self.json("plan", self.image, "--memory", "256")["layout"]
        # The test kernel is linked at 16 MiB, and 3 pages long; the region ends at the next multiple of 4 MiB. Its
        # tables are an L4, an L3, an L2, and an L1 for each 2 of its 20 MiB.
        region = [("padding", 0, 0x1000), ("kernel", 0x1000, 3), ("start_info", 0x1003, 1),
                  ("xenstore page", 0x1004, 1), ("console page", 0x1005, 1), ("page tables", 0x1006, 3 + 10),
                  ("boot stack", 0x1013, 1), ("padding", 0x1014, 0x1400 - 0x1014)]
        wanted = [(name, tiny_kernel.VIRT_BASE + pfn * PAGE, pfn, frames, frames * PAGE)
                  for name, pfn, frames in region]
        # Behind it, where these notes ask for them: 100,001 bytes, and 8 bytes for each of 65,536 frames with an L3, an
        # L2 and an L1.
        wanted += [("initrd", None, 0x1400, 25, 100001),
                   ("P2M and its tables", tiny_kernel.P2M_ADDRESS, 0x1419, 128 + 3, (128 + 3) * PAGE)]
        self.assertEqual([tuple(e[key] for key in ("name", "address", "first_pfn", "frames", "bytes"))
                          for e in layout["elements"]], wanted)
        del layout["elements"]
        self.assertEqual(layout, {"nr_pages": 65536, "virt_base": tiny_kernel.VIRT_BASE, "region_frames": 0x1400,
                                  "multiboot_modules": False})
        text = self.run_pvboot("plan", self.image, "--memory", "256").stdout.decode()
        for name, address, pfn, frames, size in wanted:
            place = "not mapped" if address is None else hex(address)
            self.assertRegex(text, rf"(?m)^{name} +{place} +{pfn:#x} +{frames} +{size}$")

    def planned(self, entry, *words, expect=0):
        return self.run_pvboot("plan", self.image, "--extra", "pvboot.config=/boot/grub/other.cfg", "--entry", entry,
                               *words, expect=expect)

    def module_of(self, plan):
        return next((e["name"], e["bytes"]) for e in plan["layout"]["elements"] if e["name"] in ("initrd", "modules"))

    def test_wrapped_files_and_modules_are_listed(self):
        entries = self.json("entries", self.image, "--extra", "pvboot.config=/boot/grub/other.cfg")
        by_title = {e["title"]: e for e in entries}
        self.assertEqual(by_title["wrapped"]["initrds"], ["(xvda)/boot/initrd.img", "newc:etc/key:(xvda)/boot/key"])
        self.assertEqual(by_title["modules"]["modules"],
                         [{"file": "(xvda)/boot/initrd.img", "cmdline": 'one "two words"'},
                          {"file": "(xvda)/boot/key", "cmdline": ""}])
        text = self.run_pvboot("entries", self.image, "--extra", "pvboot.config=/boot/grub/other.cfg").stdout.decode()
        self.assertIn("initrd   newc:etc/key:(xvda)/boot/key\n", text)
        self.assertIn('module   (xvda)/boot/initrd.img one "two words"\n', text)

    def test_wrapped_files_take_the_room_of_their_archive(self):
        plan = json.loads(self.planned("wrapped", "--json").stdout)
        # Four zeroes at least, headers for etc, etc/key and the trailer, each with its name padded to 4.
        self.assertEqual(self.module_of(plan), ("initrd", 100001 + 7 + 116 + 120 + 300 + 124))
        self.assertFalse(plan["layout"]["multiboot_modules"])

    def test_modules_are_a_package_for_all_kernels_but_linux(self):
        plan = json.loads(self.planned("modules", "--json").stdout)
        self.assertEqual(self.module_of(plan), ("modules", 4096 + 102400 + 300))
        self.assertTrue(plan["layout"]["multiboot_modules"])
        self.assertEqual(len(plan["entry"]["modules"]), 2)
        self.assertIn("SIF_MULTIBOOT_MOD", self.planned("modules").stdout.decode())
        done = self.planned("modules of Linux")
        self.assertIn("given as initrds", done.stdout.decode())
        self.assertIn("'one' are left out", done.stderr.decode())
        plan = json.loads(self.planned("modules of Linux", "--json").stdout)
        self.assertEqual(self.module_of(plan), ("initrd", 100001))

    def test_an_entry_that_loads_no_kernel_cannot_be_planned(self):
        for entry, words in (("again", "restarts"), ("more", "another configuration"), ("sector", "boot sector"),
                             ("no initrd", "empty file"), ("both", "both initrds and multiboot modules"),
                             ("dom0", "/boot/xen.gz: this is the Xen hypervisor")):
            with self.subTest(entry):
                done = self.run_pvboot("plan", self.image, "--extra", "pvboot.config=/boot/grub/other.cfg", "--entry",
                                       entry, expect=1)
                self.assertIn(words, done.stderr.decode())

    def test_an_unknown_entry_in_extra_is_a_warning_as_in_the_loader(self):
        done = self.run_pvboot("plan", self.image, "--extra", "pvboot.entry=nothing pvboot.timeout=soon")
        self.assertIn("no entry is called 'nothing'", done.stderr.decode())
        self.assertIn("--extra: pvboot.timeout=soon", done.stderr.decode())
        self.assertIn("Debian GNU/Linux", done.stdout.decode())

    def test_inspect_tells_what_a_kernel_is_and_why_not(self):
        good = self.write("good", tiny_kernel.make())
        self.assertTrue(self.json("inspect", good)["bootable"])
        self.assertIn("VIRT_BASE", self.run_pvboot("inspect", good).stdout.decode())
        more = tiny_kernel.note(14, struct.pack("<I", 1)) + tiny_kernel.note(99, bytes(20))
        notes = self.json("inspect", self.write("more", tiny_kernel.make(more_notes=more)))["notes"]
        self.assertEqual((notes["SUSPEND_CANCEL"], notes["note 99"]), ("0x1", "20 bytes"))
        for name, content in (("no-notes", tiny_kernel.make(notes=False)), ("arm", tiny_kernel.make(machine=183)),
                              ("garbage", b"hello" * 1000), ("empty", b""), ("cut", tiny_kernel.make()[:5000])):
            with self.subTest(name):
                path = self.write(name, content)
                report = self.json("inspect", path, expect=1)
                self.assertFalse(report["bootable"])
                self.assertTrue(report["reason"])

    def test_inspect_shows_the_segments(self):
        path = self.write("segments", tiny_kernel.make(code_bytes=20000))
        report = self.json("inspect", path)
        self.assertEqual(report["segments"],
                         [{"offset": PAGE, "paddr": 16 << 20, "filesize": 20000, "memsize": 24096, "flags": "R-X"}])
        start = tiny_kernel.VIRT_BASE + (16 << 20)
        self.assertEqual((report["kernel_start"], report["kernel_end"]), (start, start + 24096))
        text = self.run_pvboot("inspect", path).stdout.decode()
        self.assertRegex(text, r"(?m)^ +0x1000 +0x1000000 +0x4e20 +0x5e20 +R-X$")

    def test_inspect_says_of_each_unbootable_kernel_why(self):
        folder = pathlib.Path(self.folder.name) / "unbootable"
        folder.mkdir()
        subprocess.run([self.test_image, "[write-unbootable]"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "PVBOOT_UNBOOTABLE": str(folder)})
        kernels = json.loads((folder / "kernels.json").read_text())
        self.assertGreater(len(kernels), 100)
        for kernel in kernels:
            with self.subTest(kernel["name"]):
                path, bootable = str(folder / kernel["name"]), not kernel["words"]
                report = self.json("inspect", path, expect=0 if bootable else 1)
                self.assertEqual(report["bootable"], bootable)
                self.assertIn(kernel["words"], report["reason"])
                done = self.run_pvboot("inspect", path, expect=0 if bootable else 1)
                self.assertRegex(done.stdout.decode(), r"(?m)^bootable      " + ("yes" if bootable else "no$"))
                self.assertEqual(done.stderr.decode(), "" if bootable else f"pvboot: {path}: {report['reason']}\n")

    def test_inspect_shows_what_is_known_of_a_kernel_that_is_refused(self):
        kernel = tiny_kernel.make()
        # Its notes come last, so the file is longer than what they are told from.
        report = self.json("inspect", self.write("more-cut", gzip.compress(kernel + bytes(8 << 20))[:-9]), expect=1)
        self.assertEqual((report["container"], report["compression"]), ("ELF", "gzip"))
        self.assertEqual(report["notes"]["GUEST_OS"], "linux")
        self.assertIn("ends early", report["reason"])
        text = self.run_pvboot("inspect", self.write("arm", tiny_kernel.make(machine=183)), expect=1).stdout.decode()
        self.assertIn("container     ELF, not compressed\n", text)
        self.assertNotIn("segments", text)

    def test_inspect_tells_defaults_and_what_is_ignored(self):
        text = self.run_pvboot("inspect", self.write("default", tiny_kernel.make())).stdout.decode()
        self.assertRegex(text, r"PADDR_OFFSET +0x0 \(default\)\n")
        self.assertRegex(text, r"VIRT_BASE +0xffffffff80000000\n")
        odd = tiny_kernel.note(tiny_kernel.INIT_P2M, struct.pack("<Q", 0x8000000008)) + tiny_kernel.note(9, b"yes\0")
        text = self.run_pvboot("inspect", self.write("odd", tiny_kernel.make(more_notes=odd))).stdout.decode()
        self.assertRegex(text, r"INIT_P2M +0x8000000008 \(not used: .*\)\n")
        self.assertRegex(text, r"PAE_MODE +yes\n")

    def test_a_disk_without_a_configuration_is_refused_with_notes(self):
        done = self.run_pvboot("entries", self.empty, expect=1)
        self.assertIn("no boot configuration", done.stderr.decode())

    def test_version_names_version_and_build_id(self):
        self.assertRegex(self.run_pvboot("--version").stdout.decode(), r"^pvboot \d+\.\d+\.\d+ \(build-id [0-9a-f]{40}\)")

    def make_disk(self, name, files, *commands):
        """An image whose root holds `files` (path to content), changed by debugfs's `commands`."""
        folder = pathlib.Path(self.folder.name)
        root, image = folder / (name + ".root"), folder / (name + ".img")
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        env = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-O", "metadata_csum", "-d", root, image, "8m"], check=True,
                       env=env)
        for command in commands:
            subprocess.run(["debugfs", "-w", "-R", command, image], check=True, env=env, stderr=subprocess.DEVNULL)
        return str(image)

    def run_into_a_full_disk(self, *words):
        """What is said on standard error when nothing can be written to standard output."""
        with open("/dev/full", "w") as full:
            done = subprocess.run([self.pvboot, *words], stdout=full, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr.decode(errors="replace"))
        return done.stderr.decode()

    def test_standard_output_that_cannot_be_written_is_refused(self):
        files = {f"many/{i:0200}": b"" for i in range(40)}
        files["boot/vmlinuz"] = tiny_kernel.make()
        initrd = "/boot/initrd" + "-" * 60
        files[initrd[1:]] = b"i"
        files["boot/grub/grub.cfg"] = "".join(f"menuentry '{i}' {{\n linux /boot/vmlinuz {'x' * 900}\n"
                                              f" initrd{(' ' + initrd) * 60}\n}}\n" for i in range(9)).encode()
        disk = self.make_disk("many", files)
        notes = b"".join(tiny_kernel.note(number, b"") for number in range(1000, 1200))
        kernel = self.write("many-notes", tiny_kernel.make(more_notes=notes))
        # Longer than stdio's buffer or not: the first write fails while the command still runs, or when it ends.
        for long, words in ((True, ("ls", disk, "/many")), (False, ("ls", disk, "/")),
                            (True, ("ls", disk, "/many", "--json")), (False, ("ls", disk, "/", "--json")),
                            (True, ("cat", disk, "/boot/vmlinuz")), (False, ("cat", disk, initrd)),
                            (False, ("stat", disk, "/many")),
                            (True, ("stat", disk, "/" + "./" * 2040 + "many", "--json")),
                            (True, ("entries", disk)), (True, ("entries", disk, "--json")),
                            (True, ("plan", disk)), (True, ("plan", disk, "--json")),
                            (True, ("inspect", kernel)), (True, ("inspect", kernel, "--json")),
                            (False, ("--help",)), (False, ("ls", "--help")), (False, ("--version",))):
            with self.subTest(words[0], json="--json" in words, long=long):
                self.assertEqual(len(self.run_pvboot(*words).stdout) > 4096, long)
                self.assertEqual(self.run_into_a_full_disk(*words), "pvboot: cannot write to standard output\n")
        # A kernel that is refused is so whether its report can be written or not.
        said = self.run_into_a_full_disk("inspect", self.write("full-arm", tiny_kernel.make(machine=183)))
        self.assertRegex(said, r"^pvboot: cannot write to standard output\npvboot: .*/full-arm: ")

    def test_standard_error_that_cannot_be_written_changes_nothing(self):
        with open("/dev/full", "w") as full:
            for words, status in ((("plan", self.image, "--extra", "pvboot.timeout=soon"), 0),
                                  (("ls", "/nothing", "/"), 1)):
                done = subprocess.run([self.pvboot, *words], stdout=subprocess.PIPE, stderr=full, timeout=60)
                self.assertEqual(done.returncode, status)
                self.assertEqual(done.stdout, self.run_pvboot(*words, expect=status).stdout)

    def test_ls_shows_an_entry_that_cannot_be_read_among_the_others(self):
        files = {"many/" + name: b"12345" for name in ("first", "last", "middle", "to")}
        disk = self.make_disk("bad-inodes", files, "symlink /many/link " + "t" * 100, "sif /many/middle checksum 1",
                              "sif /many/to checksum 1", "sif /many/link block[0] 0")
        done = self.run_pvboot("ls", disk, "/many", expect=1)
        lines = done.stdout.decode().splitlines()
        self.assertEqual(len(lines), 5)
        for line, name in ((lines[0], "first"), (lines[1], "last")):
            self.assertRegex(line, rf"^file +5 \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ {name}$")
        for line, name in ((lines[3], "middle"), (lines[4], "to")):
            self.assertRegex(line, rf"^\? +\? +\? {name}: .*/many/{name}: inode \d+: checksum mismatch$")
            self.assertEqual(line.index(name), lines[0].index("first"))
        self.assertRegex(lines[2], r"^\? +\? +\? link: .*/many/link: ")
        self.assertRegex(done.stderr.decode(), r"^pvboot: \(xvda\)/many: .*/many/link: .*\n$")
        items = {item["name"]: item for item in self.json("ls", disk, "/many", expect=1)}
        self.assertEqual({name for name, item in items.items() if "error" in item}, {"link", "middle", "to"})
        self.assertRegex(items["middle"]["error"], r"/many/middle: inode \d+: checksum mismatch$")
        self.assertEqual((items["first"]["type"], items["first"]["size"]), ("file", 5))
        # What is asked for by its own name is refused as ever.
        self.assertEqual(self.run_pvboot("ls", disk, "/many/middle", expect=1).stdout, b"")

    def test_help_says_how_many_disks_a_subcommand_takes(self):
        self.assertIn("\nUsage: pvboot [OPTIONS] SUBCOMMAND\n", self.run_pvboot("--help").stdout.decode())
        for sub, positionals in (("ls", "IMAGE... PATH"), ("cat", "IMAGE... PATH"), ("stat", "IMAGE... PATH"),
                                 ("entries", "IMAGE..."), ("plan", "IMAGE..."), ("inspect", "KERNEL")):
            with self.subTest(sub):
                text = self.run_pvboot(sub, "--help").stdout.decode()
                self.assertIn(f"\nUsage: pvboot {sub} [OPTIONS] {positionals}\n", text)
                self.assertRegex(text, rf"\n  {re.escape(positionals)} +(The guest's disks|A bzImage)")
        disks = [self.image] * 26
        self.assertEqual(self.json("stat", *disks, "(xvdz)/boot/vmlinuz")["device"], "xvdz")
        self.run_pvboot("entries", *disks)
        self.run_pvboot("stat", *disks, self.image, "/boot/vmlinuz", expect=2)
        self.run_pvboot("entries", *disks, self.image, expect=2)

    def test_plan_names_the_guests_own_loader_where_the_loader_would_try_it_first(self):
        kernel = tiny_kernel.make()
        own = self.make_disk("own-loader", {"xen/pvboot-x86_64.elf": kernel})
        both = self.make_disk("own-loader-in-boot",
                              {"boot/xen/pvboot-x86_64.elf": kernel, "xen/pvboot-x86_64.elf": kernel})
        ordinary = self.run_pvboot("plan", self.image)
        self.assertEqual(ordinary.stderr, b"")
        note = "pvboot: note: the loader tries the guest's own loader {} first\n"
        missing = ("pvboot: warning: pvboot.stage2=yes: no disk has /boot/xen/pvboot-x86_64.elf or "
                   "/xen/pvboot-x86_64.elf; the loader goes on without it\n")
        for disks, extra, stage2, said in (
                ((own,), "pvboot.stage2=yes", "(xvdb)/xen/pvboot-x86_64.elf", note),
                ((both, own), "pvboot.stage2=yes", "(xvdb)/boot/xen/pvboot-x86_64.elf", note),
                ((self.empty,), "pvboot.stage2=yes", None, missing),
                ((own,), "pvboot.stage2=no", None, ""),
                ((own,), "", None, "")):
            with self.subTest(extra, stage2=stage2):
                words = ("plan", self.image, *disks, "--extra", extra)
                done = self.run_pvboot(*words)
                self.assertEqual(done.stderr.decode(), said.format(stage2))
                self.assertEqual(done.stdout, ordinary.stdout)
                self.assertEqual(self.json(*words).get("stage2"), stage2)
        # With nothing else to boot the loader tries it unless it is told not to.
        done = self.run_pvboot("plan", own, expect=1)
        self.assertIn(note.format("(xvda)/xen/pvboot-x86_64.elf"), done.stderr.decode())
        done = self.run_pvboot("plan", own, "--extra", "pvboot.stage2=no", expect=1)
        self.assertNotIn("own loader", done.stderr.decode())


if __name__ == "__main__":
    HostCommand.pvboot, HostCommand.test_image = sys.argv[1:3]
    del sys.argv[1:3]
    unittest.main()
