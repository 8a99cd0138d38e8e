/* SPDX-License-Identifier: MIT */
/*
 * JSON-line (or text) logs on standard error.
 *
 * A line is {"at", "level", "event", ["request_id"], fields...}. The event is
 * a stable dotted code ("order.paid"). Fields are counts, durations, states,
 * route templates, SQLSTATEs, random ids: never a name, address, openid, IP,
 * token, key, body or header value. Any thread may call.
 *
 *   log_info("job.done", LOG_STR("job", name), LOG_INT("rows", n));
 */
#ifndef IDPHOTOD_BASE_LOG_H
#define IDPHOTOD_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
    const char *name; /* NULL ends the list */
    const char *text; /* NULL: the number counts */
    int64_t number;
};

#define LOG_STR(n, s) ((struct log_field){.name = (n), .text = log_text_or_empty(s)})
#define LOG_INT(n, i) ((struct log_field){.name = (n), .number = (int64_t)(i)})

static inline const char *log_text_or_empty(const char *s)
{
    return s ? s : "";
}

#define log_debug(...) LOG_AT_(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  LOG_AT_(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  LOG_AT_(LOG_WARN, __VA_ARGS__)
#define log_error(...) LOG_AT_(LOG_ERROR, __VA_ARGS__)
#define LOG_AT_(level, event, ...)                                                                 \
    log_write((level), (event), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})

void log_write(enum log_level level, const char *event, const struct log_field *fields);

/* Set once, before threads start. */
void log_configure(enum log_level least, bool json);

/* Lines of this thread carry the id until it is set to NULL. Borrows. */
void log_set_request_id(const char *request_id);

#endif
