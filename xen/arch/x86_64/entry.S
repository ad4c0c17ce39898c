/* The entry from Xen's domain builder (or from another loader), and the notes that it reads
 * [xen/elfnote.h; xen-abi.md part A].
 *
 * At entry rsi holds the VA of start_info; nothing else is counted on: not the stack, which another loader may have
 * put anywhere. The stack is ours from the first instruction, and FS stays as it is until C++ has set its base.
 */
#include "xen/arch/x86_64/notes.h"

        .section .text.entry, "ax"
        .globl  pvboot_entry
        .type   pvboot_entry, @function
pvboot_entry:
        cld
        leaq    pvboot_stack_top(%rip), %rsp
        xorl    %ebp, %ebp
        movq    %rsi, %rdi
        call    pvboot_main             /* rsp is a multiple of 16 before the call */
        ud2
        .size   pvboot_entry, . - pvboot_entry

/* 128 KiB of stack (the deepest grub.cfg takes 48) above one page that start-up code unmaps: running over the end stops the domain. */
        .section .bss.stack, "aw", @nobits
        .balign 4096
        .globl  pvboot_stack_guard
pvboot_stack_guard:
        .skip   4096
        .skip   131072
        .globl  pvboot_stack_top
pvboot_stack_top:

        note_text   XEN_ELFNOTE_XEN_VERSION, "xen-3.0"
        note_text   XEN_ELFNOTE_GUEST_OS, "pvboot"
        note_text   XEN_ELFNOTE_LOADER, "generic"
        note_number XEN_ELFNOTE_VIRT_BASE, pvboot_virt_base
        note_number XEN_ELFNOTE_PADDR_OFFSET, 0
        note_number XEN_ELFNOTE_ENTRY, pvboot_entry
        note_number XEN_ELFNOTE_INIT_P2M, 0x8000000000
        note_number XEN_ELFNOTE_MOD_START_PFN, 1

        .section .note.GNU-stack, "", @progbits
