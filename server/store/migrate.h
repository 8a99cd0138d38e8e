/* SPDX-License-Identifier: MIT */
/*
 * Forward-only migrations, with checksums, under a lock.
 *
 * The files of migrations/ are part of the program. `up` applies what is
 * missing, each in a transaction of its own; a file that was applied and then
 * changed stops everything. One thread.
 */
#ifndef IDPHOTOD_STORE_MIGRATE_H
#define IDPHOTOD_STORE_MIGRATE_H

#include <stdio.h>

#include "store/db.h"

/* Applies what is missing; says each step on out. CONFLICT: a checksum differs, or the database is
 * ahead of this program. */
enum status migrate_up(struct db *d, int64_t now_us, FILE *out) MUST_USE;

/* One line a migration: applied or missing. CONFLICT as above; NOT_FOUND when one is missing. */
enum status migrate_status(struct db *d, FILE *out) MUST_USE;

/* OK only when exactly this program's migrations are applied, with these checksums. For readyz and
 * the start. Uses the application's rights. */
enum status migrate_verify(struct db *d, struct arena *a) MUST_USE;

#endif
