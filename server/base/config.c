/* SPDX-License-Identifier: MIT */
#include "base/config.h"

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/config_keys.h"

extern char **environ;

enum {
    LINE_BYTES = 4096,
    NAME_BYTES = 32,
    WORD_BYTES = 64,
    PLACE_BYTES = 1024,
    RULE_BYTES = 256,
    HOMES = 1 + 2 * CONFIG_MERCHANTS_MAX,
};

/* The struct comes first, so that config_free finds the arena. */
struct loaded {
    struct config c;
    struct arena *arena;
};

/* Where a value was set; line 0: not in a file. */
struct place {
    const char *text;
    int line;
};

struct loader {
    struct config *c;
    struct arena *arena;
    const char *folder; /* of the configuration file; NULL: none */
    struct place now;   /* what is being read */
    FILE *in;
    bool failed;
    char *why;
    size_t why_size;
    struct place places[HOMES][CONFIG_KEYS];
};

static enum status fail(struct loader *l, const struct place *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Keeps the first reason. */
static enum status fail(struct loader *l, const struct place *at, const char *format, ...)
{
    if (l->failed)
        return INVALID;
    l->failed = true;
    char reason[RULE_BYTES + 128];
    va_list ap;
    va_start(ap, format);
    vsnprintf(reason, sizeof reason, format, ap);
    va_end(ap);
    if (at->line > 0)
        snprintf(l->why, l->why_size, "%s:%d: %s", at->text, at->line, reason);
    else
        snprintf(l->why, l->why_size, "%s: %s", at->text, reason);
    return INVALID;
}

/* Homes: the structs that keys belong to. 0 is struct config, then the WeChat merchants, then the
 * Alipay merchants. */

static void *home_struct(struct config *c, size_t home)
{
    if (home == 0)
        return c;
    if (home <= CONFIG_MERCHANTS_MAX)
        return &c->wechat[home - 1];
    return &c->alipay[home - 1 - CONFIG_MERCHANTS_MAX];
}

static size_t home_number(struct config *c, const void *home)
{
    size_t i = 0;
    while (i < HOMES && home_struct(c, i) != home)
        i++;
    CHECK(i < HOMES);
    return i;
}

static void *field_of(struct config *c, size_t home, const struct config_key *k)
{
    return (char *)home_struct(c, home) + k->offset;
}

static void set_built_in(struct loader *l, enum key_home kind, size_t home)
{
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        const struct config_key *k = &config_keys[i];
        char rule[RULE_BYTES];
        if (config_key_home(k) != kind)
            continue;
        l->places[home][i] = (struct place){"built-in", 0};
        if (k->built_in != NULL)
            CHECK(config_value_parse(k, k->built_in, l->arena, field_of(l->c, home, k), rule,
                                     sizeof rule) == OK);
    }
}

/* The number of [wechat "NAME"]; the merchant is made when it is new. */
static enum status find_wechat(struct loader *l, const char *name, size_t *home)
{
    size_t i = 0;
    while (i < l->c->n_wechat && strcmp(l->c->wechat[i].name, name) != 0)
        i++;
    if (i == CONFIG_MERCHANTS_MAX)
        return fail(l, &l->now, "more than %d WeChat merchants", CONFIG_MERCHANTS_MAX);
    if (i == l->c->n_wechat) {
        l->c->n_wechat++;
        l->c->wechat[i].name = arena_strdup(l->arena, name);
        set_built_in(l, HOME_WECHAT, 1 + i);
    }
    *home = 1 + i;
    return OK;
}

static enum status find_alipay(struct loader *l, const char *name, size_t *home)
{
    size_t i = 0;
    while (i < l->c->n_alipay && strcmp(l->c->alipay[i].name, name) != 0)
        i++;
    if (i == CONFIG_MERCHANTS_MAX)
        return fail(l, &l->now, "more than %d Alipay merchants", CONFIG_MERCHANTS_MAX);
    if (i == l->c->n_alipay) {
        l->c->n_alipay++;
        l->c->alipay[i].name = arena_strdup(l->arena, name);
        set_built_in(l, HOME_ALIPAY, 1 + CONFIG_MERCHANTS_MAX + i);
    }
    *home = 1 + CONFIG_MERCHANTS_MAX + i;
    return OK;
}

/* A word that may be repeated in a reason: short, and not something pasted by mistake. */
static bool is_word(const char *text, const char *allowed, size_t most)
{
    size_t n = strlen(text);
    return n > 0 && n <= most && strspn(text, allowed) == n;
}

