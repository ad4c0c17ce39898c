/* The first instructions of the probe: everything that a loader leaves in the CPU is written down before any of it
 * is used [xen-abi.md part A].
 *
 * The stores are relative to rip and change neither a register nor a flag. probe_entry_state (entry_state.hpp) holds
 * a pattern in the file, so that a loader which enters anywhere behind the first instruction is found out. The boot
 * stack is not written to: its page is one of the things that are looked at.
 */
#define __ASSEMBLY__
#define __XEN_INTERFACE_VERSION__ 0x00040d00
#include <xen/xen.h>

        .macro  keep register, index
        movq    %\register, probe_entry_state + 8 * \index(%rip)
        .endm
        .macro  keep_selector register, index
        movl    %\register, %eax
        movq    %rax, probe_entry_state + 8 * \index(%rip)
        .endm

        .section .text.entry, "ax"
        .globl  probe_entry
        .type   probe_entry, @function
probe_entry:
        keep    rax, 0
        keep    rbx, 1
        keep    rcx, 2
        keep    rdx, 3
        keep    rsi, 4
        keep    rdi, 5
        keep    rbp, 6
        keep    rsp, 7
        keep    r8, 8
        keep    r9, 9
        keep    r10, 10
        keep    r11, 11
        keep    r12, 12
        keep    r13, 13
        keep    r14, 14
        keep    r15, 15
        leaq    probe_stack_top(%rip), %rsp
        pushfq
        popq    %rax
        keep    rax, 16
        keep_selector cs, 17
        keep_selector ss, 18
        keep_selector ds, 19
        keep_selector es, 20
        keep_selector fs, 21
        keep_selector gs, 22
        movq    %cr0, %rax              /* Xen answers; with TS set the next instruction would fault */
        keep    rax, 23
        fxsave64 probe_fpu_state(%rip)
        movq    %cr3, %rax
        keep    rax, 24
        movq    %cr4, %rax
        keep    rax, 25
        cld
        xorl    %ebp, %ebp
        call    probe_main
        ud2
        .size   probe_entry, . - probe_entry

/* int probe_attempt(void (*deed)(void*), void* with): 0, or 1 when an exception has ended the deed. */
        .section .text.attempt, "ax"
        .globl  probe_attempt, probe_attempt_ended
        .type   probe_attempt, @function
probe_attempt:
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, probe_resume_stack(%rip)
        subq    $8, %rsp
        movq    %rdi, %rax
        movq    %rsi, %rdi
        call    *%rax
        addq    $8, %rsp
        xorl    %eax, %eax
0:      movq    $0, probe_resume_stack(%rip)
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        ret
probe_attempt_ended:
        movq    probe_resume_stack(%rip), %rsp
        movl    $1, %eax
        jmp     0b
        .size   probe_attempt, . - probe_attempt

/* Exceptions arrive on the current stack: rcx, r11, the error code where there is one, rip, cs, rflags, rsp, ss. */
        .section .text.traps, "ax"
        .macro  stub vector
        .balign 8
        pushq   $\vector
        jmp     to_handler
        .endm
        .balign 8
        .globl  probe_trap_stubs
probe_trap_stubs:
        .altmacro
        .set    vector, 0
        .rept   32
        stub    %vector
        .set    vector, vector + 1
        .endr
        .noaltmacro
to_handler:
        movq    %rsp, %rdi
        cld
        andq    $-16, %rsp
        call    probe_trap
        jmp     probe_attempt_ended     /* it comes back only when an attempt is to end */

        .section .data.own, "aw"
        .balign 16
        .globl  probe_fpu_state, probe_entry_state
probe_fpu_state:
        .skip   512
probe_entry_state:
        .rept   26
        .quad   0x6e6f74207365656e      /* never what a loader leaves */
        .endr

        .section .bss.own, "aw", @nobits
        .balign 16
        .globl  probe_resume_stack
probe_resume_stack:
        .skip   16
        .skip   65536
probe_stack_top:

        .section .note.GNU-stack, "", @progbits
