"""The machine that stays up between commands (`up`, `down`), or one for this command alone.

The kept machine's run folder is `rig` in the cache folder. `use()` gives a session on it when it is
up, and boots a machine of our own otherwise, which ends with the session.
"""
import contextlib

from recipes import cache
from rig.machine import Machine, clean_up_when_told_to_end
from rig.session import Session


def machine():
    return Machine(cache.root() / "rig")


@contextlib.contextmanager
def use(memory_mib=5120):
    clean_up_when_told_to_end()
    kept = machine()
    if kept.running():
        with Session(kept) as session:
            yield session
        return
    own = Machine.start(memory_mib=memory_mib)
    try:
        with Session(own) as session:
            yield session
    finally:
        own.stop()