#define LOWER "abcdefghijklmnopqrstuvwxyz_0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Splits `wechat "shop-2"` into section and name ("" when there is none). */
static bool split_section(const char *text, char section[NAME_BYTES], char name[NAME_BYTES])
{
    size_t n = strspn(text, LOWER);
    if (n == 0 || n >= NAME_BYTES)
        return false;
    memcpy(section, text, n);
    section[n] = '\0';
    name[0] = '\0';
    text += n;
    if (*text == '\0')
        return true;
    text += strspn(text, " \t");
    n = strlen(text);
    if (n < 3 || n - 2 >= NAME_BYTES || text[0] != '"' || text[n - 1] != '"')
        return false;
    memcpy(name, text + 1, n - 2);
    name[n - 2] = '\0';
    return is_word(name, LOWER UPPER "-", NAME_BYTES - 1);
}

static bool section_exists(const char *section)
{
    for (size_t i = 0; i < CONFIG_KEYS; i++)
        if (strcmp(config_keys[i].section, section) == 0)
            return true;
    return false;
}

static const struct config_key *find_key(const char *section, const char *name)
{
    for (size_t i = 0; i < CONFIG_KEYS; i++)
        if (strcmp(config_keys[i].section, section) == 0 && strcmp(config_keys[i].name, name) == 0)
            return &config_keys[i];
    return NULL;
}

static enum status find_home(struct loader *l, const struct config_key *k, const char *name,
                             size_t *home)
{
    switch (config_key_home(k)) {
    case HOME_WECHAT: return find_wechat(l, name, home);
    case HOME_ALIPAY: return find_alipay(l, name, home);
    case HOME_CONFIG: break;
    }
    if (*name != '\0')
        return fail(l, &l->now, "[%s] takes no name", k->section);
    *home = 0;
    return OK;
}

/* Puts the folder of systemd credentials or of the configuration file before a path. */
static enum status resolve_path(struct loader *l, const struct config_key *k, const char **path)
{
    static const char variable[] = "${CREDENTIALS_DIRECTORY}";
    size_t n = sizeof variable - 1;
    if (*path == NULL || **path == '/')
        return OK;
    if (strncmp(*path, variable, n) == 0) {
        const char *folder = getenv("CREDENTIALS_DIRECTORY");
        if (folder == NULL)
            return fail(l, &l->now, "%s.%s: CREDENTIALS_DIRECTORY is not set", k->section, k->name);
        *path = arena_printf(l->arena, "%s%s", folder, *path + n);
    } else if (l->folder != NULL) {
        *path = arena_printf(l->arena, "%s/%s", l->folder, *path);
    }
    return OK;
}

static enum status set_value(struct loader *l, const struct config_key *k, size_t home,
                             const char *value)
{
    struct place *place = &l->places[home][k - config_keys];
    void *field = field_of(l->c, home, k);
    char rule[RULE_BYTES];
    if (l->now.line > 0 && place->text == l->now.text)
        return fail(l, &l->now, "%s.%s is set twice, first in line %d", k->section, k->name,
                    place->line);
    if (config_value_parse(k, value, l->arena, field, rule, sizeof rule) != OK)
        return fail(l, &l->now, "%s.%s: %s", k->section, k->name, rule);
    *place = l->now;
    return OK;
}

/* One setting, from whatever source: l->now says which. */
static enum status set(struct loader *l, const char *section_text, const char *name,
                       const char *value)
{
    char section[NAME_BYTES], merchant[NAME_BYTES];
    size_t home = 0;
    if (*section_text == '\0')
        return fail(l, &l->now, "a key before the first [section]");
    if (!split_section(section_text, section, merchant))
        return fail(l, &l->now, "malformed section; expected [section] or [section \"NAME\"]");
    if (!section_exists(section))
        return fail(l, &l->now, "unknown section [%s]", section);
    const struct config_key *k = find_key(section, name);
    if (k == NULL)
        return fail(l, &l->now, "unknown key%s%s in [%s]",
                    is_word(name, LOWER, NAME_BYTES) ? " " : "",
                    is_word(name, LOWER, NAME_BYTES) ? name : "", section);
    enum status s = find_home(l, k, merchant, &home);
    return s == OK ? set_value(l, k, home, value) : s;
}

/* A line that is too long, or holds control characters, ends the reading. */
static char *read_line(char *out, int room, void *loader)
{
    struct loader *l = loader;
    int n = 0, c;
    if (l->failed)
        return NULL;
    l->now.line++;
    while ((c = getc(l->in)) != EOF && c != '\n') {
        if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f || n + 2 >= room) {
            (void)fail(l, &l->now, n + 2 >= room ? "the line is too long" : "control character");
            return NULL;
        }
        out[n++] = (char)c;
    }
    if (c == EOF && n == 0)
        return NULL;
    out[n] = '\0';
    return out;
}

