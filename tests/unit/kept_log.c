/* SPDX-License-Identifier: MIT */
#include "kept_log.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"

static int file;

void kept_log_begin(void)
{
    file = memfd_create("log", MFD_CLOEXEC);
    cr_assert(file >= 0 && dup2(file, STDERR_FILENO) == STDERR_FILENO);
    log_configure(LOG_INFO, true);
}

/* Counts them; *last is the last one when that is wanted. */
static int find(const char *event, json_t **last)
{
    char line[4096], path[64];
    int n = 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file); /* an offset of its own */
    FILE *lines = fopen(path, "r");
    cr_assert(lines);
    while (fgets(line, sizeof line, lines)) {
        json_t *told = json_loads(line, 0, NULL);
        const char *name = json_string_value(json_object_get(told, "event"));
        bool found = name && strcmp(name, event) == 0;
        n += found;
        if (found && last) {
            json_decref(*last);
            *last = json_incref(told);
        }
        json_decref(told);
    }
    fclose(lines);
    return n;
}

int kept_log_count(const char *event)
{
    return find(event, NULL);
}

bool kept_log_await(const char *event, int n, int seconds)
{
    for (int i = 0; i < seconds * 200 && kept_log_count(event) < n; i++)
        usleep(5000);
    return kept_log_count(event) >= n;
}

json_t *kept_log_last(const char *event)
{
    json_t *last = NULL;
    cr_assert(find(event, &last) > 0, "nothing is told of %s", event);
    return last;
}
