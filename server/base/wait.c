/* SPDX-License-Identifier: MIT */
#include "base/wait.h"

#include <time.h>

#include "base/clock.h"

void wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_us)
{
    int64_t left_us = until_us - clock_boot_us();
    if (left_us <= 0)
        return;
    if (left_us > SECOND_US)
        left_us = SECOND_US;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t ns = t.tv_nsec + left_us * 1000;
    t.tv_sec += ns / 1000000000;
    t.tv_nsec = ns % 1000000000;
    pthread_cond_clockwait(c, lock, CLOCK_MONOTONIC, &t);
}
