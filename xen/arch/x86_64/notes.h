/* The notes of a kernel in assembly [xen/elfnote.h]: note_text TYPE, "TEXT" and note_number TYPE, NUMBER, ...; anything
 * else between note TYPE and note_end. */
#define __ASSEMBLY__
#define __XEN_INTERFACE_VERSION__ 0x00040d00
#include <xen/elfnote.h>

        .macro  note type
        .pushsection .note.Xen, "a", @note
        .balign 4
        .long   4                       /* size of the owner's name */
        .long   9f - 8f
        .long   \type
        .asciz  "Xen"
8:
        .endm
        .macro  note_end
9:
        .balign 4
        .popsection
        .endm
        .macro  note_text type, text
        note    \type
        .asciz  "\text"
        note_end
        .endm
        .macro  note_number type, value:vararg
        note    \type
        .quad   \value
        note_end
        .endm
