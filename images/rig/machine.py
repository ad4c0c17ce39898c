"""One QEMU that runs Xen and dom0.

A Machine lives in a run folder: QEMU's pid, Xen's and dom0's console log, the QMP socket, one
socket for each agent port, and `share`, which dom0 sees as /share. Each process that uses the
machine takes a port for itself (see session). The parts' images are never written to. QEMU is ended by
its own pid and by nothing else; a machine that was not kept up ends with the process that began it.

Fails with RigError, which carries the end of the console log.
"""
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from recipes import dom0_root, xen_rig
from recipes.progress import Step

PORTS = 6
BOOT_SECONDS = 300
XEN_WORDS = ("com1=115200,8n1 console=com1 noreboot bootscrub=0 conring_size=4m "
             "dom0_mem=1024M,max:1024M dom0_max_vcpus=1 dom0_vcpus_pin loglvl=all guest_loglvl=all")
DOM0_WORDS = "console=hvc0 panic=1 quiet"
# SMAP makes TCG's iret fault; multi-threaded TCG is what makes two cores of use.
CPU = ["-accel", "tcg,thread=multi", "-smp", "2", "-cpu", "max,-smap,-smep"]
PLAIN = ["-display", "none", "-nic", "none", "-no-reboot"]
PR_SET_PDEATHSIG = 1


class RigError(Exception):
    pass


def clean_up_when_told_to_end():
    """SIGTERM takes the same way out as an error does: sessions close, a machine of ours ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


class Machine:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.share = self.folder / "share"
        self.console_log = self.folder / "console.log"
        self.pid_file = self.folder / "qemu.pid"
        self._process = None

    @classmethod
    def start(cls, folder=None, memory_mib=5120, keep=False, hypervisor="debian"):
        """Boots Xen (one of xen_rig.HYPERVISORS) and dom0; returns when dom0's agents listen.

        With `keep` QEMU goes on after this process has ended."""
        parts = [xen_rig.HYPERVISORS[hypervisor].file("xen.elf"), xen_rig.KERNEL.file("vmlinux"),
                 xen_rig.BOOT.file("initramfs.gz"), dom0_root.ROOT.file("root.img")]
        machine = cls(folder or tempfile.mkdtemp(prefix="pvboot-rig-"))
        machine.share.mkdir(parents=True, exist_ok=True)
        # A kept machine that was killed leaves its log, in which dom0 is up.
        machine.console_log.unlink(missing_ok=True)
        with Step("booting Xen and dom0", 10) as step:
            machine._launch(*parts, memory_mib, keep)
            try:
                machine._wait_until_up(step)
            except BaseException:
                machine.stop()
                raise
        return machine

    def running(self):
        """Whether this machine's QEMU is there (a pid file alone may be stale)."""
        if self._process:
            return self._process.poll() is None
        try:
            pid = int(self.pid_file.read_text())
            return str(self.folder).encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return False

    def stop(self):
        if self.running():
            pid = int(self.pid_file.read_text())
            os.kill(pid, signal.SIGTERM)
            for _ in range(100):
                if not self.running():
                    break
                time.sleep(0.05)
            else:
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def console(self):
        """What Xen and dom0 have printed so far."""
        try:
            return self.console_log.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def _launch(self, xen, kernel, initramfs, root, memory_mib, keep):
        f = self.folder
        command = ["qemu-system-x86_64", *CPU, *PLAIN, "-m", str(memory_mib),
                   "-kernel", xen, "-append", XEN_WORDS,
                   "-initrd", f"{kernel} {DOM0_WORDS},{initramfs}",
                   "-drive", f"file={root},if=virtio,format=raw,snapshot=on",
                   "-device", "virtio-scsi-pci,id=scsi0",
                   "-device", f"virtio-serial-pci,max_ports={PORTS + 1}",
                   "-fsdev", f"local,id=share,path={self.share},security_model=none",
                   "-device", "virtio-9p-pci,fsdev=share,mount_tag=share",
                   "-qmp", f"unix:{f}/qmp,server=on,wait=off",
                   "-chardev", f"file,id=console,path={self.console_log}",
                   "-serial", "chardev:console"]
        for n in range(1, PORTS + 1):
            command += ["-chardev", f"socket,id=agent{n},path={f}/agent{n},server=on,wait=off",
                        "-device", f"virtserialport,chardev=agent{n},name=agent{n},nr={n}"]
        log = open(f / "qemu.log", "wb")
        libc = ctypes.CDLL(None)
        self._process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
            preexec_fn=None if keep else lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        self.pid_file.write_text(str(self._process.pid))

    def _wait_until_up(self, step):
        while step.elapsed() < BOOT_SECONDS:
            text = self.console()
            if "rig: dom0 is up" in text:
                return
            if not self.running():
                qemu = (self.folder / "qemu.log").read_text(errors="replace")
                raise RigError(f"QEMU ended while dom0 was booting\n{qemu}\n{text[-3000:]}")
            if text:
                step.note(text.strip().rpartition("\n")[2])
            time.sleep(0.05)
        raise RigError(f"dom0 was not up after {BOOT_SECONDS} s; its console ends:\n"
                       f"{self.console()[-3000:]}")
