/* SPDX-License-Identifier: MIT */
/* What the value of a configuration key may be, how it is read and how it is printed back. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/config_keys.h"

static const char *const level_words[] = {"debug", "info", "warn", "error"};

static const struct unit {
    const char *suffix;
    int64_t us;
} units[] = {/* largest first, so that a printed duration is short */
             {"d", INT64_C(86400000000)},
             {"h", INT64_C(3600000000)},
             {"m", INT64_C(60000000)},
             {"s", INT64_C(1000000)},
             {"ms", INT64_C(1000)}};

enum { N_UNITS = sizeof units / sizeof *units, HOST_BYTES = 256, ITEM_BYTES = 512 };

struct rule {
    char *text;
    size_t size;
};

static enum status refuse(const struct rule *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum status refuse(const struct rule *r, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(r->text, r->size, format, ap);
    va_end(ap);
    return INVALID;
}

static void print_duration(int64_t us, char *out, size_t size)
{
    size_t i = 0;
    while (i + 1 < N_UNITS && (us % units[i].us != 0 || us == 0))
        i++;
    if (us == 0)
        i = 3; /* "0s" */
    snprintf(out, size, "%" PRId64 "%s", us / units[i].us, units[i].suffix);
}

/* Digits with an optional sign up to *end; false when there are none or too many. */
static bool parse_integer(const char *text, bool may_be_signed, int64_t *number, const char **end)
{
    bool negative = may_be_signed && *text == '-';
    if (may_be_signed && (*text == '-' || *text == '+'))
        text++;
    if (*text < '0' || *text > '9')
        return false;
    char *after;
    errno = 0;
    int64_t n = strtoll(text, &after, 10);
    if (errno != 0)
        return false;
    *number = negative ? -n : n;
    *end = after;
    return true;
}

static enum status parse_count(const struct config_key *k, const char *text, int64_t *field,
                               const struct rule *r)
{
    int64_t n;
    const char *end;
    if (!parse_integer(text, false, &n, &end) || *end != '\0' || n < k->least || n > k->most)
        return refuse(r, "expected a whole number from %" PRId64 " to %" PRId64, k->least, k->most);
    *field = n;
    return OK;
}

static enum status parse_cores(const struct config_key *k, const char *text, int64_t *field,
                               const struct rule *r)
{
    if (strcmp(text, "cores") != 0)
        return parse_count(k, text, field, r);
    int64_t n = sysconf(_SC_NPROCESSORS_ONLN);
    *field = n < k->least ? k->least : n > k->most ? k->most : n;
    return OK;
}

static bool duration_us(const char *text, bool may_be_signed, int64_t *us)
{
    int64_t n;
    const char *suffix;
    if (!parse_integer(text, may_be_signed, &n, &suffix))
        return false;
    for (size_t i = 0; i < N_UNITS; i++)
        if (strcmp(suffix, units[i].suffix) == 0)
            return !__builtin_mul_overflow(n, units[i].us, us);
    return false;
}

static enum status parse_duration(const struct config_key *k, const char *text, int64_t *field,
                                  const struct rule *r)
{
    int64_t us;
    if (!duration_us(text, k->least < 0, &us) || us < k->least || us > k->most) {
        char least[32], most[32];
        print_duration(k->least, least, sizeof least);
        print_duration(k->most, most, sizeof most);
        return refuse(r, "expected a time from %s to %s, such as 500ms, 5s, 30m, 24h or 1d", least,
                      most);
    }
    *field = us;
    return OK;
}

static enum status parse_word(const struct config_key *k, const char *text, bool *field,
                              const struct rule *r)
{
    bool yes = strcmp(text, k->yes) == 0;
    if (!yes && strcmp(text, k->no) != 0)
        return refuse(r, "expected %s or %s", k->yes, k->no);
    *field = yes;
    return OK;
}

static enum status parse_level(const char *text, enum log_level *field, const struct rule *r)
{
    for (size_t i = 0; i < sizeof level_words / sizeof *level_words; i++) {
        if (strcmp(text, level_words[i]) == 0) {
            *field = (enum log_level)i;
            return OK;
        }
    }
    return refuse(r, "expected debug, info, warn or error");
}

/* The address of "1.2.3.4:80" or "[::1]:80", or of a bare or bracketed host. */
static bool host_part(const char *text, char *host, size_t size)
{
    const char *start = text, *end;
    if (*text == '[') {
        start = text + 1;
        end = strchr(start, ']');
    } else {
        const char *colon = strchr(text, ':');
        bool bare_ipv6 = colon != NULL && strchr(colon + 1, ':') != NULL;
        end = colon == NULL || bare_ipv6 ? text + strlen(text) : colon;
    }
    if (end == NULL || (size_t)(end - start) >= size)
        return false;
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    return true;
}

bool config_is_loopback(const char *text)
{
    char host[HOST_BYTES];
    struct in_addr v4;
    struct in6_addr v6;
    if (!host_part(text, host, sizeof host))
        return false;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcmp(host, "localhost") == 0;
}

static bool is_address(int family, const char *host)
{
    struct in6_addr any;
    return inet_pton(family, host, &any) == 1;
}

static enum status check_listen(const char *text, const struct rule *r)
{
    char host[HOST_BYTES];
    const char *colon = strrchr(text, ':'), *end;
    int64_t port;
    bool bracketed = *text == '[';
    if (colon == NULL || !host_part(text, host, sizeof host) ||
        !is_address(bracketed ? AF_INET6 : AF_INET, host) ||
        (size_t)(colon - text) != strlen(host) + (bracketed ? 2 : 0) ||
        !parse_integer(colon + 1, false, &port, &end) || *end != '\0' || port > 65535)
        return refuse(r, "expected ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080");
    return OK;
}

static enum status check_network(char *item, const struct rule *r)
{
    int64_t bits = 0;
    const char *end = "";
    char *slash = strchr(item, '/');
    if (slash != NULL) {
        *slash = '\0';
        if (!parse_integer(slash + 1, false, &bits, &end))
            end = "?";
    }
    bool v4 = is_address(AF_INET, item);
    if (*end != '\0' || (!v4 && !is_address(AF_INET6, item)) || bits > (v4 ? 32 : 128))
        return refuse(r, "expected addresses or CIDR blocks between commas");
    return OK;
}

static enum status url_part(CURLU *u, CURLUPart part, char *out, size_t size)
{
    char *text = NULL;
    enum status s = INVALID;
    if (curl_url_get(u, part, &text, 0) == CURLUE_OK && strlen(text) < size) {
        memcpy(out, text, strlen(text) + 1);
        s = OK;
    }
    curl_free(text);
    return s;
}

static bool url_has(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(u, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

enum status config_url_host(const char *url, char *host, size_t host_size)
{
    CURLU *u = curl_url();
    CHECK_PEER(u != NULL);
    enum status s = INVALID;
    if (curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
        s = url_part(u, CURLUPART_HOST, host, host_size);
    curl_url_cleanup(u);
    return s;
}

struct url_rule {
    const char *plain, *tls; /* schemes */
    bool plain_only_on_loopback;
    bool may_have_user, may_have_path;
};

static bool url_obeys(CURLU *u, const char *text, const struct url_rule *rule)
{
    char scheme[16], host[HOST_BYTES], path[ITEM_BYTES];
    if (url_part(u, CURLUPART_SCHEME, scheme, sizeof scheme) != OK ||
        url_part(u, CURLUPART_HOST, host, sizeof host) != OK ||
        url_part(u, CURLUPART_PATH, path, sizeof path) != OK)
        return false;
    if (strcmp(scheme, rule->tls) != 0 &&
        (strcmp(scheme, rule->plain) != 0 ||
         (rule->plain_only_on_loopback && !config_is_loopback(host))))
        return false;
    if (url_has(u, CURLUPART_PASSWORD) || url_has(u, CURLUPART_QUERY) ||
        url_has(u, CURLUPART_FRAGMENT) || text[strlen(text) - 1] == '/')
        return false;
    return (rule->may_have_user || !url_has(u, CURLUPART_USER)) &&
           (rule->may_have_path || strcmp(path, "/") == 0);
}

static bool is_url(const char *text, const struct url_rule *rule)
{
    CURLU *u = curl_url();
    CHECK_PEER(u != NULL);
    bool good = curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
                url_obeys(u, text, rule);
    curl_url_cleanup(u);
    return good;
}

static enum status check_base_url(const char *text, const struct rule *r)
{
    static const struct url_rule rule = {
        .plain = "http", .tls = "https", .plain_only_on_loopback = true, .may_have_path = true};
    if (!is_url(text, &rule))
        return refuse(r, "expected an https address without user, query or slash at the end "
                         "(plain http only on loopback)");
    return OK;
}

static enum status check_smtp_url(const char *text, const struct rule *r)
{
    static const struct url_rule rule = {.plain = "smtp", .tls = "smtps", .may_have_user = true};
    if (!is_url(text, &rule))
        return refuse(r,
                      "expected smtp://[USER@]HOST[:PORT] or smtps://..., the password in a file");
    return OK;
}

static enum status check_origin(char *item, const struct rule *r)
{
    static const struct url_rule rule = {
        .plain = "http", .tls = "https", .plain_only_on_loopback = true};
    if (!is_url(item, &rule))
        return refuse(r, "expected https origins between commas (plain http only on loopback)");
    return OK;
}

/* Applies check to each comma-separated item, without the blanks around it. */
static enum status check_list(const char *text, const struct rule *r,
                              enum status (*check)(char *item, const struct rule *r))
{
    while (true) {
        char item[ITEM_BYTES];
        text += strspn(text, " \t");
        size_t n = strcspn(text, ",");
        if (n >= sizeof item)
            return refuse(r, "an item is too long");
        memcpy(item, text, n);
        while (n > 0 && (item[n - 1] == ' ' || item[n - 1] == '\t'))
            n--;
        item[n] = '\0';
        enum status s = check(item, r);
        if (s != OK)
            return s;
        text += strcspn(text, ",");
        if (*text++ == '\0')
            return OK;
    }
}

static enum status check_conninfo(const char *text, const struct rule *r)
{
    char *error = NULL; /* may quote the password, so it goes nowhere */
    PQconninfoOption *options = PQconninfoParse(text, &error);
    bool good = options != NULL;
    PQconninfoFree(options);
    PQfreemem(error);
    return good ? OK : refuse(r, "expected a libpq connection string or URI");
}

static enum status check_text(enum key_type type, const char *text, const struct rule *r)
{
    switch (type) {
    case KEY_LISTEN: return check_listen(text, r);
    case KEY_NETWORKS: return check_list(text, r, check_network);
    case KEY_ORIGINS: return check_list(text, r, check_origin);
    case KEY_BASE_URL: return check_base_url(text, r);
    case KEY_SMTP_URL: return check_smtp_url(text, r);
    case KEY_CONNINFO: return check_conninfo(text, r);
    case KEY_TEXT:
    case KEY_PATH:
    case KEY_COUNT:
    case KEY_CORES:
    case KEY_DURATION:
    case KEY_WORD:
    case KEY_LOG_LEVEL: break;
    }
    return OK;
}

/* Such a text could not be printed and read again: a file's reader takes it for a comment. */
static bool looks_like_comment(const char *text)
{
    return *text == ';' || strstr(text, " ;") || strstr(text, "\t;");
}

static enum status parse_text(const struct config_key *k, const char *text, struct arena *a,
                              const char **field, const struct rule *r)
{
    if (*text == '\0' && k->type != KEY_LISTEN) {
        *field = NULL;
        return OK;
    }
    if (looks_like_comment(text))
        return refuse(
            r, "expected no semicolon at the start or after white space: it begins a comment");
    enum status s = check_text(k->type, text, r);
    if (s == OK)
        *field = arena_strdup(a, text);
    return s;
}

enum status config_value_parse(const struct config_key *k, const char *text, struct arena *a,
                               void *field, char *rule, size_t rule_size)
{
    struct rule r = {rule, rule_size};
    switch (k->type) {
    case KEY_COUNT: return parse_count(k, text, field, &r);
    case KEY_CORES: return parse_cores(k, text, field, &r);
    case KEY_DURATION: return parse_duration(k, text, field, &r);
    case KEY_WORD: return parse_word(k, text, field, &r);
    case KEY_LOG_LEVEL: return parse_level(text, field, &r);
    case KEY_TEXT:
    case KEY_PATH:
    case KEY_LISTEN:
    case KEY_NETWORKS:
    case KEY_ORIGINS:
    case KEY_BASE_URL:
    case KEY_SMTP_URL:
    case KEY_CONNINFO: break;
    }
    return parse_text(k, text, a, field, &r);
}

/* libpq's way of quoting: single quotes, backslash before a quote or a backslash. */
static void print_quoted(const char *value, FILE *out)
{
    putc('\'', out);
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '\'' || *p == '\\')
            putc('\\', out);
        putc(*p, out);
    }
    putc('\'', out);
}

/* As keyword = value pairs, also when it was given as a URI: libpq itself then says which options
 * are secret. */
static void print_conninfo(const char *text, FILE *out)
{
    const char *space = "";
    PQconninfoOption *options = PQconninfoParse(text, NULL);
    for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
        if (o->val == NULL)
            continue;
        fprintf(out, "%s%s=", space, o->keyword);
        if (strchr(o->dispchar, '*') != NULL)
            fputs("****", out);
        else
            print_quoted(o->val, out);
        space = " ";
    }
    PQconninfoFree(options);
}

static void print_text(const struct config_key *k, const char *text, FILE *out)
{
    if (text == NULL)
        return;
    if (k->type == KEY_CONNINFO)
        print_conninfo(text, out);
    else
        fputs(text, out);
}

void config_value_print(const struct config_key *k, const void *field, FILE *out)
{
    char duration[32];
    switch (k->type) {
    case KEY_COUNT:
    case KEY_CORES: fprintf(out, "%" PRId64, *(const int64_t *)field); return;
    case KEY_DURATION:
        print_duration(*(const int64_t *)field, duration, sizeof duration);
        fputs(duration, out);
        return;
    case KEY_WORD: fputs(*(const bool *)field ? k->yes : k->no, out); return;
    case KEY_LOG_LEVEL: fputs(level_words[*(const enum log_level *)field], out); return;
    case KEY_TEXT:
    case KEY_PATH:
    case KEY_LISTEN:
    case KEY_NETWORKS:
    case KEY_ORIGINS:
    case KEY_BASE_URL:
    case KEY_SMTP_URL:
    case KEY_CONNINFO: print_text(k, *(const char *const *)field, out); return;
    }
}
