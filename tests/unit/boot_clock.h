/* SPDX-License-Identifier: MIT */
/*
 * The boot clock, moved on by hand: pauses of minutes pass at once. The linker puts this clock in
 * the place of the program's (-Wl,--wrap=clock_boot_us); until it is moved it is that one.
 */
#ifndef IDPHOTOD_TESTS_BOOT_CLOCK_H
#define IDPHOTOD_TESTS_BOOT_CLOCK_H

#include <stdint.h>

/* For this process, for good. Deadlines of whatever runs pass as well. Any thread. */
void boot_clock_advance(int64_t us);

#endif
