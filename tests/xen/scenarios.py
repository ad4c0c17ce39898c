"""The scenarios on real Xen: which disks, which configuration, what must be seen, how it must end.

Each is a row of `SCENARIOS`. `see` are patterns that have to come in this order on the console, and
`Keys` and `Do`, which are typed and done where they stand among them; `never` must not come at all; `end` is
the shutdown reason wanted, or `GOES_ON` for a guest that does not end by itself: one that waits at pvboot's menu.
Expected words of pvboot are in texts, what is on disks beyond the samples in contents.
"""
from dataclasses import dataclass, field
from typing import Callable, Optional

import actions
import contents
import host_commands as host
import loads
import probe
import texts
from contents import CHAINED, CHAINED_ON_BOOT, GRUB_CFG, configuration, holding, linux
from recipes import samples
from texts import ADVICE, BOOTED, COUNTDOWN, ERROR, FAILED_PROOF, FIRST_LINE, MENU, proof

GOES_ON = None


@dataclass(frozen=True)
class Use:
    """A disk of the guest: the name of a sample (or `empty`), and how dom0 serves it."""
    sample: str
    backend: str = "phy"
    options: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Keys:
    """Typed into the console when all before it has been seen."""
    text: str


@dataclass(frozen=True)
class Do:
    """Done when all before it has been seen: gets the run, returns what is wrong, or None."""
    action: Callable


@dataclass(frozen=True)
class Scenario:
    name: str
    disks: tuple
    see: tuple
    end: Optional[str] = "poweroff"
    memory: int = 256
    vcpus: int = 1
    extra: Optional[str] = None
    never: tuple = (FAILED_PROOF,)
    seconds: int = 180
    kernel: str = "pvboot"
    restart: bool = False
    xl: str = ""  # more lines of the guest's xl configuration
    hypervisor: str = "debian"  # one of xen_rig.HYPERVISORS
    # What is made before creation, what is done between creation and unpausing, and a last look.
    disks_from: Optional[Callable] = None
    ramdisk: Optional[Callable] = None
    before_unpause: Optional[Callable] = None
    afterwards: Optional[Callable] = None
    # Only of the long versions, or when it is named.
    soak: bool = False
    # Does all of it: gets the run, returns what is wrong, or None.
    judged_by: Optional[Callable] = None


def boots(name, disk, root="/dev/xvda", see=(), **more):
    """A scenario whose guest starts and proves itself, `see` having come before."""
    words = more.get("extra", "") if "words" not in more else more.pop("words")
    kernel = more.pop("version", "")
    count = more.pop("boots", 1)
    return Scenario(name, disks_of(disk), (FIRST_LINE, *see, proof(root, count, words or "", kernel)), **more)


def refuses(name, disk, *see, **more):
    """A scenario whose guest says what is wrong and what to do, and waits at the menu."""
    never = BOOTED + more.pop("never", ())
    return Scenario(name, disks_of(disk), (FIRST_LINE, *see, ADVICE, MENU), end=GOES_ON, never=never, **more)


def ends(name, end, words, **more):
    """A scenario whose guest cannot be booted and ends at once, as `pvboot.on_error=` says."""
    return Scenario(name, (Use("missing-kernel"),), (FIRST_LINE, texts.MISSING_KERNEL, ADVICE, words), end=end,
                    extra=f"pvboot.on_error={end}", never=(*BOOTED, MENU, texts.ANOTHER_TRY), **more)


def crashes(name, how, *see, **more):
    """A scenario of the crash guest, which faults in this way with the loader's own handlers."""
    return Scenario(name, (), (rf"^GUEST-CRASH: {how}$", *see), kernel="guest-crash", extra=how, memory=64,
                    end="crash", never=(texts.WENT_ON,), **more)


def hands_over(name, *see, module=contents.packed, words="", **more):
    """A scenario in which the handover guest, which has no disk driver, starts a sample's kernel."""
    line = "root=/dev/xvda ro console=hvc0 quiet"
    return Scenario(name, (Use("lz4"),), (*see, texts.LEAVING, proof(words=line)), kernel="guest-handover",
                    ramdisk=module, extra=f"{line} {words}".rstrip(), **more)


def reads_blocks(name, disk, *sizes, **more):
    """A scenario of the block guest, whose disks have these sizes."""
    return Scenario(name, disks_of(disk), texts.block_lives(sizes), kernel="guest-block", memory=64,
                    afterwards=actions.disks_were_read, **more)


