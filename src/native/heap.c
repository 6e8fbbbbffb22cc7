/*
 * Tells the runtime how much may be allocated before the first collection, unless somebody has: 16 MB, and 1 MB in a gateway.
 *
 * The collector would take it from the size of the processor's last cache. Where that is 300 MB, as on large servers, a daemon that allocates a few KB a request holds 100 MB of garbage
 * before it looks at it; with 16 MB it holds 40, and needs no more processor time. A gateway takes few changes, and each would be allocated on pages that it never touched before.
 * The setting has no name among those that a program can be built with: only the environment has it.
 */
#include <stdlib.h>

/* Bytes, hexadecimal, as the runtime reads it. */
#ifndef FIRST_GENERATION
#define FIRST_GENERATION "1000000"
#endif

__attribute__((constructor)) static void bound_first_generation(void)
{
    /* One that cannot be set leaves things as they were. */
    (void)setenv("DOTNET_GCgen0size", FIRST_GENERATION, 0);
}
