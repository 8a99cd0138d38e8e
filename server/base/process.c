/* SPDX-License-Identifier: MIT */
#include "base/process.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Seconds since 1970 at which the machine came up. */
static enum status read_boot_s(double *boot_s)
{
    char line[256];
    FILE *f = fopen("/proc/stat", "re");
    if (!f)
        return UNAVAILABLE;
    enum status s = UNAVAILABLE;
    while (s != OK && fgets(line, sizeof line, f))
        if (sscanf(line, "btime %lf", boot_s) == 1)
            s = OK;
    fclose(f);
    return s;
}

static double count_fds(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    if (!d)
        return 0;
    for (const struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n - 1; /* the folder's own */
}

/* proc(5): what follows the name in brackets, which may hold blanks, begins with field 3. */
static enum status read_stat(struct process_figures *out)
{
    char text[1024];
    FILE *f = fopen("/proc/self/stat", "re");
    if (!f)
        return UNAVAILABLE;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    const char *rest = strrchr(text, ')');
    double user, system, threads, start, size, pages;
    if (!rest ||
        sscanf(rest + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lf %lf %*d %*d %*d %*d %lf %*d %lf "
               "%lf %lf",
               &user, &system, &threads, &start, &size, &pages) != 6)
        return UNAVAILABLE;
    double tick = (double)sysconf(_SC_CLK_TCK);
    out->cpu_s = (user + system) / tick;
    out->start_s = start / tick;
    out->threads = threads;
    out->virtual_bytes = size;
    out->resident_bytes = pages * (double)sysconf(_SC_PAGESIZE);
    return OK;
}

enum status process_read(struct process_figures *out)
{
    struct process_figures p = {0};
    struct rlimit limit;
    double boot_s;
    if (read_stat(&p) != OK || read_boot_s(&boot_s) != OK || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return UNAVAILABLE;
    p.start_s += boot_s;
    p.fds = count_fds();
    p.fds_limit = (double)limit.rlim_cur;
    *out = p;
    return OK;
}

/* glibc's M_PERTURB: a freed block is filled with this byte, a new one with its complement, which
 * makes new ones zero. Two kinds are not filled: blocks of up to 1032 bytes while a thread keeps
 * them for its next call, and blocks that were mapped for themselves, which go back to the kernel.
 * Mapping all large blocks would forget them as well, but pages that come and go cost the making of
 * a photo half as much again; filling them costs it a twentieth. */
enum { FREED_BYTE = 0xFF };

void process_forget_freed(void)
{
    mallopt(M_PERTURB, FREED_BYTE);
}
