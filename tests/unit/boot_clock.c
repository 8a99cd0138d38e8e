/* SPDX-License-Identifier: MIT */
#include "boot_clock.h"

#include <stdatomic.h>

/* The linker's names for what it puts in place and what was there. */
int64_t __real_clock_boot_us(void);
int64_t __wrap_clock_boot_us(void);

static _Atomic int64_t moved_us;

void boot_clock_advance(int64_t us)
{
    atomic_fetch_add(&moved_us, us);
}

int64_t __wrap_clock_boot_us(void)
{
    return __real_clock_boot_us() + atomic_load(&moved_us);
}
