"""Progress of long steps: what is being done, how far it is, how long it has taken.

On a terminal the line of the running step is redrawn once a second; elsewhere a step prints one
line when it begins and one when it ends. Everything goes to stderr, so that a command's own output
stays clean. A failing step says so and lets the exception pass.
"""
import sys
import threading
import time


class Step:
    """One running step. `note(text, fraction)` tells what it is at and, if known, how far."""

    def __init__(self, what, usual_seconds=None):
        self.what = what
        self.usual = usual_seconds
        self.text = ""
        self.fraction = None
        self.start = time.monotonic()
        self._tty = sys.stderr.isatty()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._redraw, daemon=True)

    def note(self, text, fraction=None):
        self.text = text
        self.fraction = fraction

    def elapsed(self):
        return time.monotonic() - self.start

    def __enter__(self):
        if self._tty:
            self._thread.start()
        else:
            usual = f" (usually {self.usual:.0f} s)" if self.usual else ""
            print(f"-- {self.what}{usual} ...", file=sys.stderr, flush=True)
        return self

    def __exit__(self, kind, value, trace):
        self._done.set()
        if self._tty:
            self._thread.join()
            print("\r\033[K", end="", file=sys.stderr)
        verdict = "done" if kind is None else "FAILED"
        print(f"-- {self.what}: {verdict} in {self.elapsed():.1f} s", file=sys.stderr, flush=True)
        return False

    def _redraw(self):
        while not self._done.wait(1):
            took = self.elapsed()
            if self.fraction is not None:
                far = f" {100 * self.fraction:3.0f} %"
            elif self.usual:
                far = f" about {min(99, 100 * took / self.usual):2.0f} %"
            else:
                far = ""
            line = f"-- {self.what}:{far} {took:.0f} s {self.text}"
            print(f"\r\033[K{line[:118]}", end="", file=sys.stderr, flush=True)
