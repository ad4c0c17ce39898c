"""What pvboot says, as regular expressions: the one place to change when its words change."""

FIRST_LINE = r"pvboot \d+\.\d+\.\d+ .*build-id"
MENU = r"^pvboot> "
ERROR = r"pvboot: error: .*"
ADVICE = r"^pvboot:   \w"
BOOTING = r"pvboot: booting '"
STARTING = r"pvboot: starting the kernel"
COUNTDOWN = r"boots '.*' in \d+ s; Enter boots now"
FAILED_PROOF = "PVBOOT-PROOF: failed"
BOOTED = ("PVBOOT-PROOF", "Linux version")
NO_DISK = r"pvboot: note: the guest has no disk"


def error(*words):
    """An error line that has these words (regular expressions) in this order."""
    return ERROR + ".*".join(words)


def not_known(word):
    return rf"pvboot: the host asks for '{word}', which pvboot does not know: ignored$"


def first_line(build_id):
    return rf"pvboot \d+\.\d+\.\d+ \(build-id {build_id}\)$"


def configuration(path):
    return rf"pvboot: configuration {path}$"


def loading(path, container):
    return rf"pvboot: loading \(xvda\){path}, {container}, [\d.]+ .iB$"


def stage2(path):
    return rf"pvboot: booting 'the guest's own loader \(xvda\){path}'$"


def timing(step):
    """A line of pvboot.log=timing; no step of a small guest takes minutes."""
    return rf"pvboot: timing: {step}: \d{{1,2}}\.\d{{4}} s, \+\d{{1,2}}\.\d{{4}} s"


def proof(root="/dev/xvda", boots=1, words="", kernel="", vcpus=r"\d+", times=1):
    """The line with which a sample guest proves its boot; `words` end its kernel command line. A small guest says its
    CPUs, too, and how often it has proved this boot."""
    return (rf"PVBOOT-PROOF: ok root={root} sha256=[0-9a-f]+ kernel=\S*{kernel}\S* boots={boots} "
            rf"memory=\d+ (?:vcpus={vcpus} times={times} )?cmdline=.*{words}$")


# What each kind of bad input is called; a person has to learn which disk or file it is.
NO_CONFIGURATION = error("no boot configuration")
MISSING_KERNEL = error("vmlinuz-removed", "no such file")
MISSING_INITRD = error("initrd-removed", "no such file")
TRUNCATED_KERNEL = error("/boot/vmlinuz", "cut short")
CORRUPT_KERNEL = error("/boot/vmlinuz", "data is damaged")
NO_KERNEL = error("/boot/vmlinuz", "not a kernel")
NO_ROOM_FOR_KERNEL = error("the uncompressed kernel", "the guest's memory is used up")
TOO_LITTLE_MEMORY = error("do not fit into the guest's memory")
HYPERVISOR = error("/boot/xen.gz", "the Xen hypervisor", "cannot run inside a guest")
LONG_COMMAND_LINE = error("command line", "1023 bytes")
DEAF_BACKEND = error("disk: xvda", "does not answer")
CLOSED_BACKEND = error("disk: xvda")
WENT_AWAY = error("xvda", "the device went away")
READ_ERROR = error("xvda", "the device reported an error")
DEAF_SECOND_BACKEND = error("disk: xvdb", "does not answer")
NOTHING_ON_DISK = r"pvboot: note: xvda: neither a partition table nor a filesystem"
DAMAGED_INODES = r"pvboot: note: xvda: .*checksum mismatch"
DAMAGED_PARTITION_TABLE = r"pvboot: note: xvda: partition table: gpt: .*neither copy can be used"

TRYING_FALLBACK = r"pvboot: trying the fallback entry"

# What pvboot says when an attempt has failed, by pvboot.on_error=.
ANOTHER_TRY = r"pvboot: trying (once more|the fallback|again)"
ONE_MORE_TRY = r"pvboot: trying once more, with the disks looked at again"
RETRYING = r"pvboot: trying again in 5 s, as pvboot.on_error=retry says"
REBOOTING = r"pvboot: rebooting, as pvboot.on_error=reboot says"
POWERING_OFF = r"pvboot: powering off, as pvboot.on_error=poweroff says"
CRASHING = r"pvboot: ending with a crash, as pvboot.on_error=crash says"


