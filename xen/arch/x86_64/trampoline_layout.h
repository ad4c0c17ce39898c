/* Where things lie in the trampoline page: for its assembly and for the C++ that fills it. Offsets from the start of
 * the page. */
#ifndef PVBOOT_TRAMPOLINE_LAYOUT_H
#define PVBOOT_TRAMPOLINE_LAYOUT_H

#define TRAMPOLINE_BLOCK 1024 /* code before it, struct TrampolineBlock here, its stack at the end of the page */
#define TRAMPOLINE_WIPES 16
#define TRAMPOLINE_CALLS 8

#define TRAMPOLINE_WIPE_COUNT 1024
#define TRAMPOLINE_WIPE_LIST 1032
#define TRAMPOLINE_CALL_COUNT 1288
#define TRAMPOLINE_CALL_LIST 1296
#define TRAMPOLINE_LANDING 1616
#define TRAMPOLINE_SWITCH_OPS 1624
#define TRAMPOLINE_ENTRY 1696
#define TRAMPOLINE_START_INFO 1704
#define TRAMPOLINE_STACK 1712
#define TRAMPOLINE_MXCSR 1720
#define TRAMPOLINE_SHUTDOWN 1724
#define TRAMPOLINE_SHUTDOWN_COMMAND 1728
#define TRAMPOLINE_END 1736

#endif
