/*
 * How much memory the runtime takes before it looks at it, and how the process lays it out.
 *
 * The collector would take the size of the first generation from that of the processor's last cache. Where that is 300 MB, as on large servers, a daemon that allocates a few KB a request
 * holds 100 MB of garbage before it collects any; with 16 MB it holds 40, and needs no more processor time. The setting has no name among those that a program can be built with: only
 * the environment has it.
 *
 * SMALL_PROCESS is for a gateway, one of many on a machine, which takes few changes. Its first generation is 1 MB: with more, each change would be allocated on pages that were never
 * touched before. One malloc arena in place of eight a processor, which begin 64 MB apart, and stacks of 512 KB in place of 8 MB halve the page tables of the process, which a hypervisor
 * without nested paging keeps a second time.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

/* Bytes, hexadecimal, as the runtime reads it. */
#ifdef SMALL_PROCESS
#define FIRST_GENERATION "100000"
#define STACK_BYTES (512 * 1024)
#else
#define FIRST_GENERATION "1000000"
#endif

/* What cannot be set leaves things as they were. */
__attribute__((constructor)) static void lay_out_memory(void)
{
    (void)setenv("DOTNET_GCgen0size", FIRST_GENERATION, 0);
#ifdef SMALL_PROCESS
    (void)mallopt(M_ARENA_MAX, 1);
    pthread_attr_t usual;
    if (pthread_attr_init(&usual) == 0)
    {
        if (pthread_attr_setstacksize(&usual, STACK_BYTES) == 0)
            (void)pthread_setattr_default_np(&usual);
        (void)pthread_attr_destroy(&usual);
    }
#endif
}