def tells_modules(name, guest, how, **more):
    """A scenario of the modules guest, started from a disk with three modules."""
    return Scenario(name, (Use("lz4"),), (
        FIRST_LINE, r"pvboot: loading the modules", rf"modules: a package, {how}, \d+ bytes",
        loads.told(0, loads.SECOND, "one two"), loads.told(1, loads.ODD, loads.ODD_WORDS), loads.told(2, b"", ""),
        r"GUEST-MODULES: ok"), disks_from=holding({
            "/boot/guest.elf": guest, "/boot/large": lambda run: loads.SECOND, "/boot/odd": loads.ODD,
            "/boot/empty": b"", GRUB_CFG: configuration(
                "multiboot /boot/guest.elf\nmodule /boot/large one two\n"
                f"module --nounzip /boot/odd {loads.ODD_WORDS}\nmodule2 /boot/empty")}), **more)


def moves(vcpus, **more):
    """A scenario whose guest is saved and restored, then migrated live, and proves itself after each; all its CPUs are
    up in each of its lives."""
    def proofs(times):
        return proof(vcpus=vcpus, times=times, words="proof.serve")
    return Scenario(f"life-moved-{vcpus}-vcpus", (Use("lz4"),),
                    (FIRST_LINE, proofs(1), Do(host.saved_and_restored), Keys("again\r"), proofs(2),
                     Do(host.migrated), Keys("again\r"), proofs(3),
                     Do(host.xl("shutdown NAME")), texts.GUEST_ASKED.format("poweroff")),
                    vcpus=vcpus, memory=160, extra="proof.serve", seconds=400, hypervisor="shadow", **more)


def boots_in_a_row(count, between):
    """What is seen of so many boots of one guest, with `between` done after each but the last."""
    seen = []
    for boot in range(1, count + 1):
        seen += [FIRST_LINE, proof(boots=boot), *(between if boot < count else ())]
    return tuple(seen)


def starts_alike(name, shape, grub=None, **more):
    """A scenario in which the probe is started by xl, by pvboot and by GRUB, and must see the same."""
    return Scenario(name, (), (), judged_by=probe.starts_alike(shape, grub), **{"memory": 64, **more})


def disks_of(disk):
    return (disk,) if isinstance(disk, Use) else disk


# Where a guest of 256 MiB has no memory: in what becomes the kernel, its padding, the initrd, the P2M, and high up.
HOLES = "test.holes=0x1800+64,0x2001+1,0x3ff0+8,0x4010+100,0x4180+200,0x8000+300,0xff00+256"
# Pvboot started by pvboot: as the guest's own loader, then by the commands that can name it, then with GRUB between.
PVBOOT_CHAIN = [f"{command} {CHAINED}" for command in ("linux", "multiboot", "kernel", "linux", "multiboot", "linux")]
GRUB_LINK, CENSUS = "/boot/grub-link.elf", "/boot/census.elf"
TEN_DEEP = [*PVBOOT_CHAIN, f"linux {GRUB_LINK}", *PVBOOT_CHAIN[:3]]


def chain(name, *last, see, files=(), **more):
    """A scenario in which pvboot starts another build of itself, that a third, and so on, GRUB in between; the `last`
    commands are what the tenth pvboot starts."""
    on_disk = {CHAINED: contents.other_build, GRUB_LINK: contents.grub_with("/etc/grub"),
               GRUB_CFG: contents.chain(*TEN_DEEP, *last),
               "/etc/grub/grub.cfg": configuration(f"linux {CHAINED} pvboot.entry=entry-{len(PVBOOT_CHAIN) + 1}",
                                                   timeout=0), **dict(files)}
    links = (*(FIRST_LINE,) * (2 + len(PVBOOT_CHAIN)), texts.GRUB_STARTED, *(FIRST_LINE,) * 4)
    return Scenario(name, (Use("lz4"),), (*links, *see), extra="pvboot.stage2=yes", disks_from=holding(on_disk),
                    never=(FAILED_PROOF, ERROR), **more)


