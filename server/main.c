/* SPDX-License-Identifier: MIT */
#include <curl/curl.h>
#include <getopt.h>
#include <jansson.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "commands.h"
#include "vault/vault.h"

enum { OVERRIDES_MAX = 32 };

static const struct command {
    const char *name;
    int (*run)(const struct config *, const struct command_line *);
    bool needs_config;
} commands[] = {
    {"serve", command_serve, true},       {"migrate", command_migrate, true},
    {"keygen", command_keygen, false},    {"ratchet", command_ratchet, true},
    {"operator", command_operator, true}, {"purge", command_purge, true},
    {"ledger", command_ledger, true},     {"audit", command_audit, true},
    {"config", command_config, true},     {"openapi", command_openapi, false},
    {"version", command_version, false},
};

static const char usage[] =
    "usage: idphotod COMMAND [--config FILE] [--set SECTION.KEY=VALUE]...\n"
    "  serve\n"
    "  migrate up | status | verify\n"
    "  keygen --dir DIR [--rotate]\n"
    "  ratchet status | confirm --day DAY | forget-host HOST | escrow --to FILE\n"
    "  operator add NAME --role ROLE | list | revoke NAME\n"
    "  purge --once [--now TIME]\n"
    "  ledger export --day DAY [--format csv|json]\n"
    "  audit\n"
    "  config check | print\n"
    "  openapi | version\n";

static int say_usage(void)
{
    fputs(usage, stderr);
    return EXIT_USAGE;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* "section.key=value" in place; the section may itself hold dots in a quoted name. */
static bool parse_override(char *text, struct config_override *out)
{
    char *equals = strchr(text, '=');
    if (!equals)
        return false;
    *equals = 0;
    char *dot = strrchr(text, '.');
    if (!dot)
        return false;
    *dot = 0;
    *out = (struct config_override){text, dot + 1, equals + 1};
    return true;
}

struct parsed {
    const char *config_file;
    struct config_override overrides[OVERRIDES_MAX];
    size_t n_overrides;
    struct command_line line;
};

static bool parse_options(int argc, char **argv, struct parsed *p)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"set", required_argument, NULL, 's'},
                                            {"dir", required_argument, NULL, 'd'},
                                            {"role", required_argument, NULL, 'r'},
                                            {"now", required_argument, NULL, 'n'},
                                            {"day", required_argument, NULL, 'y'},
                                            {"format", required_argument, NULL, 'f'},
                                            {"to", required_argument, NULL, 't'},
                                            {"rotate", no_argument, NULL, 'R'},
                                            {"once", no_argument, NULL, 'o'},
                                            {NULL, 0, NULL, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        switch (c) {
        case 'c': p->config_file = optarg; break;
        case 'd': p->line.dir = optarg; break;
        case 'r': p->line.role = optarg; break;
        case 'n': p->line.now = optarg; break;
        case 'y': p->line.day = optarg; break;
        case 'f': p->line.format = optarg; break;
        case 't': p->line.to = optarg; break;
        case 'R': p->line.rotate = true; break;
        case 'o': p->line.once = true; break;
        case 's':
            if (p->n_overrides == OVERRIDES_MAX ||
                !parse_override(optarg, &p->overrides[p->n_overrides++]))
                return false;
            break;
        default: return false;
        }
    }
    p->line.words = argv + optind;
    p->line.count = argc - optind;
    return true;
}

static int run_configured(const struct command *command, const struct parsed *p)
{
    char why[512];
    struct config *config;
    enum status s =
        config_load(p->config_file, p->overrides, p->n_overrides, &config, why, sizeof why);
    if (s != OK) {
        fprintf(stderr, "idphotod: %s\n", why);
        return EXIT_CONFIG;
    }
    log_configure(config->log.level, config->log.json);
    if (config->testing.allow_clock) {
        clock_set_offset_us(config->testing.clock_offset_us);
        log_warn("testing.clock", LOG_INT("offset_s", config->testing.clock_offset_us / SECOND_US));
    }
    int code = command->run(config, &p->line);
    config_free(config);
    return code;
}

/* JSON documents carry names and addresses: their memory is wiped like an arena's. */
static void wipe_and_free(void *p)
{
    if (p)
        sodium_memzero(p, malloc_usable_size(p));
    free(p);
}

static bool harden(void)
{
    process_forget_freed();
    json_set_alloc_funcs(malloc, wipe_and_free);
    /* private keys of merchants go where they are locked and wiped */
    return sodium_init() >= 0 && vault_harden_process() == OK &&
           CRYPTO_secure_malloc_init(1 << 20, 32) == 1 &&
           curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

int main(int argc, char **argv)
{
    struct parsed p = {0};
    const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
    if (!harden())
        return EXIT_BUG;
    if (!command || !parse_options(argc - 1, argv + 1, &p))
        return say_usage();
    int code = command->needs_config ? run_configured(command, &p) : command->run(NULL, &p.line);
    return code == EXIT_USAGE ? say_usage() : code;
}
