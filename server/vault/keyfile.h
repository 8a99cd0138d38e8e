/* SPDX-License-Identifier: MIT */
/*
 * The file format that master keys and the ratchet share: 64 bytes, big-endian.
 *
 *   0  magic, 8 bytes ("idpmastr" or "idpratch")
 *   8  number, 4 bytes: the master's version, or the ratchet's day
 *  12  format, 4 bytes: 1
 *  16  secret, 32 bytes
 *  48  checksum, 16 bytes: BLAKE2b-128 of the 48 before (against damage, not against an attacker)
 *
 * Inside the vault room only. Any thread.
 */
#ifndef IDPHOTOD_VAULT_KEYFILE_H
#define IDPHOTOD_VAULT_KEYFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { KEYFILE_BYTES = 64, KEYFILE_SECRET_BYTES = 32 };

#define KEYFILE_MASTER  "idpmastr"
#define KEYFILE_RATCHET "idpratch"

/* The caller wipes out. */
void keyfile_encode(const char *magic, uint32_t number,
                    const unsigned char secret[KEYFILE_SECRET_BYTES],
                    unsigned char out[KEYFILE_BYTES]);

/* INVALID unless magic, format and checksum are right. */
enum status keyfile_decode(const char *magic, const unsigned char bytes[KEYFILE_BYTES],
                           uint32_t *number, unsigned char secret[KEYFILE_SECRET_BYTES]) MUST_USE;

/* Reads a file of exactly 64 bytes that only we can read (folder_open_secret). */
enum status keyfile_read(int folder, const char *name, const char *shown, const char *magic,
                         uint32_t *number, unsigned char secret[KEYFILE_SECRET_BYTES], char *why,
                         size_t why_size) MUST_USE;

#endif
