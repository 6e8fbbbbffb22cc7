/*
 * Puts the .hydrated section on one huge page before anything uses it.
 *
 * The runtime fills this section at each start: about 1.7 MB of type tables and strings, all of it, before Main. In pages of 4 KB that is 420 page faults, a sixth of the time of a
 * command such as qwamosctl set. The section is zero until then, so a huge page can take its place: it is filled by one fault, and moved here with mremap, which leaves the section at
 * its address, random as ever, with its rights.
 *
 * Linux gives huge pages where /sys/kernel/mm/transparent_hugepage/enabled says madvise or always and one is free. Otherwise the pages are filled one by one, as without this.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Of hydrated.ld: whole pages, and nothing else's. */
extern char hydrated_begin[] __attribute__((visibility("hidden")));
extern char hydrated_end[] __attribute__((visibility("hidden")));

/* On x86-64, and on arm64 with pages of 4 KB. On arm64 with larger pages so are the huge ones: then there are none here. */
static const size_t huge = 2 * 1024 * 1024;

__attribute__((constructor)) static void take_huge_page(void)
{
    size_t size = (size_t)(hydrated_end - hydrated_begin);
    if (size > huge)
        size = huge;
    /* Twice the size holds an aligned one. */
    char *area = mmap(NULL, 2 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        return;
    char *page = (char *)(((uintptr_t)area + huge - 1) & ~(uintptr_t)(huge - 1));
    if (madvise(page, huge, MADV_HUGEPAGE) == 0) {
        *(volatile char *)page = 0;
        /* A move that fails may have taken away what was here. */
        if (mremap(page, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, hydrated_begin) == MAP_FAILED
            && mmap(hydrated_begin, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
            abort();
    }
    munmap(area, 2 * huge);
}
