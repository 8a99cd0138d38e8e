/* SPDX-License-Identifier: MIT */
/*
 * The forward ratchet: one small file, from which every day key from its day on follows, and
 * none before it.
 *
 *   S(d+1) = BLAKE2b(key S(d), "ratchet")      K(d) = BLAKE2b(key S(d), "day key")
 *
 * Several processes of one host may have the file open; whoever steps it replaces the file, and
 * the others see that (ratchet_moved) and follow (ratchet_follow). Hosts have copies of their own.
 *
 * Inside the vault room only. Threads: the vault's lock keeps ratchet_follow and ratchet_step
 * alone; the rest may run side by side.
 */
#ifndef IDPHOTOD_VAULT_RATCHET_H
#define IDPHOTOD_VAULT_RATCHET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { RATCHET_KEY_BYTES = 32, RATCHET_REACH_DAYS = 4000 };

struct ratchet;

/* Opens the file and tidies up what a crash in the middle of a step left. Returns owned. */
enum status ratchet_open(const char *path, struct ratchet **out, char *why,
                         size_t why_size) MUST_USE;
void ratchet_close(struct ratchet *r);

/* Writes the first state, random. CONFLICT when there is one. */
enum status ratchet_create(int folder, const char *name, int32_t day) MUST_USE;

/* The day whose state we hold, and the file's path (borrowed). */
int32_t ratchet_day(const struct ratchet *r);
const char *ratchet_path(const struct ratchet *r);

/* The key of a day. INVALID before the ratchet's day and more than RATCHET_REACH_DAYS after it.
 * The caller wipes out. Cheap for the first 448 days. */
enum status ratchet_day_key(const struct ratchet *r, int32_t day,
                            unsigned char out[RATCHET_KEY_BYTES]) MUST_USE;

/* Whether the file is another one than we read last. One stat. */
bool ratchet_moved(const struct ratchet *r);

/* Reads the file again. CONFLICT when it is not a later state of the ratchet that we hold; then
 * memory keeps what it had. */
enum status ratchet_follow(struct ratchet *r) MUST_USE;

/* Steps file and memory to day, durably. OK and nothing done when another process was faster.
 * INVALID when day is not after the day that we held, or out of reach. */
enum status ratchet_step(struct ratchet *r, int32_t day) MUST_USE;

/* A copy of the state for the operator: see vault_ratchet_escrow. */
enum status ratchet_escrow(const struct ratchet *r, const char *file, char *why,
                           size_t why_size) MUST_USE;

/* Test seam: called between any two system calls of a step. NULL outside tests. */
extern void (*ratchet_between_calls)(void);

#endif
