#!/usr/bin/python3
"""The rig's agents in dom0, one process a virtio-serial port: each does what a host session asks.

One JSON object a line, both ways. Requests carry an `id`; answers carry the same:

  {"op": "hello", "nonce": N}              -> {"ev": "hello", "nonce": N, "t": seconds}
  {"op": "run", "id": I, "command": text, "timeout": s}
                                           -> {"ev": "out", "id": I, "data": base64} ...
                                              {"ev": "end", "id": I, "rc": n, "began": t, "ended": t}
  {"op": "follow", "id": I, "name": guest} -> {"ev": "console", "id": I, "data": base64, "t": s} ...
                                              {"ev": "domain", "id": I, "domid": d, "state": s,
                                               "code": n, "t": s} on each change
  {"op": "type", "name": guest, "data": base64}
  {"op": "unfollow", "id": I}

A command that runs too long is killed with its process group and answers rc 124. Times are dom0's
monotonic clock, so console output and commands can be compared. When the host's end closes,
commands still running are killed, and guests whose names begin with this port's prefix (the port
number and a dot) are destroyed: a session that dies leaves nothing behind.
"""
import base64
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time

CONSOLE_LOGS = "/var/log/xen/console"
LOG_SECONDS = 0.5
DOMINF_DYING = 1 << 0
DOMINF_SHUTDOWN = 1 << 2
DOMINF_SHUTDOWN_SHIFT = 16


def console_logs(name):
    """A guest that migrates to this host has another name until it has come."""
    return [f"{CONSOLE_LOGS}/guest-{name}{suffix}.log" for suffix in ("", "--incoming")]


class Domains:
    """What Xen knows of domains, through libxenctrl: no process is started to ask."""

    def __init__(self):
        self._lib = ctypes.CDLL("libxenctrl.so.4.17")
        self._lib.xc_interface_open.restype = ctypes.c_void_p
        self._handle = ctypes.c_void_p(self._lib.xc_interface_open(None, None, 0))

    def state(self, domid):
        """("running"|"shutdown"|"gone", shutdown code)."""
        # xen_domctl_getdomaininfo begins with a 16-bit domid, padding, and 32 bits of flags.
        info = ctypes.create_string_buffer(4096)
        found = self._lib.xc_domain_getinfolist(self._handle, ctypes.c_uint32(domid), 1, info)
        words = (ctypes.c_uint32 * 2).from_buffer(info)
        if found != 1 or (words[0] & 0xFFFF) != domid or words[1] & DOMINF_DYING:
            return "gone", None
        if words[1] & DOMINF_SHUTDOWN:
            return "shutdown", (words[1] >> DOMINF_SHUTDOWN_SHIFT) & 0xFF
        return "running", None

    @staticmethod
    def find(name):
        done = subprocess.run(["xl", "domid", name], capture_output=True, text=True)
        return int(done.stdout) if done.returncode == 0 else None