def crashed(name, detail="", hint="this is a bug in pvboot: please report it with these lines"):
    """The lines of a crash's report."""
    number = "[0-9a-f]{16}"
    return (rf"^pvboot: crashed: {name} \(vector {number}{detail}$", rf"^  rip {number} rsp {number} rflags {number}$",
            rf"^  r13 {number} r14 {number} r15 {number}$", rf"^  stack( {number}){{4}}$", rf"^  {hint}")


CRASHES = {
    "read": crashed("page fault", rf", error code 0{{16}}\) at 0{{12}}7000"),
    "write": crashed("page fault", r", error code 0{15}3\) at [0-9a-f]{16}"),
    "ud2": crashed("invalid opcode", r"\)", "a failed check inside pvboot"),
    "divide": crashed("divide error", r"\)"),
}

# What pvboot says when the host asks for something.
SHUTDOWN_ASKED = r"pvboot: the host asks for a shutdown: powering off$"
REBOOT_ASKED = r"pvboot: the host asks for a reboot: rebooting$"
SUSPEND_REFUSED = r"pvboot: the host asks for a suspend .*: refused"
# A sample guest's own answer.
GUEST_ASKED = "PVBOOT-PROOF: the host asks for {}$"

GRUB = r"GNU GRUB  version"
GRUB_STARTED = r"Welcome to GRUB!"
SAME_BUILD = error("the guest's own loader", "the same build of pvboot")
SECONDS = r"\d+\.\d{4} s"
TIMING = (timing("started"), timing("disks connected"), timing("configuration read"), timing("kernel opened"),
          timing("kernel read") + rf"; \S+ MiB decoded in {SECONDS}, {SECONDS} for the disk, {SECONDS} for the layout",
          timing("kernel loaded"), timing("initrd loaded"), timing("handover prepared"),
          timing("ready to leave") + r"; at most \S+ .iB beyond the target's memory",
          timing("let go of the files"), timing("disks closed") + "; 1 disk",
          timing("leaving") + r"; Xen's clock says \d+ ns")

HOLES = r"pvboot: whoever started pvboot has given \S+ .iB of the guest's memory back"
MODULE_AS_INITRD = r"pvboot: warning: \(xvda\)/boot/initrd.img becomes an initrd.*'lost words'"

# The guests of tests/guest/.
WENT_ON = r"GUEST-CRASH: went on"
GAVE_BACK = r"handover: gave back 9\d\d frames"
CENSUS = (r"census: (\d+) names, \1 frames, 0 holes, 0 misnamed", r"census: 2 event ports", r"census: 2 grant entries",
          r"census: 1 disks", r"census: 11 transactions and 129 watches to be had", r"census: ok$")
ABANDONED = r"handover: abandoned; once more"
LEAVING = r"handover: work \d+ frames at most; leaving"
P2M_IN_REGION = r"handover: P2M 0xffffffff"
P2M_OF_ITS_OWN = r"handover: P2M and its tables 0x8000000000 "
INITRD_MAPPED = r"handover: initrd 0xffffffff"
INITRD_BY_PFN = r"handover: initrd - "
# Xen's builder made the first start_info, the handover guest the second: they differ only in the module.
_STARTED = r"started with start_info {} module \S+ \+ \S+ P2M pfn \S+ {}$"
STARTED_ALIKE_TWICE = (_STARTED.format(r"(\S+ pt_base \S+ \+ \S+)", r"(\+ \S+ flags \S+)") + r"(?:\n.*)*?"
                       + _STARTED.format(r"\1", r"\2"))


def block_lives(disks):
    """Two lives of the block guest, which sees disks of these sizes (regular expressions)."""
    names = [f"xvd{letter}" for letter in "abcdefghijklmnop"]
    shapes = tuple(rf"^{name}: {size}, blocks of 512$" for name, size in zip(names, disks))
    life = (rf"connected {len(disks)} disks", *shapes, r"closed in \d+ ms")
    return (*life, *life, r"GUEST-BLOCK: ok")
