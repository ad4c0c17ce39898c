"""Kernel modules picked from an unpacked kernel package, with the modules they depend on.

`closure` needs depmod's modules.dep, which it makes itself when the package has none. An unknown
module name is a LookupError that names it, unless the kernel has it built in.
"""
import pathlib

from recipes import host


def version_of(root):
    """The kernel version in an unpacked package (the only folder in lib/modules)."""
    versions = [p.name for p in (pathlib.Path(root) / "lib/modules").iterdir()]
    if len(versions) != 1:
        raise LookupError(f"expected one kernel in {root}/lib/modules, found {versions}")
    return versions[0]


def module_name(path):
    """As modprobe sees it: without .ko or .ko.xz, hyphens as underscores."""
    return pathlib.Path(path).name.partition(".ko")[0].replace("-", "_")


def closure(root, names):
    """Paths of the modules `names` and all they need, in an order in which insmod takes them."""
    base = pathlib.Path(root) / "lib/modules" / version_of(root)
    if not (base / "modules.dep").exists() or not (base / "modules.dep").stat().st_size:
        host.run(["depmod", "-b", root, version_of(root)])
    needs = {}
    for line in (base / "modules.dep").read_text().splitlines():
        path, _, deps = line.partition(":")
        needs[path] = deps.split()
    builtin = {module_name(line) for line in (base / "modules.builtin").read_text().split()}
    by_name = {module_name(path): path for path in needs}
    order = []
    for name in (n.replace("-", "_") for n in names):
        if name in builtin:
            continue
        if name not in by_name:
            raise LookupError(f"kernel {version_of(root)} has no module {name}")
        path = by_name[name]
        # modules.dep lists what a module needs with the deepest dependency last.
        for module in [*reversed(needs[path]), path]:
            if module not in order:
                order.append(module)
    return [base / path for path in order]
