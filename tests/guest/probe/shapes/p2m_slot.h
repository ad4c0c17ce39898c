/* The P2M in a slot of its own that is not Linux's: pvboot cannot hand its own tables on. */
#define SHAPE "p2m_slot"
#define GUEST_OS "probe"
#define VIRT_BASE 0xffffffff80000000
#define FIRST_BYTE 0x1000000
#define INIT_P2M 0x28000000000
