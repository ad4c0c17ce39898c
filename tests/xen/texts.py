"""What pvboot says, as regular expressions: the one place to change when its words change."""

FIRST_LINE = r"pvboot \d+\.\d+\.\d+ .*build-id"
MENU = r"^pvboot> "
ERROR = r"pvboot: error: .*"
STARTING = r"pvboot: starting the kernel"
NO_DISK = r"pvboot: note: the guest has no disk"


def error(*words):
    """An error line that has these words (regular expressions) in this order."""
    return ERROR + ".*".join(words)


def proof(root="/dev/xvda", boots=1, words="", kernel=""):
    """The line with which a sample guest proves its boot; `words` end its kernel command line."""
    return (rf"PVBOOT-PROOF: ok root={root} sha256=[0-9a-f]+ kernel=\S*{kernel}\S* boots={boots} "
            rf"memory=\d+ cmdline=.*{words}$")


# What each kind of bad input is called; a person has to learn which disk or file it is.
NO_CONFIGURATION = error("no boot configuration")
MISSING_KERNEL = error("vmlinuz-removed", "no such file")
MISSING_INITRD = error("initrd-removed", "no such file")
BAD_KERNEL = error("/boot/vmlinuz")
TOO_LITTLE_MEMORY = error("memory")
LONG_COMMAND_LINE = error("command line")
DEAF_BACKEND = error("disk: xvda", "does not answer")
CLOSED_BACKEND = error("disk: xvda")
READ_ERROR = error("xvda", "the device reported an error")
DEAF_SECOND_BACKEND = error("disk: xvdb", "does not answer")
UNREADABLE_DISK = r"pvboot: .*xvda.*"
