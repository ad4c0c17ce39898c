"""Running commands on the machine that builds: as ourselves, or as root where a tool needs it.

A command that fails raises CommandFailed with the command, its exit status and the end of its
output, which is what a person needs to act on.
"""
import os
import pathlib
import shlex
import shutil
import subprocess


# mke2fs, debugfs, sfdisk and depmod need no root, but Debian leaves their folders out of other users' PATH.
os.environ["PATH"] = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"


class CommandFailed(Exception):
    pass


def run(command, step=None, env=None, cwd=None, stdin=None):
    """Runs `command` (a list), returns its output; each line is also shown as the step's note."""
    command = [str(word) for word in command]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
                               cwd=cwd, stdin=stdin or subprocess.DEVNULL, text=True,
                               errors="replace")
    lines = []
    for line in process.stdout:
        lines.append(line)
        if step and line.strip():
            step.note(line.strip())
    if process.wait() != 0:
        tail = "".join(lines[-25:])
        raise CommandFailed(f"{shlex.join(command)}\nended with status {process.returncode}:\n{tail}")
    return "".join(lines)


def root_run(command, **options):
    """The same as root: directly, or through sudo."""
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            raise CommandFailed(f"{command[0]} needs root: run as root, or install sudo")
        command = ["sudo", "--", *command]
    return run(command, **options)


def remove_tree(folder):
    """Removes a folder that may hold files of root."""
    if not pathlib.Path(folder).exists():
        return
    try:
        shutil.rmtree(folder)
    except PermissionError:
        root_run(["rm", "-rf", "--one-file-system", folder])


def give_back(path):
    """Makes a file that root made our own."""
    if os.geteuid() != 0:
        root_run(["chown", f"{os.getuid()}:{os.getgid()}", path])
