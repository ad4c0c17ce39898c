"""One guest: its xl configuration, its console as text with times, its end.

A guest is created paused, followed, then unpaused, so nothing it prints is missed. By default it is
kept by Xen when it ends (`on_poweroff="preserve"` and so on), so its shutdown reason can be read
and the whole of its console has been read before it is destroyed. With `on_reboot="restart"` a
reboot is no end: the console goes on in the same text. A guest that is saved and restored, or migrated,
goes on as another domain under the same name; whoever has that done waits with `wait_running_after`.

`output` is the console with carriage returns removed; `moments` are (dom0 time, length of output
then). Times are dom0's clock. Fails with RigError when xl refuses the guest.
"""
import base64
import itertools
import re
import time

from rig.machine import RigError

REBOOT = 1
REASONS = {0: "poweroff", REBOOT: "reboot", 2: "suspend", 3: "crash", 4: "watchdog", 5: "soft_reset"}
RESTART_SECONDS = 60
VDEVS = [f"xvd{letter}" for letter in "abcdefghijklmnop"]
# dom0 has CPU 0 for itself, and no virtual CPU changes places: multi-threaded emulation is not exact then.
GUEST_CPUS = 'cpus="1"'
_numbers = itertools.count(1)


def configuration(name, kernel, memory_mib=256, disks=(), extra=None, ramdisk=None, vcpus=1,
                  on_reboot="preserve", more=""):
    """An xl configuration as text; `kernel` and `ramdisk` are paths in dom0, `disks` xl's words."""
    lines = [f"name={xl_text(name)}", f"kernel={xl_text(kernel)}", f"memory={memory_mib}",
             f"vcpus={vcpus}", 'type="pv"', 'on_poweroff="preserve"', 'on_crash="preserve"',
             'on_watchdog="preserve"', f'on_reboot="{on_reboot}"',
             GUEST_CPUS, "disk=[" + ", ".join(xl_text(d) for d in disks) + "]"]
    if extra is not None:
        lines.append(f"extra={xl_text(extra)}")
    if ramdisk:
        lines.append(f"ramdisk={xl_text(ramdisk)}")
    return "\n".join([*lines, more]) + "\n"


def xl_text(text):
    """A text as xl's configuration wants it: in the quotes that it does not hold itself."""
    quote = "'" if '"' in text else '"'
    if quote in text or "\n" in text:
        raise RigError(f"xl cannot take a text with both kinds of quotes, or with a newline: {text}")
    return quote + text + quote


class Guest:
    def __init__(self, session, kernel, disks=(), ramdisk=None, listener=None, **options):
        """`kernel` and `ramdisk` are files of this machine; `disks` are Disk objects; the options
        are those of `configuration`. `listener(text)` is called with each new piece of console."""
        self.session = session
        self.name = f"{session.prefix}{next(_numbers)}"
        self.output = ""
        self.moments = []
        self.states = []
        self._listener = listener
        self._restarts = options.get("on_reboot") == "restart"
        words = [disk.specification(session, VDEVS[n]) for n, disk in enumerate(disks)]
        text = configuration(self.name, session.push(kernel, f"{self.name}.kernel"), disks=words,
                             ramdisk=ramdisk and session.push(ramdisk, f"{self.name}.ramdisk"), **options)
        self._begin(text)

    @classmethod
    def from_text(cls, session, text, listener=None):
        """A guest from a whole xl configuration, in which on_reboot is "restart"; its name is
        replaced by one of the session's."""
        guest = cls.__new__(cls)
        guest.session, guest.name = session, f"{session.prefix}{next(_numbers)}"
        guest.output, guest.moments, guest.states, guest._listener = "", [], [], listener
        guest._restarts = True
        guest._begin(text + f'\nname="{guest.name}"\n{GUEST_CPUS}\n')
        return guest

    def unpause(self):
        outcome = self.session.run(f"xl unpause {self.name}")
        if outcome.rc != 0:
            raise RigError(f"xl unpause: {outcome.output}")
        self.unpaused_at = outcome.began

    def wait_for(self, pattern, seconds, start=0):
        """Waits until the pattern is in the output (from offset `start`) or the guest has ended;
        the match, or None."""
        expression = re.compile(pattern, re.MULTILINE)
        self.session.wait(lambda: expression.search(self.output, start) or self.ended(), seconds)
        return expression.search(self.output, start)

    def wait_end(self, seconds):
        """Waits for the guest's end; its shutdown reason, "gone", or None if it goes on."""
        self.session.wait(self.ended, seconds)
        return self.reason()

    def ended(self):
        if not self.states or self.states[-1][1] == "running":
            return False
        # Between a reboot and the next start the guest is shut down, then there is none of its name.
        restarting = self._restarts and (self.states[-1][1] == "gone" or self.states[-1][2] == REBOOT)
        return not restarting or time.monotonic() - self._state_since > RESTART_SECONDS

    def reason(self):
        if not self.ended():
            return None
        state, code = self.states[-1][1:3]
        return REASONS.get(code, str(code)) if state == "shutdown" else "gone"

    def wait_running_after(self, domid, seconds=60):
        """Waits until the guest runs as another domain than `domid`; whether it does."""
        return self.session.wait(lambda: self.states[-1][1] == "running" and self.states[-1][0] != domid, seconds)

    def type(self, text):
        self.session.type(self.name, text.encode() if isinstance(text, str) else text)

    def time_of(self, offset):
        """When the character at `offset` of the output had come, in dom0's clock."""
        return next(time for time, length in self.moments if length > offset)

    def xen_log(self):
        """Xen's own messages since this guest was created."""
        lines = self.session.must("xl dmesg").splitlines()
        return "\n".join(lines[self._log_mark:])

    @property
    def domid(self):
        """The number of the domain that the guest was last."""
        return next(state[0] for state in reversed(self.states) if state[0] is not None)

    @property
    def _logs(self):
        return " ".join(f"/var/log/xen/console/guest-{self.name}{suffix}.log" for suffix in ("", "--incoming"))

    def destroy(self):
        self.session.unfollow(self._follow)
        self.session.sh(f"xl destroy {self.name}; rm -f {self._logs}", 120)

    def _begin(self, text):
        path = self.session.folder / f"{self.name}.cfg"
        path.write_text(text)
        self.session.must(f"rm -f {self._logs}")
        self._log_mark = len(self.session.must("xl dmesg").splitlines())
        outcome = self.session.run(f"xl create -p {self.session.dom0_folder}/{path.name}", 180)
        if outcome.rc != 0:
            raise RigError(f"xl create refused the guest:\n{outcome.output.rstrip()}\n{self.xen_log()}")
        self.create_seconds = outcome.ended - outcome.began
        self._follow = self.session.follow(self.name, self._handle)
        self.session.wait(lambda: self.states and self.states[-1][1] == "running", 10)

    def _handle(self, event):
        if event["ev"] == "console":
            text = base64.b64decode(event["data"]).decode(errors="replace").replace("\r", "")
            self.output += text
            self.moments.append((event["t"], len(self.output)))
            if self._listener:
                self._listener(text)
        else:
            self.states.append((event["domid"], event["state"], event["code"], event["t"]))
            self._state_since = time.monotonic()
