"""An initramfs as a "newc" cpio archive [Linux: Documentation/driver-api/early-userspace/buffer-format].

Built in memory from given files, with no help of cpio(1) and no need of root: device nodes and
owners are just numbers in the archive.
"""
import gzip
import pathlib
import stat


class Archive:
    def __init__(self):
        self._out = bytearray()
        self._inode = 0
        self._folders = set()

    def folder(self, name):
        parts = pathlib.PurePosixPath(name).parts
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            if path not in self._folders:
                self._folders.add(path)
                self._entry(path, stat.S_IFDIR | 0o755, b"")

    def file(self, name, data, mode=0o755):
        self.folder(str(pathlib.PurePosixPath(name).parent))
        self._entry(name, stat.S_IFREG | mode, data if isinstance(data, bytes) else data.encode())

    def link(self, name, target):
        self.folder(str(pathlib.PurePosixPath(name).parent))
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor, mode=0o600):
        self.folder(str(pathlib.PurePosixPath(name).parent))
        self._entry(name, stat.S_IFCHR | mode, b"", major, minor)

    def cpio(self):
        whole = Archive()
        whole._out = bytearray(self._out)
        whole._entry("TRAILER!!!", 0, b"")
        return bytes(whole._out)

    def gz(self):
        return gzip.compress(self.cpio(), 6, mtime=0)

    def _entry(self, name, mode, data, major=0, minor=0):
        if name in ("", "."):
            return
        self._inode += 1
        path = name.encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(path), 0)
        self._out += b"070701" + b"".join(b"%08X" % f for f in fields) + path
        self._pad()
        self._out += data
        self._pad()

    def _pad(self):
        self._out += bytes(-len(self._out) % 4)


def with_busybox(init, modules=()):
    """An archive with busybox, the usual /dev nodes, `init` as /init and kernel modules in /modules.

    `modules` are files, in an order in which they can be loaded; /modules/order lists them."""
    archive = Archive()
    busybox = pathlib.Path("/bin/busybox")
    if not busybox.exists():
        raise FileNotFoundError("/bin/busybox is missing (package busybox-static): run tools/setup")
    archive.file("bin/busybox", busybox.read_bytes())
    archive.link("bin/sh", "busybox")
    for folder in ("dev", "proc", "sys", "root", "newroot", "tmp"):
        archive.folder(folder)
    archive.device("dev/console", 5, 1)
    archive.device("dev/null", 1, 3, 0o666)
    for module in modules:
        archive.file(f"modules/{pathlib.Path(module).name}", pathlib.Path(module).read_bytes(), 0o644)
    order = "".join(f"{pathlib.Path(m).name}\n" for m in modules)
    archive.file("modules/order", order, 0o644)
    archive.file("init", init)
    return archive
