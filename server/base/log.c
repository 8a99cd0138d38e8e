/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"

static enum log_level least_level = LOG_INFO;
static bool as_json = true;
static _Thread_local const char *thread_request_id;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_configure(enum log_level least, bool json)
{
    least_level = least;
    as_json = json;
}

void log_set_request_id(const char *request_id)
{
    thread_request_id = request_id;
}

/* One write per line, so that lines of several threads do not mix. */
static void write_line(const char *line, size_t n)
{
    while (n > 0) {
        ssize_t w = write(STDERR_FILENO, line, n);
        if (w <= 0)
            return;
        line += w;
        n -= (size_t)w;
    }
}

static char *render_json(enum log_level level, const char *event, const struct log_field *fields)
{
    char at[TIME_TEXT_BYTES];
    json_t *line = json_pack("{s:s, s:s, s:s}", "at", time_format(clock_now_us(), at), "level",
                             level_names[level], "event", event);
    if (!line)
        return NULL;
    if (thread_request_id)
        json_object_set_new(line, "request_id", json_string(thread_request_id));
    for (const struct log_field *f = fields; f->name; f++)
        json_object_set_new(line, f->name,
                            f->text ? json_string_nocheck(f->text) : json_integer(f->number));
    char *text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(line);
    return text;
}

static char *render_text(enum log_level level, const char *event, const struct log_field *fields)
{
    char at[TIME_TEXT_BYTES];
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return NULL;
    fprintf(f, "%s %-5s %s", time_format(clock_now_us(), at), level_names[level], event);
    for (; fields->name; fields++) {
        if (fields->text)
            fprintf(f, " %s=%s", fields->name, fields->text);
        else
            fprintf(f, " %s=%lld", fields->name, (long long)fields->number);
    }
    if (thread_request_id)
        fprintf(f, " request_id=%s", thread_request_id);
    fclose(f);
    return text;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    if (level < least_level)
        return;
    char *text = as_json ? render_json(level, event, fields) : render_text(level, event, fields);
    if (!text)
        return;
    size_t n = strlen(text);
    text[n] = '\n'; /* the line's end takes the place of the NUL */
    write_line(text, n + 1);
    free(text);
}

void check_failed(const char *who, const char *expression, const char *file, int line)
{
    log_error("check.failed", LOG_STR("who", who), LOG_STR("expression", expression),
              LOG_STR("file", file), LOG_INT("line", line));
    abort();
}
