"""The cache of built parts, and what a part is.

A Part has a name, a recipe and parts it needs. Its folder in the cache is NAME-HASH, where HASH
covers the recipe's parameters, the text of the files that build it, and the hashes of the parts it
needs: a changed recipe gets a new folder, an unchanged one is never built twice. A part is built in
a temporary folder and renamed when complete, so a folder that exists is whole; a lock per part keeps
two processes from building the same thing. After a build, folders of the same part that nobody has
asked for during a day are removed; until then they may be another checkout's, and in use.

The cache is $PVBOOT_CACHE, or ~/.cache/pvboot. A build that fails leaves no folder and raises.
"""
import fcntl
import hashlib
import json
import os
import pathlib
import time

from recipes import host
from recipes.progress import Step

KEPT_SECONDS = 24 * 3600


def root():
    default = pathlib.Path.home() / ".cache" / "pvboot"
    folder = pathlib.Path(os.environ.get("PVBOOT_CACHE") or default)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Part:
    """A thing to build once. `build(folder, step)` fills `folder`; `sources` are the files whose
    text is the recipe; `parameters` is anything JSON can hold; `needs` are other parts."""

    def __init__(self, name, build, sources, parameters=None, needs=(), usual_seconds=None):
        self.name = name
        self.build = build
        self.sources = [pathlib.Path(s) for s in sources]
        self.parameters = parameters
        self.needs = needs
        self.usual_seconds = usual_seconds

    def hash(self):
        digest = hashlib.sha256(json.dumps(self.parameters, sort_keys=True).encode())
        for source in self.sources:
            digest.update(source.read_bytes())
        for part in self.needs:
            digest.update(part.hash().encode())
        return digest.hexdigest()[:16]

    def folder(self):
        """The folder of the finished part; builds it, and what it needs, when it is not there."""
        final = root() / f"{self.name}-{self.hash()}"
        if _use(final):
            return final
        for part in self.needs:
            part.folder()
        with open(root() / f".{self.name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _use(final):
                self._build_into(final)
        return final

    def file(self, name):
        return self.folder() / name

    def _build_into(self, final):
        temporary = root() / f".{self.name}.building"
        host.remove_tree(temporary)
        temporary.mkdir()
        with Step(f"building {self.name}", self.usual_seconds) as step:
            self.build(temporary, step)
        os.rename(temporary, final)
        os.utime(final)
        for old in root().glob(f"{self.name}-*"):
            if len(old.name) == len(final.name) and time.time() - old.stat().st_mtime > KEPT_SECONDS:
                host.remove_tree(old)


def _use(folder):
    """Whether the folder is there; its time of change becomes the time of its last use."""
    try:
        os.utime(folder)
    except FileNotFoundError:
        return False
    except PermissionError:
        pass  # Somebody else's cache, which only they clear.
    return True
