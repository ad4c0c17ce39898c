"""What the host does with xl to a guest that runs, in pvboot or in a kernel; for `Do` in scenarios.

Each gets the run and returns what is wrong, or None. What xl says goes to the log of the scenario as
part of the fault. A guest that is moved is waited for: it goes on as another domain.
"""
import re
import shlex

# xl gives a guest a minute to acknowledge, and one more to suspend.
XL_SECONDS = 180
# What xl save and xl migrate say of a guest that has not told them where its frames are, as pvboot does not.
NOT_SAVED = "Bad mfn 0 for p2m frame list list(.|\n)*(Failed to save domain|Migration failed)"


def _xl(run, words):
    return run.session.sh(f"xl {words}", XL_SECONDS)


def xl(words, saying=""):
    """A command that has to succeed; `NAME` in it is the guest's, `saying` has to come of it."""
    def action(run):
        rc, output = _xl(run, words.replace("NAME", run.guest.name))
        if rc != 0:
            return f"xl {words}: status {rc}: {output.strip()}"
        return None if re.search(saying, output) else f"xl {words} says {output.strip()!r}, not {saying!r}"
    return action


def xl_refused(words, saying):
    """A command that has to fail and to say why; the guest goes on as if nothing had been."""
    def action(run):
        before = run.guest.domid
        rc, output = _xl(run, words.replace("NAME", run.guest.name))
        if rc == 0:
            return f"xl {words} is done: {output.strip()}"
        if not re.search(saying, output):
            return f"xl {words} says {output.strip()!r}, not {saying!r}"
        return _not_the_same(run, before)
    return action


def saved_and_restored(run):
    guest, before = run.guest, run.guest.domid
    file = f"/tmp/{guest.name}.saved"
    run.at_end(lambda: run.session.sh(f"rm -f {file}"))
    for words in (f"save {guest.name} {file}", f"restore {file}"):
        rc, output = _xl(run, words)
        if rc != 0:
            return f"xl {words}: status {rc}: {output.strip()}"
    run.session.must(f"rm -f {file}")
    return None if guest.wait_running_after(before) else f"restored, the guest does not run: {guest.states}"


def migrated(run):
    """Live, to the same host, where it is another domain all the same. Takes a Xen with shadow paging."""
    guest, before = run.guest, run.guest.domid
    rc, output = _xl(run, f"migrate -s '' {guest.name} 'xl migrate-receive'")
    if rc != 0:
        return f"xl migrate: status {rc}: {output.strip()}"
    return None if guest.wait_running_after(before) else f"migrated, the guest does not run: {guest.states}"


def asks(word):
    """A word in control/shutdown, as another toolstack than xl may write it."""
    def action(run):
        run.session.must(f"xenstore-write {_key(run, 'control/shutdown')} {shlex.quote(word)}")
    return action


def key_is(path, value):
    """A key in the guest's directory of xenstore has this value, or is not there (None)."""
    def action(run):
        rc, output = run.session.sh(f"xenstore-read {_key(run, path)}")
        found = output.rstrip("\n") if rc == 0 else None
        return None if found == value else f"{path} is {found!r}, not {value!r}"
    return action


def _not_the_same(run, before):
    """What is wrong when the guest is not the domain that it was, running."""
    listed = run.session.sh(f"xl domid {run.guest.name}")[1].strip()
    state = run.guest.states[-1]
    if listed != str(before) or state[:2] != (before, "running"):
        return f"domain {before} is now {listed}, {state}"
    return None


def _key(run, path):
    return f"/local/domain/{run.guest.domid}/{path}"
