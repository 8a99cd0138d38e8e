/* SPDX-License-Identifier: MIT */
/* What the system says of this process, from /proc. Any thread may call. */
#ifndef IDPHOTOD_BASE_PROCESS_H
#define IDPHOTOD_BASE_PROCESS_H

#include "base/status.h"

struct process_figures {
    double cpu_s;   /* user and system */
    double start_s; /* since 1970, by the system's clock */
    double resident_bytes, virtual_bytes;
    double fds, fds_limit;
    double threads;
};

/* UNAVAILABLE: /proc does not tell. */
enum status process_read(struct process_figures *out) MUST_USE;

#endif
