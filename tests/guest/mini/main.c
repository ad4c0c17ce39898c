/* A small kernel in C, built as Mini-OS is: linked at address 0, notes without a base, a hypercall page, no runtime
 * but its own. What it shows is that a kernel can live on what it was given, not how each bit of it looks (that is the
 * probe's): it
 *
 *  - finds its rings through the machine-to-physical table, and talks through the console ring;
 *  - maps the rest of memory, with page tables that it makes itself behind the given ones, and writes and reads back
 *    every page that nothing stands in;
 *  - sums its module;
 *  - blocks until an event comes through its callback.
 *
 * "GUEST-MINI: ok" or "GUEST-MINI: failed" is its last line.
 */
#include <stddef.h>
#include <stdint.h>

#define __XEN_INTERFACE_VERSION__ 0x00040d00
#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#include <xen/event_channel.h>
#include <xen/io/console.h>
#include <xen/sched.h>
#include <xen/xen.h>

enum { page_shift = 12, page_bytes = 1 << page_shift, entries = 512, entry_shift = 9, batch_size = 512 };
enum { present = 1, writable = 2, user = 4, accessed = 32, dirty = 64 };
static const uint64_t frame_mask = 0x000ffffffffff000;
static const uint64_t pattern = 0x9e3779b97f4a7c15;

extern const char hypercall_page[], event_callback[], failsafe_callback[];
static uint64_t shared_page[entries] __attribute__((aligned(page_bytes)));
static mmu_update_t batch[batch_size];
static struct start_info* start;
static struct xencons_interface* console;
static struct shared_info* shared;
static volatile unsigned events;

void* memset(void* to, int value, size_t size) {
  unsigned char* t = to;
  while (size-- != 0)
    *t++ = (unsigned char)value;
  return to;
}

static long hypercall(unsigned number, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  long result;
  register uint64_t fourth __asm__("r10") = d;
  __asm__ volatile("call *%[stub]"
                   : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(fourth)
                   : [stub] "b"(hypercall_page + number * 32)
                   : "rcx", "r11", "memory");
  return result;
}

static uint64_t address(const volatile void* p) { return (uint64_t)p; }

static void put(char c) {
  const XENCONS_RING_IDX at = console->out_prod;
  while (at - __atomic_load_n(&console->out_cons, __ATOMIC_ACQUIRE) == sizeof console->out)
    hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
  console->out[MASK_XENCONS_IDX(at, console->out)] = c;
  __atomic_store_n(&console->out_prod, at + 1, __ATOMIC_RELEASE);
}

static void say(const char* text) {
  struct evtchn_send event = {start->console.domU.evtchn};
  for (; *text != '\0'; ++text) {
    if (*text == '\n')
      put('\r');
    put(*text);
  }
  hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, address(&event), 0, 0);
}

static void say_number(uint64_t value) {
  char digits[24];
  char* at = digits + sizeof digits;
  *--at = '\0';
  do
    *--at = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  say(at);
}

static void end(unsigned reason) {
  struct sched_shutdown shutdown = {reason};
  for (;;)
    hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, address(&shutdown), 0, 0);
}

static void must(int holds, const char* what) {
  if (holds)
    return;
  say("mini: ");
  say(what);
  say("\nGUEST-MINI: failed\n");
  end(SHUTDOWN_poweroff);
}

/* Memory is mapped from address 0 on, so a PFN's address is known. */
static void* at_pfn(uint64_t pfn) { return (void*)(pfn << page_shift); }
static uint64_t mfn_of(uint64_t pfn) { return ((const uint64_t*)start->mfn_list)[pfn]; }
static uint64_t pfn_of(uint64_t mfn) { return machine_to_phys_mapping[mfn]; }
static uint64_t* table_of(uint64_t entry) { return at_pfn(pfn_of((entry & frame_mask) >> page_shift)); }

static size_t index_of(uint64_t where, int level) {
  return where >> (page_shift + (level - 1) * entry_shift) & (entries - 1);
}

static uint64_t machine_address(const uint64_t* entry) {
  const uint64_t where = address(entry);
  return (mfn_of(where >> page_shift) << page_shift) | (where & (page_bytes - 1));
}

static void update(size_t count) {
  uint32_t done = 0;
  must(hypercall(__HYPERVISOR_mmu_update, address(batch), count, address(&done), DOMID_SELF) == 0 && done == count,
       "Xen refuses an entry");
}

static void set_entry(uint64_t* entry, uint64_t value) {
  batch[0].ptr = machine_address(entry) | MMU_NORMAL_PT_UPDATE;
  batch[0].val = value;
  update(1);
}

/* The table of `level` that maps `where`; null where there is none. */
static uint64_t* find_table(uint64_t where, int level) {
  uint64_t* table = (uint64_t*)start->pt_base;
  for (int above = 4; above > level; --above) {
    const uint64_t entry = table[index_of(where, above)];
    if ((entry & present) == 0)
      return NULL;
    table = table_of(entry);
  }
  return table;
}

