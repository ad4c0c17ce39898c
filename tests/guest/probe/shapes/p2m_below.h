/* The P2M a little below the kernel, so that both share an L3 and an L2 table; in the slot in which pvboot has its
 * own P2M. */
#define SHAPE "p2m_below"
#define GUEST_OS "probe"
#define VIRT_BASE 0x8050000000
#define FIRST_BYTE 0x100000
#define INIT_P2M 0x8048000000
#define MOD_START_PFN 1
