/* SPDX-License-Identifier: MIT */
/*
 * Runs test vectors by kind.
 *
 * The vectors come from the folder that IDPHOTOD_VECTORS names; else from
 * ../shared/vectors beside the tree; else from tests/vectors, our own. In each,
 * keys.json holds {"keys": {id: {"pem": ...}}} and every other *.json
 * {"vectors": [{"id", "kind", "inputs", "expected", ...}]}.
 *
 * A test file says which kinds it runs:
 *
 *     VECTORS(a_wechat_notice_opens_or_is_refused, "wechat.notify", check_notice)
 *
 * That makes a test in the suite "vectors". After the run a list says for each
 * kind how many were run and how many passed.
 *
 * Two programs use this runner: tests/unit, and tests/database for the kinds
 * that need tables. The step "vectors" of `make check` adds the two up and
 * holds them against a count of the files (tests/vectors/table.py); both
 * write their counts to the file that IDPHOTOD_VECTORS_TALLY names.
 */
#ifndef IDPHOTOD_TESTS_VECTORS_H
#define IDPHOTOD_TESTS_VECTORS_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdbool.h>

struct vector {
    const char *id, *kind;
    const json_t *inputs, *expected;
    bool aes_128_key;            /* an SDK's 16-byte key: primitive level only */
    bool implementation_defined; /* either outcome is fine: run, not scored */
};

/* True when the code does what the vector expects. May print why not. */
typedef bool vector_check(const struct vector *v);

/* Runs every vector of the kind; fails the test when one fails, or when there is none at all. Our
 * own folder may lack a kind: the test is then skipped. */
void vectors_run(const char *kind, vector_check *check);
void vectors_register(const char *pattern);

#define VECTORS(sentence, kind_name, check)                                                        \
    __attribute__((constructor)) static void register_##sentence(void)                             \
    {                                                                                              \
        vectors_register(kind_name);                                                               \
    }                                                                                              \
    Test(vectors, sentence)                                                                        \
    {                                                                                              \
        vectors_run(kind_name, check);                                                             \
    }

/* Kinds (a pattern of fnmatch) that another program of tests runs: not missed in the table. */
#define VECTORS_ELSEWHERE(sentence, pattern)                                                       \
    __attribute__((constructor)) static void register_##sentence(void)                             \
    {                                                                                              \
        vectors_register(pattern);                                                                 \
    }

/* Fails the test for each vector of the folder whose kind neither VECTORS nor VECTORS_ELSEWHERE
 * names. */
void vectors_assert_all_registered(void);

/* PEM text of a key or certificate of keys.json. Fails the test when it is not there. */
const char *vector_key(const char *id);

/* A member as text; NULL when absent or no text. */
const char *vector_text(const json_t *object, const char *name);

/* expected.valid */
bool vector_valid(const struct vector *v);

#endif
