"""What pvboot says, as regular expressions: the one place to change when its words change."""

FIRST_LINE = r"pvboot \d+\.\d+\.\d+ .*build-id"
MENU = r"^pvboot> "
ERROR = r"pvboot: error: .*"


def error(*words):
    """An error line that has these words (regular expressions) in this order."""
    return ERROR + ".*".join(words)


def proof(root="/dev/xvda", boots=1, words="", kernel=""):
    """The line with which a sample guest proves its boot; `words` end its kernel command line."""
    return (rf"PVBOOT-PROOF: ok root={root} sha256=[0-9a-f]+ kernel=\S*{kernel}\S* boots={boots} "
            rf"memory=\d+ cmdline=.*{words}$")
