/* SPDX-License-Identifier: MIT */
/*
 * AES-GCM with a 16-byte tag behind the ciphertext, as WeChat Pay's
 * AEAD_AES_256_GCM lays it out. The primitive alone: keys of 16 or 32 bytes,
 * nonces of 1 to 16. Callers enforce 32 and 12. Any thread, no lock.
 */
#ifndef IDPHOTOD_PAY_AEAD_H
#define IDPHOTOD_PAY_AEAD_H

#include "base/buf.h"
#include "base/status.h"

enum { AEAD_TAG_BYTES = 16 };

/* Writes sealed.size - 16 bytes to out, and only when the tag is right (else out is wiped).
 * INVALID when a length is outside its rule, DENIED when the tag is wrong. */
enum status aead_open(struct span key, struct span nonce, struct span associated,
                      struct span sealed, unsigned char *out) MUST_USE;

/* Writes plain.size + 16 bytes to out. */
enum status aead_seal(struct span key, struct span nonce, struct span associated, struct span plain,
                      unsigned char *out) MUST_USE;

#endif
