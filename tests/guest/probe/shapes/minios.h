/* Mini-OS: everything from address 0 on, no VIRT_BASE note, the entry from the ELF header, a hypercall page, the
 * initrd and the P2M in the region. */
#define SHAPE "minios"
#define GUEST_OS "Mini-OS-x86_64"
#define ENTRY_FROM_ELF_HEADER
#define FIRST_BYTE 0
#define HYPERCALL_PAGE
