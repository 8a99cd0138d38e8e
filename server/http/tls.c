/* SPDX-License-Identifier: MIT */
#include "http/tls.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"

enum { CHAIN_MAX = 8, SLOTS = 8, FILE_MOST = 1 << 20 };
/* Longer than any handshake may take: a retired identity is not touched any more. */
#define RETIRED_US (5 * MINUTE_US)

struct identity {
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned n;
    gnutls_privkey_t key;
    int64_t expires_us; /* the first of the chain's to do so */
    int64_t retired_us;
    struct identity *older;
};

struct tls {
    char *cert_file, *key_file;
    pthread_mutex_t mutex;
    struct identity *current; /* newest first */
    unsigned slot;
};

static _Atomic(struct tls *) slots[SLOTS];

static void identity_free(struct identity *i)
{
    for (unsigned k = 0; k < i->n; k++)
        gnutls_pcert_deinit(&i->chain[k]);
    if (i->key)
        gnutls_privkey_deinit(i->key);
    free(i);
}

enum status tls_read_file(const char *path, gnutls_datum_t *out)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return INVALID;
    unsigned char *bytes = calloc(1, FILE_MOST + 1);
    CHECK_PEER(bytes);
    size_t n = fread(bytes, 1, FILE_MOST, f);
    bool whole = !ferror(f) && fgetc(f) == EOF;
    fclose(f);
    gnutls_datum_t file = {.data = bytes, .size = (unsigned)n};
    if (!whole) {
        tls_free_file(&file);
        return INVALID;
    }
    *out = file;
    return OK;
}

void tls_free_file(gnutls_datum_t *file)
{
    if (file->data)
        explicit_bzero(file->data, file->size);
    free(file->data);
    *file = (gnutls_datum_t){0};
}