SCENARIOS = [
    # Kernels.
    boots("xz-kernel", Use("xz")),
    boots("lz4-kernel", Use("lz4"), version="cloud"),
    boots("zstd-kernel", Use("zstd"), version=r"6\.12"),
    boots("uncompressed-kernel", Use("vmlinux"), soak=True),
    # One guest that boots the next entry each time it starts.
    Scenario("kernel-containers", (Use("containers"),),
             tuple(pattern for number, (name, container, _) in enumerate(samples.CONTAINERS)
                   for pattern in (FIRST_LINE, texts.loading(f"/boot/{name}", container),
                                   proof(boots=number + 1, words=rf"kernel\.in={name}( proof\.reboot)?",
                                         kernel="cloud"))),
             restart=True, seconds=900),
    # One guest that tries each unbootable kernel, and then a good one.
    boots("refusals", Use("lz4"), words="after.all", see=(texts.TRYING_FALLBACK,), seconds=600,
          disks_from=contents.refused_then_good, afterwards=actions.refused_as_on_the_host),
    boots("big-initrd", Use("lz4-big-initrd"), memory=512),
    # What is loaded besides the kernel.
    boots("initrd-several", Use("lz4"), see=(
        loads.found("/sbin/check", loads.CHECK.encode()), loads.found("/deep/down/data", loads.PROOF_DATA),
        loads.found("/second/file", loads.SECOND, "640"), loads.found("/last", loads.ODD)),
        disks_from=holding({
            "/boot/initrd.lz4": loads.initrd_in_lz4, "/boot/second.gz": loads.second_initrd, "/boot/check": loads.CHECK,
            "/boot/odd": loads.ODD, GRUB_CFG: loads.entry(
                ["/sbin/check", "/deep/down/data", "/second/file", "/last"],
                "/boot/initrd.lz4 newc:/sbin/check:/boot/check newc:/deep/down/data:/proof/data /boot/second.gz "
                "newc:last:/boot/odd")})),
    boots("initrd-over-1-gib", Use("lz4"), see=(loads.found("/sbin/check", loads.CHECK.encode()),), memory=3072,
          disks_from=loads.large_initrd, afterwards=loads.linux_saw_the_whole_initrd, soak=True),
    boots("module-of-linux", Use("lz4"), see=(texts.MODULE_AS_INITRD,), words="of.multiboot", disks_from=holding({
        GRUB_CFG: configuration(linux("of.multiboot").replace("linux", "multiboot", 1)
                                .replace("initrd /boot/initrd.img", "module /boot/initrd.img lost words"))})),
    tells_modules("module-package", contents.guest("modules"), "by its PFN"),
    tells_modules("module-package-mapped", loads.modules_guest_without_pfn, "mapped", soak=True),
    refuses("module-of-xen", Use("lz4"), texts.HYPERVISOR, disks_from=holding({
        "/boot/xen.gz": loads.xen, GRUB_CFG: configuration(
            "multiboot /boot/xen.gz placeholder\nmodule /boot/vmlinuz placeholder root=/dev/xvda ro\n"
            "module --nounzip /boot/initrd.img")})),
    # Layouts.
    boots("gpt", Use("xz-gpt"), "/dev/xvda1", soak=True),
    boots("mbr", Use("lz4-mbr"), "/dev/xvda1"),
    boots("gpt-from-its-backup", Use("backup-gpt"), "/dev/xvda1", soak=True),
    # Backends.
    boots("loop-backend", Use("lz4-gpt", "loop"), "/dev/xvda1"),
    boots("qdisk-backend", Use("lz4-gpt", "qdisk"), "/dev/xvda1"),
    boots("qcow2-backend", Use("lz4-gpt", "qcow2"), "/dev/xvda1", soak=True),
    boots("cd-image", Use("lz4", "phy", {"cdrom": True}), boots=0, soak=True),
    boots("second-of-two-disks", (Use("empty"), Use("lz4-gpt")), "/dev/xvdb1"),
    boots("first-of-two-disks", (Use("lz4-gpt"), Use("empty", "qdisk")), "/dev/xvda1", soak=True),
    boots("slow-disk", Use("lz4"), disks_from=actions.slow_disk, soak=True),
    # Guests. (That of a scenario which does not say has 256 MiB.)
    boots("3-gib", Use("lz4"), memory=3072),
    # 24 MiB more than xl itself needs (tests/xen/smallest); XZ has its dictionary besides.
    boots("memory-smallest-lz4", Use("lz4"), memory=91),
    boots("memory-smallest-zstd", Use("zstd"), memory=95, soak=True),
    boots("memory-smallest-xz", Use("xz"), memory=135, soak=True),
    refuses("memory-too-small", Use("lz4"), texts.NO_ROOM_FOR_KERNEL, memory=32),
    boots("memory-12-gib", Use("lz4"), memory=12288, soak=True),
    boots("memory-below-maxmem", Use("lz4"), xl="maxmem=2048", soak=True),
    Scenario("memory-with-holes", (Use("lz4"),), (texts.GAVE_BACK, FIRST_LINE, texts.HOLES, proof()), extra=HOLES,
             kernel="guest-handover", ramdisk=contents.packed_loader),
    boots("two-vcpus", Use("lz4"), vcpus=2, soak=True),
    boots("extra-words", Use("lz4"), extra='one two=2 three="a b"', words='one two=2 three="?a b"?', soak=True),
    Scenario("reboots-through-pvboot", (Use("lz4"),),
             (FIRST_LINE, proof(boots=1), FIRST_LINE, proof(boots=2)),
             extra="proof.reboot_once", restart=True, soak=True),
    # ./demo shows the stock Debian guest with its own kernel.
    boots("stock-debian-xz", Use("debian-gpt"), "/dev/xvda1", memory=768, seconds=300,
          extra="pvboot.entry=1>2", words="", version=r"-\d+-amd64", soak=True),
    # What the host does to a running guest, and to one that is in pvboot still.
    moves(vcpus=1, soak=True),
    moves(vcpus=4, soak=True),
    Scenario("life-ten-reboots", (Use("lz4"),),
             (*boots_in_a_row(11, (Do(host.xl("reboot NAME")), texts.GUEST_ASKED.format("reboot"))),
              Do(host.xl("shutdown NAME")), texts.GUEST_ASKED.format("poweroff")),
             memory=128, extra="pvboot.timeout=0 proof.serve", restart=True, never=(FAILED_PROOF, ERROR), seconds=400,
             soak=True),
    Scenario("life-at-the-menu", (Use("lz4"),),
             (FIRST_LINE, MENU, Do(host.xl_refused("save NAME /tmp/NAME.saved", host.NOT_SAVED)),
              Do(host.xl_refused("migrate -s '' NAME 'xl migrate-receive'", host.NOT_SAVED)),
              Do(host.asks("suspend")), texts.SUSPEND_REFUSED, MENU, Do(host.key_is("control/shutdown", "suspend")),
              Do(host.asks("dance")), texts.not_known("dance"), MENU, Do(host.asks("")),
              Do(host.key_is("control/feature-poweroff", "1")), Keys("0\r"), proof(words="proof.serve"),
              Do(host.xl("reboot NAME")), texts.GUEST_ASKED.format("reboot"), FIRST_LINE, MENU,
              Do(host.xl("reboot NAME")), texts.REBOOT_ASKED, FIRST_LINE, MENU,
              Do(host.xl("shutdown NAME")), texts.SHUTDOWN_ASKED),
             extra="pvboot.timeout=never proof.serve", restart=True),
    Scenario("life-in-the-countdown", (Use("lz4"),),
             (COUNTDOWN, Do(host.asks("suspend")), texts.SUSPEND_REFUSED, COUNTDOWN,
              Do(host.xl("reboot NAME")), texts.REBOOT_ASKED, FIRST_LINE, COUNTDOWN,
              Do(host.xl("shutdown NAME")), texts.SHUTDOWN_ASKED),
             extra="pvboot.timeout=600", restart=True, never=(*BOOTED, texts.STARTING), soak=True),
    Scenario("life-while-it-loads", (Use("lz4"),),
             (COUNTDOWN, Do(actions.asked_while_it_loads("poweroff")), texts.SHUTDOWN_ASKED),
             extra="pvboot.timeout=600", disks_from=actions.stalling_disk, never=(*BOOTED, texts.STARTING)),
    Scenario("soak-200-boots", (Use("lz4"),), boots_in_a_row(200, ()), soak=True,
             memory=128, extra="pvboot.timeout=0 proof.boots=200", restart=True, never=(FAILED_PROOF, ERROR),
             seconds=200 * 60),
    # The model of Xen and Xen.
    Scenario("rules-of-the-model", (), (r"rules: (\d+) of \1\b",), kernel="guest-rules", memory=64),
    # The handover alone, and the disk driver alone.
    hands_over("handover-to-itself", texts.STARTED_ALIKE_TWICE, module=contents.packed_twice),
    hands_over("handover-prepared-twice", texts.ABANDONED, words="test.twice", soak=True),
    hands_over("handover-after-another-layout", texts.P2M_IN_REGION, texts.ABANDONED, texts.INITRD_BY_PFN,
               texts.P2M_OF_ITS_OWN, words="test.retry", soak=True),
    hands_over("handover-with-mapped-initrd", texts.INITRD_MAPPED, words="test.mapped", soak=True),
    reads_blocks("block-reads", Use("lz4"), r"\d+ MiB"),
    reads_blocks("block-writes", Use("empty"), "64 MiB", extra="write"),
    reads_blocks("block-writes-qdisk", Use("empty", "qdisk"), "64 MiB", extra="write", soak=True),
    reads_blocks("block-16-disks", (), *contents.BLOCK_DISK_SIZES, disks_from=contents.block_disks, soak=True),
    # How a kernel finds the machine: as Xen's own builder leaves it.
    starts_alike("probe-linux", "linux"),
    Scenario("kernel-in-c", (Use("lz4"),),
             (FIRST_LINE, r"^mini: command line 'one two'$", loads.module_of_mini(loads.SECOND), r"^mini: 32768 pages",
              r"^mini: the timer's event has come$", r"^GUEST-MINI: ok$"), memory=128, disks_from=holding({
                 "/boot/guest.elf": contents.guest("mini"), "/boot/module": loads.SECOND,
                 GRUB_CFG: configuration("linux /boot/guest.elf one two\ninitrd /boot/module")})),
    starts_alike("probe-linux-two-vcpus", "linux", vcpus=2, memory=768, soak=True),
    starts_alike("probe-mini-os", "minios", soak=True),
    starts_alike("probe-xtf", "xtf", vcpus=2),
    starts_alike("probe-paddr-offset", "paddr", soak=True),
    starts_alike("probe-p2m-in-another-slot", "p2m_slot", memory=384, soak=True),
    starts_alike("probe-p2m-below-the-kernel", "p2m_below", soak=True),
    starts_alike("probe-guest-section", "guest_section", soak=True),
    starts_alike("probe-bsd-symbols", "bsd", soak=True),
    Scenario("probe-without-handlers", (), (), judged_by=probe.ends_alike, memory=64, soak=True),
    # Other loaders.
    boots("started-by-grub", Use("xz"), kernel="grub", disks_from=holding({CHAINED: contents.loader})),
    boots("started-by-pvboot", Use("lz4"), see=(FIRST_LINE,), words="", disks_from=holding({
        CHAINED: contents.loader, GRUB_CFG: configuration(f"linux {CHAINED} pvboot.entry=entry-1", linux())}),
          soak=True),
    boots("stage2-of-grub", Use("vmlinux"), words="", extra="pvboot.stage2=yes",
          see=(texts.stage2(CHAINED), texts.GRUB),
          disks_from=holding({CHAINED: contents.grub_with("/boot/grub")}), soak=True),
    boots("stage2-of-another-build", Use("lz4"), words="more", extra="pvboot.stage2=yes more",
          see=(texts.stage2(CHAINED), texts.first_line(contents.OTHER_BUILD_ID.hex())),
          disks_from=holding({CHAINED: contents.other_build})),
    # The choice for one boot is left to the loader that boots by it.
    boots("stage2-of-a-choice-for-one-boot", Use("lz4"), words="of.the.choice", extra="pvboot.stage2=yes",
          see=(texts.stage2(CHAINED), FIRST_LINE), disks_from=holding({
              CHAINED: contents.other_build, "/boot/grub/grubenv": contents.grubenv(next_entry="entry-1"),
              GRUB_CFG: contents.CHOICE_FOR_ONE_BOOT + configuration(linux("of.the.rule"), linux("of.the.choice"))}),
          soak=True),
    refuses("stage2-where-no-entry-boots", Use("missing-kernel"), texts.MISSING_KERNEL, texts.ONE_MORE_TRY,
            texts.MISSING_KERNEL, texts.stage2(CHAINED), texts.first_line(contents.OTHER_BUILD_ID.hex()),
            texts.MISSING_KERNEL, disks_from=holding({CHAINED: contents.other_build}), soak=True),
    refuses("stage2-after-a-fallback-elsewhere", Use("lz4"), texts.MISSING_KERNEL, texts.TRYING_FALLBACK,
            texts.configuration(r"\(xvda\)/boot/other.cfg"), texts.MISSING_KERNEL, texts.stage2(CHAINED),
            texts.first_line(contents.OTHER_BUILD_ID.hex()), texts.MISSING_KERNEL, disks_from=holding({
                CHAINED: contents.other_build, "/boot/other.cfg": configuration("linux /boot/vmlinuz-removed"),
                GRUB_CFG: "set fallback=1\n" + configuration("linux /boot/vmlinuz-removed",
                                                             "configfile /boot/other.cfg")}), soak=True),
    boots("stage2-of-a-disk-that-comes-later", Use("vmlinux"), words="of.grub",
          see=(texts.NO_DISK, MENU, Do(actions.disk_is_attached), Keys("r\r"), texts.stage2(CHAINED), texts.GRUB),
          disks_from=actions.attached_later(holding({
              CHAINED: contents.grub_with("/etc/grub"), GRUB_CFG: None,
              "/etc/grub/grub.cfg": configuration(linux("of.grub"))})), soak=True),
    *(boots(f"grub-by-{command}", Use("vmlinux"), words="of.grub", extra="pvboot.config=(xvda)/etc/first.cfg",
            see=(texts.loading("/boot/grub-x86_64-xen.bin", "ELF, not compressed"), texts.GRUB), disks_from=holding({
                "/boot/grub-x86_64-xen.bin": lambda run: run.elf("grub").read_bytes(),
                "/etc/first.cfg": configuration(f"{command} /boot/grub-x86_64-xen.bin"),
                GRUB_CFG: configuration(linux("of.grub"))}), soak=True)
      for command in ("multiboot", "kernel")),
    boots("stage2-of-this-build", Use("lz4"), see=(texts.SAME_BUILD, COUNTDOWN), words="", extra="pvboot.stage2=yes",
          disks_from=holding({CHAINED: contents.loader}), soak=True),
    boots("stage2-where-nothing-else-boots", Use("vmlinux"), words="of.grub",
          see=(texts.NO_CONFIGURATION, texts.stage2(CHAINED_ON_BOOT), texts.GRUB),
          disks_from=holding({CHAINED_ON_BOOT: contents.grub_with("/etc/grub"), GRUB_CFG: None,
                              "/etc/grub/grub.cfg": configuration(linux("of.grub"))}), soak=True),
    Scenario("chain-of-none", (Use("lz4"),), texts.CENSUS, kernel="guest-census"),
    chain("chain-of-ten", f"kernel {CENSUS}", see=texts.CENSUS, files={CENSUS: contents.guest("census")}),
    chain("chain-of-ten-to-linux", linux(), see=(proof(),), soak=True),
    # Which configuration, which entry.
    boots("configuration-from-dom0", Use("lz4"), see=(texts.configuration(r"\(xvda\)/ramdisk.cfg"),), words="of.dom0",
          ramdisk=contents.ramdisk(configuration(linux("of.dom0")))),
    boots("configuration-by-name", Use("lz4-gpt"), "/dev/xvda1", extra="pvboot.config=(xvda1)/etc/boot.cfg",
          see=(texts.configuration(r"\(xvda1\)/etc/boot.cfg"),), words="of.etc",
          disks_from=holding({"/etc/boot.cfg": configuration(linux("of.etc"))}), soak=True),
    boots("configuration-after-configuration", Use("lz4"), words="of.other more", extra="more",
          see=(texts.configuration(rf"\(xvda\){GRUB_CFG}"), texts.configuration(r"\(xvda\)/boot/other.cfg")),
          disks_from=holding({GRUB_CFG: configuration("configfile /boot/other.cfg"),
                              "/boot/other.cfg": configuration(linux("of.other"))}), soak=True),
    boots("entry-by-title", Use("missing-then-good"), words="quiet", extra='"pvboot.entry=The kernel that is there"',
          never=(FAILED_PROOF, ERROR), soak=True),
    boots("entry-by-id", Use("missing-then-good"), words="quiet", extra="pvboot.entry=entry-1",
          never=(FAILED_PROOF, ERROR), soak=True),
    boots("entry-by-keys", Use("missing-then-good"), see=(COUNTDOWN, Keys("x"), MENU, Keys("r\r"), MENU, Keys("1\r")),
          words="quiet",
          extra="pvboot.timeout=120", never=(FAILED_PROOF, ERROR)),
    boots("entry-by-enter", Use("lz4"), see=(COUNTDOWN, Keys("\r")), words="", extra="pvboot.timeout=600", soak=True),
    boots("timing", Use("lz4"), see=texts.TIMING, words="", extra="pvboot.log=timing", soak=True),
    # Bad input: a message, the fallback, the menu.
    refuses("missing-kernel", Use("missing-kernel"), texts.MISSING_KERNEL, texts.ONE_MORE_TRY, texts.MISSING_KERNEL,
            never=(rf"{texts.ONE_MORE_TRY}(.|\n)*trying",)),
    boots("missing-kernel-then-fallback", Use("missing-then-good"), soak=True),
    refuses("missing-initrd", Use("missing-initrd"), texts.MISSING_INITRD),
    refuses("truncated-kernel", Use("truncated-kernel"), texts.TRUNCATED_KERNEL),
    refuses("corrupt-xz-kernel", Use("corrupt-xz"), texts.CORRUPT_KERNEL),
    refuses("corrupt-lz4-kernel", Use("corrupt-lz4"), texts.CORRUPT_KERNEL),
    refuses("no-kernel-at-all", Use("not-a-kernel"), texts.NO_KERNEL),
    refuses("initrd-larger-than-memory", Use("lz4-big-initrd"), texts.TOO_LITTLE_MEMORY, memory=128),
    refuses("command-line-too-long", Use("long-line"), texts.LONG_COMMAND_LINE),
    refuses("damaged-superblock", Use("damaged-superblock"), texts.NOTHING_ON_DISK),
    refuses("damaged-inodes", Use("damaged-inodes"), texts.DAMAGED_INODES),
    refuses("damaged-partition-table", Use("damaged-gpt"), texts.DAMAGED_PARTITION_TABLE),
    refuses("empty-disk", Use("empty"), texts.NOTHING_ON_DISK),
    refuses("no-disk", (), texts.NO_DISK, texts.NO_CONFIGURATION),
    refuses("backend-never-connects", (), texts.DEAF_BACKEND, before_unpause=actions.deaf_backend, soak=True),
    refuses("backend-goes-away", (), texts.CLOSED_BACKEND, before_unpause=actions.closing_backend),
    refuses("disk-detached-while-it-loads", Use("lz4"), COUNTDOWN, Do(actions.detached_while_it_loads()),
            texts.WENT_AWAY, extra="pvboot.timeout=600 pvboot.on_error=menu", disks_from=actions.stalling_disk,
            soak=True),
    refuses("disk-with-read-errors", Use("lz4"), texts.READ_ERROR, disks_from=actions.failing_disk),
    boots("disk-with-read-errors-that-pass", Use("lz4"), words="", extra="pvboot.on_error=retry",
          see=(texts.READ_ERROR, texts.RETRYING, Do(actions.failing_disk_is_mended)), disks_from=actions.failing_disk,
          soak=True),
    *(crashes(f"crash-{how}", how, *see, soak=how != "read") for how, see in texts.CRASHES.items()),
    Scenario("crash-by-the-host", (), (FIRST_LINE, MENU, Do(host.xl("trigger NAME nmi")),
                                       *texts.crashed("NMI", r"\)", "sent from the host")), end="crash"),
    # What happens then.
    ends("on-error-poweroff", "poweroff", texts.POWERING_OFF,
         afterwards=actions.host_was_told(state="^failed$", error="vmlinuz-removed.*no such file")),
    ends("on-error-reboot", "reboot", texts.REBOOTING),
    ends("on-error-crash", "crash", texts.CRASHING),
    refuses("on-error-menu", Use("missing-kernel"), texts.MISSING_KERNEL, extra="pvboot.on_error=menu",
            never=(texts.ANOTHER_TRY,)),
    Scenario("on-error-retry", (Use("missing-kernel"),),
             (FIRST_LINE, *(texts.MISSING_KERNEL, texts.RETRYING) * 2, Keys("x"), MENU), end=GOES_ON,
             extra="pvboot.on_error=retry", never=BOOTED),
    # The kernel is started; Linux itself then waits five minutes for the other disk's backend.
    Scenario("good-disk-beside-a-deaf-backend", (Use("lz4"),),
             (FIRST_LINE, texts.DEAF_SECOND_BACKEND, texts.STARTING), end=GOES_ON,
             before_unpause=actions.deaf_second_backend, soak=True),
]
