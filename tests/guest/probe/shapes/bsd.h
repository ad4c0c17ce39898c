/* NetBSD's: the kernel's symbols are wanted behind it. */
#define SHAPE "bsd"
#define GUEST_OS "NetBSD"
#define VIRT_BASE 0xffffffff80000000
#define FIRST_BYTE 0x200000
#define HYPERCALL_PAGE
#define BSD_SYMTAB 1