/* Makes the page `pfn`, which is mapped, a table below the one of `level` that maps `where`. */
static void add_table(uint64_t pfn, uint64_t where, int level) {
  const uint64_t frame = mfn_of(pfn) << page_shift;
  const uint64_t own = address(at_pfn(pfn));
  memset(at_pfn(pfn), 0, page_bytes);
  set_entry(&find_table(own, 1)[index_of(own, 1)], frame | present | user | accessed);
  set_entry(&find_table(where, level)[index_of(where, level)], frame | present | writable | user | accessed | dirty);
}

/* Maps all of memory; the first PFN behind the tables that this took from `next` on. */
static uint64_t map_memory(uint64_t next) {
  for (uint64_t pfn = 0; pfn < start->nr_pages; pfn = (pfn | (entries - 1)) + 1) {
    const uint64_t first = pfn << page_shift;
    for (int level = 4; level > 1; --level)
      if (find_table(first, level - 1) == NULL)
        add_table(next++, first, level);
    uint64_t* table = find_table(first, 1);
    size_t count = 0;
    for (uint64_t i = 0; i < entries && pfn + i < start->nr_pages; ++i) {
      if ((table[i] & present) != 0)
        continue;
      batch[count].ptr = machine_address(&table[i]) | MMU_NORMAL_PT_UPDATE;
      batch[count++].val = mfn_of(pfn + i) << page_shift | present | writable | user | accessed | dirty;
    }
    update(count);
  }
  return next;
}

static void try_memory(uint64_t first) {
  for (uint64_t pfn = 0; pfn < start->nr_pages; ++pfn)
    must(pfn_of(mfn_of(pfn)) == pfn, "the two lists of frames contradict each other");
  for (uint64_t pfn = first; pfn < start->nr_pages; ++pfn) {
    uint64_t* page = at_pfn(pfn);
    page[0] = page[entries - 1] = pfn * pattern;
  }
  for (uint64_t pfn = first; pfn < start->nr_pages; ++pfn) {
    const uint64_t* page = at_pfn(pfn);
    must(page[0] == pfn * pattern && page[entries - 1] == pfn * pattern, "a page has not kept what was written");
  }
}

void mini_event(void) {
  shared->vcpu_info[0].evtchn_upcall_pending = 0;
  uint64_t words = __atomic_exchange_n(&shared->vcpu_info[0].evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
  for (; words != 0; words &= words - 1) {
    const int word = __builtin_ctzl(words);
    events += __atomic_exchange_n(&shared->evtchn_pending[word], 0, __ATOMIC_SEQ_CST) != 0;
  }
}

static void wait_for_timer(void) {
  struct evtchn_bind_virq timer = {.virq = VIRQ_TIMER};
  must(hypercall(__HYPERVISOR_set_callbacks, address(event_callback), address(failsafe_callback), 0, 0) == 0,
       "no callback can be set");
  must(hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, address(&timer), 0, 0) == 0, "no timer");
  for (size_t word = 0; word < sizeof shared->evtchn_mask / sizeof shared->evtchn_mask[0]; ++word)
    shared->evtchn_mask[word] = ~0ul;
  shared->evtchn_mask[timer.port / 64] &= ~(1ul << timer.port % 64);
  /* Of no exact time: that of Xen's last look at the clock, and a fifth of a second. */
  hypercall(__HYPERVISOR_set_timer_op, shared->vcpu_info[0].time.system_time + 200000000, 0, 0, 0);
  while (events == 0)
    hypercall(__HYPERVISOR_sched_op, SCHEDOP_block, 0, 0, 0);
}

/* FNV-1a. */
static uint64_t sum(const unsigned char* bytes, uint64_t size) {
  uint64_t h = 0xcbf29ce484222325;
  for (uint64_t i = 0; i < size; ++i)
    h = (h ^ bytes[i]) * 0x100000001b3;
  return h;
}

void mini_main(struct start_info* given) {
  start = given;
  console = at_pfn(pfn_of(start->console.domU.mfn));
  say("mini: command line '");
  say((const char*)start->cmd_line);
  say("'\nmini: module of ");
  say_number(start->mod_len);
  say(" bytes, sum ");
  say_number(start->mod_start == 0 ? 0 : sum((const unsigned char*)start->mod_start, start->mod_len));
  say("\n");

  shared = (struct shared_info*)shared_page;
  must(hypercall(__HYPERVISOR_update_va_mapping, address(shared), start->shared_info | present | writable | user,
                 UVMF_INVLPG, 0) == 0,
       "shared_info cannot be mapped");
  const uint64_t behind_tables = (start->pt_base >> page_shift) + start->nr_pt_frames;
  const uint64_t next = map_memory(behind_tables);
  try_memory(next);
  say("mini: ");
  say_number(start->nr_pages);
  say(" pages, tables for them added: ");
  say_number(next - behind_tables);
  say("\n");
  wait_for_timer();
  say("mini: the timer's event has come\nGUEST-MINI: ok\n");
  while (__atomic_load_n(&console->out_cons, __ATOMIC_ACQUIRE) != console->out_prod)
    hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
  end(SHUTDOWN_poweroff);
}
