/* The last page: wipes, leaves our address space and enters the target [xen-abi.md parts A and B].
 *
 * The code is copied to the start of a page of the target's padding, with a TrampolineBlock (xen/memory/trampoline.hpp)
 * behind it, and runs from there: first at an address of our own windows, then, after the last of the calls has mapped
 * the page there, at the address that the target's tables give it. Only that one is good across the switch. A
 * preempted hypercall executes its syscall again: code and arguments of the switch lie in this page. The stack is the
 * end of the page, because Xen may bounce an exception onto it at any time.
 *
 * When Xen refuses the switch, there is nobody left to tell: SHUTDOWN_crash.
 */
#define __ASSEMBLY__
#define __XEN_INTERFACE_VERSION__ 0x00040d00
#include "trampoline_layout.h"
#include <xen/xen.h>

        .section .text.trampoline, "ax"
        .balign 64
        .globl  pvboot_trampoline
pvboot_trampoline:
        cld
        leaq    pvboot_trampoline + 4096(%rip), %rsp

        movq    pvboot_trampoline + TRAMPOLINE_WIPE_COUNT(%rip), %rbx
        leaq    pvboot_trampoline + TRAMPOLINE_WIPE_LIST(%rip), %rbp
wipe:
        testq   %rbx, %rbx
        jz      wiped
        movq    0(%rbp), %rdi
        movq    8(%rbp), %rcx           /* in 8 bytes */
        xorl    %eax, %eax
        rep stosq
        addq    $16, %rbp
        decq    %rbx
        jmp     wipe
wiped:
        fninit
        ldmxcsr pvboot_trampoline + TRAMPOLINE_MXCSR(%rip)
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        xorps   %xmm\n, %xmm\n
        .endr
        xorl    %eax, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %fs
        movl    %eax, %gs

        movq    pvboot_trampoline + TRAMPOLINE_CALL_COUNT(%rip), %rbx
        leaq    pvboot_trampoline + TRAMPOLINE_CALL_LIST(%rip), %rbp
call_xen:
        testq   %rbx, %rbx
        jz      called
        movq    0(%rbp), %rax
        movq    8(%rbp), %rdi
        movq    16(%rbp), %rsi
        movq    24(%rbp), %rdx
        movq    32(%rbp), %r10
        syscall
        testq   %rax, %rax
        js      die
        addq    $40, %rbp
        decq    %rbx
        jmp     call_xen
called:
        jmp     *pvboot_trampoline + TRAMPOLINE_LANDING(%rip)

        .globl  pvboot_trampoline_landing
pvboot_trampoline_landing:
        leaq    pvboot_trampoline + 4096(%rip), %rsp
        movl    $__HYPERVISOR_mmuext_op, %eax
        leaq    pvboot_trampoline + TRAMPOLINE_SWITCH_OPS(%rip), %rdi
        movl    $3, %esi
        xorl    %edx, %edx
        movl    $DOMID_SELF, %r10d
        syscall
        testq   %rax, %rax
        js      die

        xorl    %eax, %eax
        xorl    %ebx, %ebx
        xorl    %ecx, %ecx
        xorl    %edx, %edx
        xorl    %edi, %edi
        xorl    %ebp, %ebp
        xorl    %r8d, %r8d
        xorl    %r9d, %r9d
        xorl    %r10d, %r10d
        xorl    %r11d, %r11d
        xorl    %r12d, %r12d
        xorl    %r13d, %r13d
        xorl    %r14d, %r14d
        xorl    %r15d, %r15d
        pushq   $0x200
        popfq
        movq    pvboot_trampoline + TRAMPOLINE_START_INFO(%rip), %rsi
        movq    pvboot_trampoline + TRAMPOLINE_STACK(%rip), %rsp
        jmp     *pvboot_trampoline + TRAMPOLINE_ENTRY(%rip)

die:
        movl    $__HYPERVISOR_sched_op, %eax
        movl    pvboot_trampoline + TRAMPOLINE_SHUTDOWN_COMMAND(%rip), %edi
        leaq    pvboot_trampoline + TRAMPOLINE_SHUTDOWN(%rip), %rsi
        syscall
        jmp     die
        .org    pvboot_trampoline + TRAMPOLINE_BLOCK

        .section .note.GNU-stack, "", @progbits