class Inotify:
    """Waits until a file is written to, without polling it."""

    MODIFY_OR_CREATE = 0x2 | 0x100

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        libc.inotify_add_watch(self.fd, folder.encode(), self.MODIFY_OR_CREATE)

    def wait(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            os.read(self.fd, 65536)

    def close(self):
        os.close(self.fd)


class Follower(threading.Thread):
    """Sends one guest's console and its changes of state until told to stop."""

    def __init__(self, agent, request):
        super().__init__(daemon=True)
        self._agent = agent
        self._id = request["id"]
        self._name = request["name"]
        self._offsets = dict.fromkeys(console_logs(self._name), 0)
        self._domain = (None, None, None)
        self.stop = threading.Event()

    def run(self):
        watch = Inotify(CONSOLE_LOGS)
        next_look = 0
        while not self.stop.is_set():
            self._send_console()
            if time.monotonic() >= next_look:
                self._send_state()
                next_look = time.monotonic() + 0.2
            watch.wait(0.2)
        watch.close()

    def _send_console(self):
        for path, offset in self._offsets.items():
            try:
                with open(path, "rb") as log:
                    log.seek(offset)
                    data = log.read(1 << 16)
            except FileNotFoundError:
                continue
            if data:
                self._offsets[path] += len(data)
                self._agent.send(ev="console", id=self._id, t=time.monotonic(),
                                 data=base64.b64encode(data).decode())

    def _send_state(self):
        domid = self._domain[0]
        state, code = self._agent.domains.state(domid) if domid is not None else ("gone", None)
        if state == "gone":
            domid = self._agent.domains.find(self._name)
            if domid is not None:
                state, code = self._agent.domains.state(domid)
        if (domid, state, code) != self._domain:
            if state == "shutdown":
                # What the guest printed last comes before the news of its end; xenconsoled takes it
                # from the ring a moment before it writes it to the log.
                time.sleep(LOG_SECONDS)
                self._send_console()
            self._domain = (domid, state, code)
            self._agent.send(ev="domain", id=self._id, domid=domid, state=state, code=code,
                             t=time.monotonic())


class Agent:
    def __init__(self, port):
        self._path = port
        self._fd = os.open(port, os.O_RDWR)
        self._send_lock = threading.Lock()
        self._commands = {}
        self._followers = {}
        self.prefix = port.rpartition("p")[2] + "."
        self.domains = Domains()

    def serve(self):
        buffered = b""
        while True:
            data = self._read()
            if not data:
                self._clean_up()
                buffered = b""
                self._wait_for_host()
                continue
            buffered += data
            *lines, buffered = buffered.split(b"\n")
            for line in lines:
                self._handle(line)

    def send(self, **event):
        line = json.dumps(event).encode() + b"\n"
        with self._send_lock:
            while line:
                try:
                    line = line[os.write(self._fd, line):]
                except OSError:
                    return

    def _read(self):
        try:
            return os.read(self._fd, 1 << 16)
        except OSError:
            return b""

    def _wait_for_host(self):
        poller = select.poll()
        poller.register(self._fd, select.POLLIN)
        while any(events & select.POLLHUP for _, events in poller.poll(1000)):
            time.sleep(0.2)

    def _handle(self, line):
        try:
            request = json.loads(line)
        except ValueError:
            return
        op = request.get("op")
        if op == "hello":
            self.send(ev="hello", nonce=request["nonce"], prefix=self.prefix, t=time.monotonic())
        elif op == "run":
            threading.Thread(target=self._run, args=(request,), daemon=True).start()
        elif op == "follow":
            follower = self._followers[request["id"]] = Follower(self, request)
            follower.start()
        elif op == "unfollow" and request["id"] in self._followers:
            self._followers.pop(request["id"]).stop.set()
        elif op == "type":
            self._type(request["name"], base64.b64decode(request["data"]))

    def _run(self, request):
        began = time.monotonic()
        process = subprocess.Popen(["bash", "-c", request["command"]], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   start_new_session=True, cwd="/root")
        self._commands[request["id"]] = process
        expired = threading.Event()
        def expire():
            expired.set()
            self._kill(process)
        timer = threading.Timer(request.get("timeout") or 60, expire)
        timer.start()
        # xl create leaves a daemon that keeps the pipe: the end of the shell is the end.
        pipe = process.stdout.fileno()
        while True:
            ready, _, _ = select.select([pipe], [], [], 0.02)
            data = os.read(pipe, 1 << 15) if ready else b""
            if data:
                self.send(ev="out", id=request["id"], data=base64.b64encode(data).decode())
            elif ready or process.poll() is not None:
                break
        rc = process.wait()
        timer.cancel()
        process.stdout.close()
        self._commands.pop(request["id"], None)
        self.send(ev="end", id=request["id"], rc=124 if expired.is_set() else rc,
                  began=began, ended=time.monotonic())

    def _type(self, name, data):
        domid = self.domains.find(name)
        if domid is None:
            return
        done = subprocess.run(["xenstore-read", f"/local/domain/{domid}/console/tty"],
                              capture_output=True, text=True)
        if done.returncode == 0:
            with open(done.stdout.strip(), "wb", buffering=0) as tty:
                tty.write(data)

    def _clean_up(self):
        for process in list(self._commands.values()):
            self._kill(process)
        for follower in self._followers.values():
            follower.stop.set()
        self._followers.clear()
        listed = subprocess.run(["xl", "list"], capture_output=True, text=True).stdout
        for line in listed.splitlines()[1:]:
            name = line.split()[0]
            if name.startswith(self.prefix):
                subprocess.run(["xl", "destroy", name], capture_output=True)

    @staticmethod
    def _kill(process):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


if __name__ == "__main__":
    for device in sys.argv[1:]:
        if os.fork() == 0:
            Agent(device).serve()
