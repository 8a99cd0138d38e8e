/* SPDX-License-Identifier: MIT */
/*
 * Tries to open every sealed value of a database with the key folders that lie on the disk now.
 *
 *   try-open MASTER_KEY_FILE RATCHET_FILE < rows
 *
 * Rows as tests/secrecy/sealed.sql writes them: tab-separated, \N for NULL. Prints one line,
 * "12 keys, 12 open; 15 sealed, 15 open", and each row that stays shut on stderr. Where a wrapped
 * key does not open, its sealed values count as shut. For tests: it prints no value.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/store.h"
#include "vault/vault.h"

struct tally {
    int keys, keys_open, sealed, sealed_open;
};

struct bytes {
    unsigned char *at;
    size_t n;
};

/* Hexadecimal digits, with hyphens between them where it is a UUID. Owned. */
static struct bytes from_hex(const char *text)
{
    struct bytes b = {malloc(strlen(text) / 2 + 1), 0};
    CHECK_PEER(b.at && sodium_hex2bin(b.at, strlen(text) / 2 + 1, text, strlen(text), "-", &b.n,
                                      NULL) == 0);
    return b;
}

static struct uuid row_id_of(const char *text)
{
    struct uuid id;
    if (strncmp(text, "text:", 5) == 0)
        return uuid_of_text(text + 5);
    struct bytes b = from_hex(text);
    CHECK_PEER(b.n == sizeof id.bytes);
    memcpy(id.bytes, b.at, sizeof id.bytes);
    free(b.at);
    return id;
}

static bool opens(const struct data_key *key, const struct record_name *name, const char *column,
                  const char *hex)
{
    struct bytes sealed = from_hex(hex);
    CHECK_PEER(sealed.n >= VAULT_SEAL_OVERHEAD);
    unsigned char *plain = malloc(sealed.n);
    CHECK_PEER(plain);
    bool opened = vault_unseal(key, name, column, sealed.at, sealed.n, plain) == OK;
    sodium_memzero(plain, sealed.n);
    free(plain);
    free(sealed.at);
    return opened;
}

static void try_row(struct vault *v, char *line, struct tally *t)
{
    char *field[6];
    for (int i = 0; i < 6; i++)
        CHECK_PEER((field[i] = strsep(&line, "\t")));
    const struct record_name name = {field[0], strtoll(field[1], NULL, 10), row_id_of(field[2])};
    struct bytes wrapped = from_hex(field[3]);
    struct data_key key = {0};
    bool has_sealed = strcmp(field[5], "\\N") != 0;
    bool key_opens = vault_key_open(v, &name, wrapped.at, wrapped.n, &key) == OK;
    /* Tried with the zero key too when there is none: a seal under no key would be worse. */
    bool sealed_opens = has_sealed && opens(&key, &name, field[4], field[5]);
    t->keys++;
    t->keys_open += key_opens;
    t->sealed += has_sealed;
    t->sealed_open += sealed_opens;
    if (!key_opens || (has_sealed && !sealed_opens))
        fprintf(stderr, "shut: %s.%s, key day %" PRId32 ", ratchet day %" PRId32 "\n", field[0],
                field[4], vault_wrapped_day(wrapped.at), vault_ratchet_day(v));
    data_key_wipe(&key);
    free(wrapped.at);
}

int main(int argc, char **argv)
{
    struct vault *v;
    struct tally t = {0};
    char why[512] = "", *line = NULL;
    size_t room = 0;
    ssize_t n;
    if (argc != 3 || sodium_init() < 0)
        return 64;
    if (vault_open(argv[1], argv[2], &v, why, sizeof why) != OK) {
        fprintf(stderr, "try-open: %s\n", why);
        return 78;
    }
    while ((n = getline(&line, &room, stdin)) > 0) {
        line[strcspn(line, "\n")] = 0;
        try_row(v, line, &t);
    }
    free(line);
    vault_close(v);
    printf("%d keys, %d open; %d sealed, %d open\n", t.keys, t.keys_open, t.sealed, t.sealed_open);
    return 0;
}
