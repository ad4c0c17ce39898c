/* The landing places of exceptions. Xen bounces an exception onto the current stack [xen-abi.md part C]: rcx, r11,
 * the error code where the vector has one, rip, cs, rflags, rsp, ss. Each stub adds its vector, all registers are
 * saved in the order of struct SavedRegisters (exceptions.cpp), and nothing ever returns from here.
 */
        .section .text.traps, "ax"

        .macro  stub vector
        .balign 8
        pushq   $\vector
        jmp     save_and_report
        .endm

        .balign 8
        .globl  pvboot_trap_stubs
pvboot_trap_stubs:
        .altmacro
        .set    vector, 0
        .rept   32
        stub    %vector
        .set    vector, vector + 1
        .endr
        .noaltmacro

save_and_report:
        pushq   %rax
        pushq   %rbx
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi
        pushq   %rbp
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, %rdi
        cld
        andq    $-16, %rsp
        call    pvboot_exception
        ud2

        .section .note.GNU-stack, "", @progbits
