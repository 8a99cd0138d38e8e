/* SPDX-License-Identifier: MIT */
/*
 * The auditor: looks whether what the tables say of money and time fits
 * together, and names each thing that does not.
 *
 * It derives nothing from the code that wrote the rows; every check is a query
 * of its own. What was erased, at a person's wish or at its end, leaves the
 * ledger's entry alone: payments are compared with the ledger as far as they
 * are still kept, refunds (which name nobody) to the last one. One thread per
 * struct store.
 */
#ifndef IDPHOTOD_STORE_AUDITOR_H
#define IDPHOTOD_STORE_AUDITOR_H

#include "store/store.h"

/* One thing that is wrong: the check's name, and numbers, days, ids and amounts, never a person. */
struct finding {
    const char *check, *what;
};

/* Runs every check; calls each(arg, finding) for every finding, at most 1000 of one check. *count:
 * how many. Texts are the arena's. */
enum status auditor_run(struct store *st, struct arena *a, int64_t now_us,
                        void (*each)(void *arg, const struct finding *finding), void *arg,
                        int64_t *count) MUST_USE;

#endif
