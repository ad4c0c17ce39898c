/* The notes, the entry, and the way of an event into C and back [xen/elfnote.h, xen/arch-x86/xen-x86_64.h]. */
#include "xen/arch/x86_64/notes.h"
#include <xen/xen.h>

        note_text   XEN_ELFNOTE_GUEST_OS, "mini"
        note_text   XEN_ELFNOTE_XEN_VERSION, "xen-3.0"
        note_text   XEN_ELFNOTE_LOADER, "generic"
        note_number XEN_ELFNOTE_HYPERCALL_PAGE, hypercall_page

        .section .text.entry, "ax"
        .globl  _start, hypercall_page, event_callback, failsafe_callback
_start:
        cld
        leaq    stack_top(%rip), %rsp
        movq    %rsi, %rdi              /* start_info */
        call    mini_main
        ud2

        .balign 4096
hypercall_page:
        .skip   4096

        .text
/* Xen has pushed rcx and r11 on top of what iret wants. */
event_callback:
        popq    %rcx
        popq    %r11
        pushq   %rax
        pushq   %rcx
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        /* Xen's frame of seven words began on 16 bytes, and so does what C gets. */
        cld
        call    mini_event
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rdi
        popq    %rsi
        popq    %rdx
        popq    %rcx
        popq    %rax
        pushq   $0                      /* flags of the return: none */
        jmp     hypercall_page + __HYPERVISOR_iret * 32

failsafe_callback:
        ud2

        .bss
        .balign 4096
        .skip   32768
stack_top:

        .section .note.GNU-stack, "", @progbits
