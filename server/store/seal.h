/* SPDX-License-Identifier: MIT */
/*
 * The ledger's chain of sealed batches.
 *
 * Nothing on the way of a payment waits for it: entries are sealed afterwards,
 * in batches, each hashed over the hash of the one before (migration of
 * ledger_seal says how; the auditor checks it). Whoever keeps a batch's number
 * and hash elsewhere, such as in an archived log, can tell later that nothing
 * up to it was changed. One thread per struct store.
 */
#ifndef IDPHOTOD_STORE_SEAL_H
#define IDPHOTOD_STORE_SEAL_H

#include "store/store.h"

enum { SEAL_HASH_TEXT_BYTES = 2 * 32 + 1 };

struct ledger_batch {
    int64_t batch_no;
    int32_t entries; /* 0: nothing was to seal, and there is no batch */
    char hash[SEAL_HASH_TEXT_BYTES];
};

/* Seals at most `limit` entries as one further batch. Two at the same time cannot both: the second
 * is CONFLICT and has changed nothing. */
enum status ledger_seal(struct store *st, struct arena *a, int64_t now_us, int limit,
                        struct ledger_batch *out) MUST_USE;

#endif
