"""QEMU's machine protocol: one short connection for each command.

QEMU serves one client at a time, so a lock file keeps processes that share the machine apart. Fails
with RigError when QEMU answers with an error.
"""
import fcntl
import json
import socket

from rig.machine import RigError


def command(machine, execute, **arguments):
    with open(machine.folder / "qmp.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(machine.folder / "qmp"))
            stream = connection.makefile("rw")
            stream.readline()
            _ask(stream, "qmp_capabilities", {})
            return _ask(stream, execute, arguments)


def _ask(stream, execute, arguments):
    stream.write(json.dumps({"execute": execute, "arguments": arguments}) + "\n")
    stream.flush()
    while True:
        answer = json.loads(stream.readline() or '{"error": {"desc": "QEMU closed the connection"}}')
        if "error" in answer:
            raise RigError(f"QEMU: {execute}: {answer['error']['desc']}")
        if "return" in answer:
            return answer["return"]