static int on_setting(void *loader, const char *section, const char *name, const char *value)
{
    return set(loader, section, name, value) == OK;
}

static enum status read_stream(struct loader *l)
{
    int first_bad_line = ini_parse_stream(read_line, l, on_setting, l);
    if (l->failed)
        return INVALID;
    if (ferror(l->in))
        return fail(l, &(struct place){l->now.text, 0}, "cannot be read");
    if (first_bad_line != 0)
        return fail(l, &(struct place){l->now.text, first_bad_line},
                    "expected [section] or key = value");
    return OK;
}

static enum status read_file(struct loader *l, const char *path)
{
    l->now = (struct place){arena_strdup(l->arena, path), 0};
    l->in = fopen(path, "re");
    if (l->in == NULL)
        return fail(l, &l->now, "%s", strerror(errno));
    enum status s = read_stream(l);
    (void)fclose(l->in);
    l->in = NULL;
    return s;
}

static int is_conf(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}

/* By bytes: the order must not hang on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum status read_conf_d(struct loader *l)
{
    struct dirent **entries = NULL;
    enum status s = OK;
    char *folder = arena_printf(l->arena, "%s/conf.d", l->folder);
    int n = scandir(folder, &entries, is_conf, by_name);
    if (n < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? OK
                   : fail(l, &(struct place){folder, 0}, "%s", strerror(errno));
    for (int i = 0; i < n; i++) {
        if (s == OK)
            s = read_file(l, arena_printf(l->arena, "%s/%s", folder, entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
    return s;
}

/* Section and key of "SERVER_IO_THREADS". */
static const struct config_key *key_of_variable(const char *name)
{
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        const struct config_key *k = &config_keys[i];
        size_t n = strlen(k->section);
        if (strncasecmp(name, k->section, n) == 0 && name[n] == '_' &&
            strcasecmp(name + n + 1, k->name) == 0 &&
            strpbrk(name, "abcdefghijklmnopqrstuvwxyz") == NULL)
            return k;
    }
    return NULL;
}