static bool belong_together(const gnutls_datum_t *cert, const gnutls_datum_t *key)
{
    gnutls_certificate_credentials_t trial;
    CHECK_PEER(gnutls_certificate_allocate_credentials(&trial) == 0);
    int rc = gnutls_certificate_set_x509_key_mem(trial, cert, key, GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(trial);
    return rc >= 0;
}

static int64_t expiry_us(gnutls_pcert_st *chain, unsigned n)
{
    int64_t first_us = INT64_MAX;
    for (unsigned i = 0; i < n; i++) {
        gnutls_x509_crt_t one;
        CHECK_PEER(gnutls_pcert_export_x509(&chain[i], &one) == 0);
        int64_t us = (int64_t)gnutls_x509_crt_get_expiration_time(one) * SECOND_US;
        gnutls_x509_crt_deinit(one);
        first_us = us < first_us ? us : first_us;
    }
    return first_us;
}

static enum status import(const gnutls_datum_t *cert, const gnutls_datum_t *key,
                          struct identity **out)
{
    if (!belong_together(cert, key))
        return INVALID;
    struct identity *i = calloc(1, sizeof *i);
    CHECK_PEER(i);
    unsigned n = CHAIN_MAX;
    if (gnutls_pcert_list_import_x509_raw(i->chain, &n, cert, GNUTLS_X509_FMT_PEM, 0) < 0) {
        free(i);
        return INVALID;
    }
    i->n = n;
    i->expires_us = expiry_us(i->chain, n);
    CHECK_PEER(gnutls_privkey_init(&i->key) == 0);
    if (gnutls_privkey_import_x509_raw(i->key, key, GNUTLS_X509_FMT_PEM, NULL, 0) < 0) {
        identity_free(i);
        return INVALID;
    }
    *out = i;
    return OK;
}

static enum status identity_load(const struct tls *t, struct identity **out)
{
    gnutls_datum_t cert = {0}, key = {0};
    enum status s = tls_read_file(t->cert_file, &cert);
    if (s == OK)
        s = tls_read_file(t->key_file, &key);
    if (s == OK)
        s = import(&cert, &key, out);
    tls_free_file(&cert);
    tls_free_file(&key);
    return s;
}

static enum status take_slot(struct tls *t)
{
    for (t->slot = 0; t->slot < SLOTS; t->slot++) {
        struct tls *empty = NULL;
        if (atomic_compare_exchange_strong(&slots[t->slot], &empty, t))
            return OK;
    }
    return UNAVAILABLE;
}

enum status tls_new(const char *cert_file, const char *key_file, struct tls **out)
{
    struct tls *t = calloc(1, sizeof *t);
    CHECK_PEER(t);
    t->cert_file = strdup(cert_file);
    t->key_file = strdup(key_file);
    CHECK_PEER(t->cert_file && t->key_file && pthread_mutex_init(&t->mutex, NULL) == 0);
    t->slot = SLOTS;
    enum status s = identity_load(t, &t->current);
    if (s == OK)
        s = take_slot(t);
    if (s != OK) {
        tls_free(t);
        return s;
    }
    *out = t;
    return OK;
}

static void free_identities(struct identity *i)
{
    while (i) {
        struct identity *older = i->older;
        identity_free(i);
        i = older;
    }
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    if (t->slot < SLOTS)
        atomic_store(&slots[t->slot], NULL);
    free_identities(t->current);
    pthread_mutex_destroy(&t->mutex);
    free(t->cert_file);
    free(t->key_file);
    free(t);
}

/* Frees what was retired long enough ago; the list is sorted by age. */
static void forget_retired(struct identity *newest, int64_t now_us)
{
    for (struct identity *i = newest; i->older; i = i->older) {
        if (i->older->retired_us + RETIRED_US > now_us)
            continue;
        free_identities(i->older);
        i->older = NULL;
        return;
    }
}

enum status tls_reload(struct tls *t)
{
    struct identity *fresh;
    enum status s = identity_load(t, &fresh);
    if (s != OK)
        return s;
    int64_t now_us = clock_boot_us();
    pthread_mutex_lock(&t->mutex);
    t->current->retired_us = now_us;
    fresh->older = t->current;
    t->current = fresh;
    forget_retired(fresh, now_us);
    pthread_mutex_unlock(&t->mutex);
    return OK;
}

static int present(unsigned slot, gnutls_pcert_st **chain, unsigned *n, gnutls_privkey_t *key)
{
    struct tls *t = atomic_load(&slots[slot]);
    if (!t)
        return -1;
    pthread_mutex_lock(&t->mutex);
    *chain = t->current->chain;
    *n = t->current->n;
    *key = t->current->key;
    pthread_mutex_unlock(&t->mutex);
    return 0;
}

#define SLOT(i)                                                                                    \
    static int present_##i(gnutls_session_t session, const gnutls_datum_t *authorities,            \
                           int n_authorities, const gnutls_pk_algorithm_t *algorithms,             \
                           int n_algorithms, gnutls_pcert_st **chain, unsigned *n,                 \
                           gnutls_privkey_t *key)                                                  \
    {                                                                                              \
        (void)session, (void)authorities, (void)n_authorities, (void)algorithms,                   \
            (void)n_algorithms;                                                                    \
        return present(i, chain, n, key);                                                          \
    }
SLOT(0)
SLOT(1)
SLOT(2)
SLOT(3)
SLOT(4)
SLOT(5)
SLOT(6)
SLOT(7)
#undef SLOT

int64_t tls_expiry_us(struct tls *t)
{
    pthread_mutex_lock(&t->mutex);
    int64_t us = t->current->expires_us;
    pthread_mutex_unlock(&t->mutex);
    return us;
}

gnutls_certificate_retrieve_function2 *tls_callback(const struct tls *t)
{
    static gnutls_certificate_retrieve_function2 *const callbacks[SLOTS] = {
        present_0, present_1, present_2, present_3, present_4, present_5, present_6, present_7};
    return callbacks[t->slot];
}

bool tls_peer_is_verified(gnutls_session_t session)
{
    char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st wanted = {
        .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)purpose, .size = 0};
    unsigned faults = 0;
    return gnutls_certificate_verify_peers(session, &wanted, 1, &faults) == 0 && faults == 0;
}
