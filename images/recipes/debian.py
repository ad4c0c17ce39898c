"""Debian packages: where this machine's apt gets them, single ones unpacked, whole roots made.

The mirror is the one that apt is configured with, read through `apt-get indextargets`, so that
sources.list, deb822 files, http and https are all alike. Fails with CommandFailed; when apt has no
package lists yet the message says to run tools/setup.
"""
import pathlib
import re

from recipes import host

RELEASE = "bookworm"


def mirror():
    """The URL from which apt gets the release's own packages."""
    text = host.run(["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)"])
    for line in text.splitlines():
        release, _, url = line.partition(" ")
        if release in (RELEASE, "stable", "oldstable") and url:
            return url
    raise host.CommandFailed(f"apt has no package lists for Debian {RELEASE}: run tools/setup")


def real_package(name):
    """The package that a metapackage such as linux-image-amd64 stands for."""
    text = host.run(["apt-cache", "show", "--no-all-versions", name])
    found = re.search(r"^Depends: (linux-image-[^ ,]+)", text, re.MULTILINE)
    return found.group(1) if found else name


def newest_matching(pattern):
    """The highest-versioned package whose whole name matches the regular expression, or None."""
    names = host.run(["apt-cache", "pkgnames", "linux-image-"]).split()
    numbers = lambda name: [int(n) for n in re.findall(r"\d+", name)]
    return max((n for n in names if re.fullmatch(pattern, n)), key=numbers, default=None)


def unpack(package, folder, step=None):
    """Fetches one package as apt would and unpacks its files into `folder`."""
    download = pathlib.Path(folder) / ".deb"
    download.mkdir(parents=True)
    host.run(["apt-get", "download", "-q", package], cwd=download, step=step)
    for deb in download.iterdir():
        host.run(["dpkg-deb", "-x", deb, folder])
    host.remove_tree(download)


def bootstrap(folder, packages, step):
    """A Debian root in `folder` (files of root), with the packages and what they need."""
    host.root_run(["debootstrap", "--variant=minbase", "--merged-usr",
                   "--include=" + ",".join(packages), RELEASE, folder, mirror()], step=step)
