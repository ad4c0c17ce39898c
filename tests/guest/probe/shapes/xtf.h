/* XTF's PV64 tests: linked at 1 MiB in one segment that may be read, written and executed, notes that no program header
 * names, a hypercall page. XTF looks its console and xenstore pages up in the M2P at once. */
#define SHAPE "xtf"
#define GUEST_OS "XTF"
#define FEATURES "!writable_page_tables|pae_pgdir_above_4gb"
#define ENTRY_FROM_ELF_HEADER
#define ONE_SEGMENT
#define FIRST_BYTE 0x100000
#define HYPERCALL_PAGE
