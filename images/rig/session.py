"""One host process's conversation with dom0, over an agent port of its own.

A Session takes the first free port of a machine (a lock file per port, held until close), so that
several processes can share one booted dom0. Its guests' names begin with the port's prefix, and
its files lie in a folder of its own that dom0 sees too; at close all of that goes. A reader thread
takes what the agent sends; commands may run side by side.

Fails with RigError: no free port, no answer, dom0 gone.
"""
import base64
import fcntl
import itertools
import json
import os
import shutil
import socket
import threading
import time
from collections import namedtuple

from rig.disks import Drives
from rig.machine import PORTS, RigError

Outcome = namedtuple("Outcome", "rc output began ended")


class Session:
    def __init__(self, machine):
        self.machine = machine
        self._ids = itertools.count(1)
        self._answers = {}
        self._handlers = {}
        self._changed = threading.Condition()
        self._gone = False
        self._send_lock = threading.Lock()
        self._port, self._lock = self._take_port()
        self.folder = machine.share / f"s{self._port}"
        self.dom0_folder = f"/share/s{self._port}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(machine.folder / f"agent{self._port}"))
        threading.Thread(target=self._read, daemon=True).start()
        self._greet()
        self.drives = Drives(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.drives.detach_all()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)

    def run(self, command, timeout=60):
        """Runs a shell command in dom0: Outcome(rc, output, began, ended), times in dom0's clock."""
        number = next(self._ids)
        output = bytearray()
        ended = {}

        def handle(event):
            if event["ev"] == "out":
                output.extend(base64.b64decode(event["data"]))
            else:
                ended.update(event)

        self._handlers[number] = handle
        self._send(op="run", id=number, command=command, timeout=timeout)
        self._wait(lambda: ended, timeout + 30, f"dom0 does not answer: {command}")
        del self._handlers[number]
        return Outcome(ended["rc"], output.decode(errors="replace"), ended["began"], ended["ended"])

    def sh(self, command, timeout=60):
        """(rc, output) of a shell command in dom0."""
        return self.run(command, timeout)[:2]

    def must(self, command, timeout=60):
        """The output of a command in dom0 that has to succeed."""
        rc, output = self.sh(command, timeout)
        if rc != 0:
            raise RigError(f"in dom0: {command}\nended with status {rc}:\n{output.rstrip()}")
        return output

    def push(self, file, name):
        """Gives dom0 a copy of a file of this machine; dom0's path of it."""
        with open(file, "rb") as source:
            (self.folder / name).write_bytes(source.read())
        return f"{self.dom0_folder}/{name}"

    def follow(self, name, handle):
        """Calls `handle(event)` for what the guest `name` prints and for its changes of state."""
        number = next(self._ids)
        self._handlers[number] = handle
        self._send(op="follow", id=number, name=name)
        return number

    def unfollow(self, number):
        self._send(op="unfollow", id=number)

    def type(self, name, data):
        """Types bytes into a guest's console."""
        self._send(op="type", name=name, data=base64.b64encode(data).decode())

    def wait(self, condition, seconds):
        """Waits until condition() is true, looking whenever something came; whether it became so."""
        limit = time.monotonic() + seconds
        with self._changed:
            while not condition():
                if self._gone:
                    raise RigError(f"dom0 is gone; its console ends:\n{self.machine.console()[-3000:]}")
                left = limit - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, 1))
        return True

    def _wait(self, condition, seconds, message):
        if not self.wait(condition, seconds):
            raise RigError(f"{message} (waited {seconds} s)")

    def _take_port(self):
        for port in range(1, PORTS + 1):
            lock = os.open(self.machine.folder / f"port{port}.lock", os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return port, lock
            except BlockingIOError:
                os.close(lock)
        raise RigError(f"all {PORTS} ports of the rig are in use: wait for another session to end")

    def _greet(self):
        nonce = time.monotonic_ns()
        greeting = {}

        def handle(event):
            if event.get("nonce") == nonce:
                greeting.update(event)

        self._handlers["hello"] = handle
        for _ in range(20):
            # A leading newline ends what a session before us may have left unfinished.
            self._socket.sendall(b"\n")
            self._send(op="hello", nonce=nonce)
            if self.wait(lambda: greeting, 2):
                self.prefix = greeting["prefix"]
                return
        raise RigError("dom0's agent does not answer")

    def _send(self, **request):
        with self._send_lock:
            self._socket.sendall(json.dumps(request).encode() + b"\n")

    def _read(self):
        buffered = b""
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except OSError:
                data = b""
            if not data:
                break
            *lines, buffered = (buffered + data).split(b"\n")
            for line in lines:
                self._take(line)
        with self._changed:
            self._gone = True
            self._changed.notify_all()

    def _take(self, line):
        try:
            event = json.loads(line)
        except ValueError:
            return
        handler = self._handlers.get("hello" if event["ev"] == "hello" else event["id"])
        with self._changed:
            if handler:
                handler(event)
            self._changed.notify_all()
