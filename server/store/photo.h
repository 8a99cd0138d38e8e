/* SPDX-License-Identifier: MIT */
/*
 * Photos: metadata, lives (draft, electronic, print), sealed bytes.
 *
 * A photo is seen by its account while one of its lives lasts, while an open
 * order holds it, or while a paid order waits for promote. Its file is given
 * out only for an electronic purchase (policy 2.3). Reads stop at the instant
 * of expiry: the statements say so, not the job.
 */
#ifndef IDPHOTOD_STORE_PHOTO_H
#define IDPHOTOD_STORE_PHOTO_H

#include "base/buf.h"
#include "store/idempotency.h"
#include "store/store.h"

/* A draft's key day and partition lie this many days after the upload's day. */
enum { DRAFT_KEY_DAYS = 2 };

struct photo {
    struct uuid photo_id;
    const char *spec; /* NULL when none was named */
    const char *subject;
    const char *format;
    int32_t width_px, height_px, dpi;
    int64_t bytes;
    const char *etag;
    int64_t created_us;
    int64_t expires_us; /* of the life that counts */
    bool paid;          /* an electronic purchase or a print of it lives */
};

/* What an account may have: drafts that live, and bytes of one Asia/Shanghai day. 0: no limit. */
struct upload_quota {
    int64_t drafts, bytes_a_day;
};

/* The steps that store a new draft, to be run in a batch with others. The photo's etag is made
 * here. Over the quota (NULL: none) the batch fails, for one of these reasons (db_refused_by), also
 * when several uploads come at once. */
#define PHOTO_TOO_MANY_BYTES  "upload-bytes"
#define PHOTO_TOO_MANY_DRAFTS "upload-drafts"
enum { PHOTO_STEPS = 5 };
struct photo_steps {
    struct params upload, drafts, photo, copy, bytes;
    struct step steps[PHOTO_STEPS];
};
enum status photo_create_steps(struct store *st, struct arena *a, int64_t account_id,
                               const struct upload_quota *quota, struct photo *photo,
                               struct span file, struct photo_steps *out) MUST_USE;

/* When the first of the account's live drafts ends. NOT_FOUND: there are none. */
enum status photo_first_draft_end(struct store *st, struct arena *a, int64_t account_id,
                                  int64_t now_us, int64_t *end_us) MUST_USE;

/* NOT_FOUND: not this account's, or over. */
enum status photo_read(struct store *st, struct arena *a, int64_t account_id,
                       const struct uuid *photo_id, int64_t now_us, struct photo *out) MUST_USE;

/* Metadata and the file in clear (in the arena). CONFLICT: never bought electronically; NOT_FOUND
 * also when that purchase is over although a print of it lives on. */
enum status photo_read_file(struct store *st, struct arena *a, int64_t account_id,
                            const struct uuid *photo_id, int64_t now_us, struct photo *photo,
                            struct span *file) MUST_USE;

/* The same for those who print it: while a paid print of it lives. NOT_FOUND otherwise. */
enum status photo_read_print(struct store *st, struct arena *a, int64_t account_id,
                             const struct uuid *photo_id, int64_t now_us, struct photo *photo,
                             struct span *file) MUST_USE;

/* The same of any photo that is seen, paid or not: not to be given out as it is. */
enum status photo_read_any(struct store *st, struct arena *a, int64_t account_id,
                           const struct uuid *photo_id, int64_t now_us, struct photo *photo,
                           struct span *file) MUST_USE;

/* Row id of a photo's record is the photo_id; the bytes' column of the seal. */
#define PHOTO_TABLE        "photo"
#define PHOTO_BYTES_COLUMN "sealed"

#endif
