/* A kernel whose physical addresses are its virtual ones: PADDR_OFFSET equals VIRT_BASE. */
#define SHAPE "paddr"
#define GUEST_OS "probe"
#define VIRT_BASE 0xffffffff80000000
#define PADDR_OFFSET 0xffffffff80000000
#define FIRST_BYTE 0x200000
#define HYPERCALL_PAGE
#define MOD_START_PFN 1
