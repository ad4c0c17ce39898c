/* No notes at all, but the section of kernels before there were notes. PADDR_OFFSET is VIRT_BASE there when the
 * section does not say it, and the hypercall page is a page number from VIRT_BASE. */
#define SHAPE "guest_section"
#define GUEST_SECTION "GUEST_OS=probe,GUEST_VER=1,XEN_VER=xen-3.0,VIRT_BASE=0xffffffff80000000," \
    "VIRT_ENTRY=0xffffffff80100000,HYPERCALL_PAGE=0x101,LOADER=generic"
#define VIRT_BASE 0xffffffff80000000
#define PADDR_OFFSET 0xffffffff80000000
#define FIRST_BYTE 0x100000
#define HYPERCALL_PAGE
