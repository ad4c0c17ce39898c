/* Linux: the top 2 GiB, the kernel at 16 MiB, its P2M in a slot of its own, an initrd that need not be mapped. */
#define SHAPE "linux"
#define GUEST_OS "linux"
#define FEATURES "!writable_page_tables"
#define LINUX_NOTES
#define VIRT_BASE 0xffffffff80000000
#define FIRST_BYTE 0x1000000
#define INIT_P2M 0x8000000000
#define MOD_START_PFN 1
