/* SPDX-License-Identifier: MIT */
/* This process, as the system sees it: figures from /proc, and what its allocator leaves behind. */
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

/* UNAVAILABLE: /proc does not tell. Any thread. */
enum status process_read(struct process_figures *out) MUST_USE;

/* From here on memory is overwritten when it is freed, also by the libraries that we link (OpenCV,
 * libvips, libmicrohttpd, libpq): what they held of a portrait or of a name is not theirs to wipe.
 * Our own code wipes what it knows to be personal all the same. Before any thread starts. */
void process_forget_freed(void);

#endif
