/* SPDX-License-Identifier: MIT */
/* Waiting for a condition until an instant. */
#ifndef IDPHOTOD_BASE_WAIT_H
#define IDPHOTOD_BASE_WAIT_H

#include <pthread.h>
#include <stdint.h>

/* Returns when c is signalled or clock_boot_us() has come to until_us; also earlier, after a second
 * at the latest, so that a machine that slept is noticed: the caller looks again. The calling
 * thread holds lock, and does so again afterwards. */
void wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_us);

#endif