/* Variables of the tests and of the operators' scripts, not of the service. */
static bool belongs_to_others(const char *variable)
{
    static const char *const starts[] = {"IDPHOTOD_TEST_", "IDPHOTOD_VECTORS", "IDPHOTOD_REFERENCE",
                                         "IDPHOTOD_ADMIN_URL=", "IDPHOTOD_TOKEN_FILE="};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (strncmp(variable, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

static enum status read_variable(struct loader *l, const char *variable)
{
    static const char prefix[] = "IDPHOTOD_";
    char name[WORD_BYTES];
    const char *equals = strchr(variable, '=');
    if (equals == NULL || strncmp(variable, prefix, sizeof prefix - 1) != 0 ||
        belongs_to_others(variable))
        return OK;
    snprintf(name, sizeof name, "%.*s", (int)(equals - variable), variable);
    l->now = (struct place){arena_printf(l->arena, "environment %s", name), 0};
    const struct config_key *k = key_of_variable(name + sizeof prefix - 1);
    if (k == NULL)
        return fail(l, &l->now, "no such key");
    return set(l, k->section, k->name, equals + 1);
}

static enum status read_environment(struct loader *l)
{
    enum status s = OK;
    for (char **v = environ; s == OK && v != NULL && *v != NULL; v++)
        s = read_variable(l, *v);
    return s;
}

static enum status read_overrides(struct loader *l, const struct config_override *o, size_t n)
{
    enum status s = OK;
    for (size_t i = 0; s == OK && i < n; i++) {
        bool safe = is_word(o[i].section, LOWER UPPER "- \"", WORD_BYTES) &&
                    is_word(o[i].key, LOWER, NAME_BYTES);
        l->now = (struct place){
            safe ? arena_printf(l->arena, "flag %s.%s", o[i].section, o[i].key) : "flag", 0};
        s = set(l, o[i].section, o[i].key, o[i].value);
    }
    return s;
}

static enum status read_layers(struct loader *l, const char *file,
                               const struct config_override *overrides, size_t n)
{
    enum status s = OK;
    set_built_in(l, HOME_CONFIG, 0);
    l->now = (struct place){"built-in", 0};
    if (file != NULL) {
        const char *slash = strrchr(file, '/');
        l->folder = slash == NULL ? "." : arena_copy(l->arena, file, (size_t)(slash - file));
        s = read_file(l, file);
        if (s == OK)
            s = read_conf_d(l);
    }
    if (s == OK)
        s = read_environment(l);
    return s == OK ? read_overrides(l, overrides, n) : s;
}

static bool home_exists(const struct config *c, size_t home)
{
    if (home == 0)
        return true;
    return home <= CONFIG_MERCHANTS_MAX ? home - 1 < c->n_wechat
                                        : home - 1 - CONFIG_MERCHANTS_MAX < c->n_alipay;
}

static enum key_home home_kind(size_t home)
{
    if (home == 0)
        return HOME_CONFIG;
    return home <= CONFIG_MERCHANTS_MAX ? HOME_WECHAT : HOME_ALIPAY;
}

static enum status resolve_paths(struct loader *l)
{
    enum status s = OK;
    for (size_t home = 0; home < HOMES; home++)
        for (size_t i = 0; s == OK && i < CONFIG_KEYS && home_exists(l->c, home); i++) {
            const struct config_key *k = &config_keys[i];
            if (k->type != KEY_PATH || config_key_home(k) != home_kind(home))
                continue;
            l->now = l->places[home][i];
            s = resolve_path(l, k, field_of(l->c, home, k));
        }
    return s;
}

static enum status check_ties(struct loader *l)
{
    const struct config_key *k = NULL;
    const void *home = NULL;
    char rule[RULE_BYTES];
    if (config_check(l->c, &k, &home, rule, sizeof rule) == OK)
        return OK;
    const struct place *at = &l->places[home_number(l->c, home)][k - config_keys];
    return fail(l, at, "%s.%s: %s", k->section, k->name, rule);
}

/* inih keeps its options in globals; lines as long as a connection string need the heap,
 * and an indented line is a setting of its own. */
static void configure_inih(void)
{
    ini_use_stack = false;
    ini_max_line = LINE_BYTES;
    ini_initial_alloc = LINE_BYTES;
    ini_allow_multiline = false;
    ini_stop_on_first_error = true;
}

enum status config_load(const char *file, const struct config_override *overrides, size_t n,
                        struct config **out, char *why, size_t why_size)
{
    struct arena *arena = arena_new();
    struct loaded *loaded = calloc(1, sizeof *loaded);
    struct loader *l = calloc(1, sizeof *l);
    CHECK_PEER(loaded != NULL && l != NULL);
    loaded->arena = arena;
    *l = (struct loader){.c = &loaded->c, .arena = arena, .why = why, .why_size = why_size};
    configure_inih();
    enum status s = read_layers(l, file, overrides, n);
    if (s == OK)
        s = resolve_paths(l);
    if (s == OK)
        s = check_ties(l);
    if (s == OK && loaded->c.database.owner_url == NULL)
        loaded->c.database.owner_url = loaded->c.database.url;
    free(l);
    if (s == OK)
        *out = &loaded->c;
    else
        config_free(&loaded->c);
    return s;
}

void config_free(struct config *c)
{
    if (c == NULL)
        return;
    struct loaded *loaded = (struct loaded *)c;
    arena_free(loaded->arena);
    free(loaded);
}

static void print_section(const struct config_key *k, struct config *c, size_t home, FILE *out)
{
    const char *name = home == 0 ? ""
                       : home_kind(home) == HOME_WECHAT
                           ? ((struct config_wechat *)home_struct(c, home))->name
                           : ((struct config_alipay *)home_struct(c, home))->name;
    if (*name == '\0')
        fprintf(out, "\n[%s]\n", k->section);
    else
        fprintf(out, "\n[%s \"%s\"]\n", k->section, name);
}

static void print_home(struct config *c, size_t home, size_t from, size_t to, FILE *out)
{
    print_section(&config_keys[from], c, home, out);
    for (size_t i = from; i < to; i++) {
        fprintf(out, "%s = ", config_keys[i].name);
        config_value_print(&config_keys[i], field_of(c, home, &config_keys[i]), out);
        putc('\n', out);
    }
}

void config_print(const struct config *c, FILE *out)
{
    struct config *fields = (struct config *)(uintptr_t)c; /* field_of serves writers too */
    size_t to;
    for (size_t from = 0; from < CONFIG_KEYS; from = to) {
        for (to = from; to < CONFIG_KEYS; to++)
            if (strcmp(config_keys[to].section, config_keys[from].section) != 0)
                break;
        for (size_t home = 0; home < HOMES; home++)
            if (home_kind(home) == config_key_home(&config_keys[from]) && home_exists(c, home))
                print_home(fields, home, from, to, out);
    }
}
