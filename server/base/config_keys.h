/* SPDX-License-Identifier: MIT */
/*
 * The table of configuration keys: name, type, place in struct config,
 * built-in value and range of each. For base/config*.c alone.
 */
#ifndef IDPHOTOD_BASE_CONFIG_KEYS_H
#define IDPHOTOD_BASE_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/config.h"

enum key_type {
    KEY_TEXT,      /* const char *; empty: NULL */
    KEY_PATH,      /* a text; relative to the folder of the configuration file */
    KEY_LISTEN,    /* ADDRESS:PORT, numeric */
    KEY_NETWORKS,  /* comma-separated addresses and CIDR blocks */
    KEY_ORIGINS,   /* comma-separated web origins */
    KEY_BASE_URL,  /* https, or http on loopback; no slash at the end, no password */
    KEY_SMTP_URL,  /* smtp or smtps, no password */
    KEY_CONNINFO,  /* libpq connection string or URI */
    KEY_COUNT,     /* int64_t within the range */
    KEY_CORES,     /* a count, or the word cores */
    KEY_DURATION,  /* int64_t microseconds within the range */
    KEY_WORD,      /* bool: one of two words */
    KEY_LOG_LEVEL, /* enum log_level */
};

enum key_home {
    HOME_CONFIG,
    HOME_WECHAT,
    HOME_ALIPAY
}; /* the struct that the offset counts from */

struct config_key {
    const char *section, *name;
    enum key_type type;
    size_t offset;
    const char *built_in; /* as text, parsed like any other value; NULL: unset */
    int64_t least, most;  /* KEY_COUNT, KEY_CORES, KEY_DURATION */
    const char *yes, *no; /* KEY_WORD */
};

enum { CONFIG_KEYS = 78 };
extern const struct config_key config_keys[CONFIG_KEYS];

enum key_home config_key_home(const struct config_key *k);

/* Parses text into field. On INVALID rule says what was expected; it never repeats the text. */
enum status config_value_parse(const struct config_key *k, const char *text, struct arena *a,
                               void *field, char *rule, size_t rule_size) MUST_USE;

/* Writes the field as config_value_parse reads it; passwords of KEY_CONNINFO as ****. */
void config_value_print(const struct config_key *k, const void *field, FILE *out);

/* Host of a URL, as libcurl reads it. INVALID when it is no URL. */
enum status config_url_host(const char *url, char *host, size_t host_size) MUST_USE;

/* Rules that tie several keys. On INVALID *at is the key to blame, and home its struct. */
enum status config_check(const struct config *c, const struct config_key **at, const void **home,
                         char *rule, size_t rule_size) MUST_USE;

#endif
