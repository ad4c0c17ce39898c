/* The notes of one shape of the probe, and the record of them that the probe reads (shape.hpp). The shape is a header
 * of #defines (shapes/), included by the compiler's -include. */
#include "xen/arch/x86_64/notes.h"

#ifdef GUEST_SECTION
        .section __xen_guest, "", @progbits
        .asciz  GUEST_SECTION
#else
        note_text   XEN_ELFNOTE_GUEST_OS, GUEST_OS
        note_text   XEN_ELFNOTE_GUEST_VERSION, "1"
        note_text   XEN_ELFNOTE_LOADER, "generic"
        note_text   XEN_ELFNOTE_XEN_VERSION, "xen-3.0"
#ifdef FEATURES
        note_text   XEN_ELFNOTE_FEATURES, FEATURES
#endif
#ifndef ENTRY_FROM_ELF_HEADER
        note_number XEN_ELFNOTE_ENTRY, probe_entry
#endif
#ifdef VIRT_BASE
        note_number XEN_ELFNOTE_VIRT_BASE, VIRT_BASE
#endif
#ifdef PADDR_OFFSET
        note_number XEN_ELFNOTE_PADDR_OFFSET, PADDR_OFFSET
#endif
#ifdef HYPERCALL_PAGE
        note_number XEN_ELFNOTE_HYPERCALL_PAGE, probe_hypercall_page
#endif
#ifdef INIT_P2M
        note_number XEN_ELFNOTE_INIT_P2M, INIT_P2M
#endif
#ifdef MOD_START_PFN
        note_number XEN_ELFNOTE_MOD_START_PFN, MOD_START_PFN
#endif
#ifdef BSD_SYMTAB
        note_text   XEN_ELFNOTE_BSD_SYMTAB, "yes"
#endif
#ifdef LINUX_NOTES
        note_text   XEN_ELFNOTE_PAE_MODE, "yes"
        note_number XEN_ELFNOTE_HV_START_LOW, 0xffff800000000000
        note_number XEN_ELFNOTE_SUSPEND_CANCEL, 1
        note        XEN_ELFNOTE_L1_MFN_VALID
        .quad   1, 1
        note_end
#endif
#endif

#ifdef HYPERCALL_PAGE
        .section .text.hypercall, "ax"
        .balign 4096
        .globl  probe_hypercall_page
probe_hypercall_page:
        .skip   4096
#endif

#ifndef VIRT_BASE
#define VIRT_BASE 0
#endif
#ifndef INIT_P2M
#define INIT_P2M 0
#endif
#ifndef MOD_START_PFN
#define MOD_START_PFN 0
#endif
#ifndef BSD_SYMTAB
#define BSD_SYMTAB 0
#endif

        .section .rodata.shape, "a"
        .balign 8
        .globl  probe_shape
probe_shape:
        .quad   shape_name
        .quad   VIRT_BASE
        .quad   probe_entry
        .quad   probe_kernel_start
        .quad   probe_kernel_end
        .quad   probe_own_start
        .quad   INIT_P2M
#ifdef HYPERCALL_PAGE
        .quad   probe_hypercall_page
#else
        .quad   0
#endif
        .quad   MOD_START_PFN
        .quad   BSD_SYMTAB
shape_name:
        .asciz  SHAPE

        .section .note.GNU-stack, "", @progbits
