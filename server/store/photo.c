/* SPDX-License-Identifier: MIT */
#include "store/photo.h"

#include <string.h>

#include "base/clock.h"

/* Whoever updates the account's row waits for the uploads of it that are under way. */
static const struct statement upload_count = {
    "upload_count",
    "WITH done AS (UPDATE account SET upload_day = $2,"
    "  upload_bytes = CASE WHEN upload_day = $2 THEN upload_bytes ELSE 0 END + $3"
    " WHERE account_id = $1"
    "  AND CASE WHEN upload_day = $2 THEN upload_bytes ELSE 0 END + $3 <= $4 RETURNING 1)"
    " SELECT guard((SELECT count(*) FROM done) = 1, '" PHOTO_TOO_MANY_BYTES "')"};

/* A statement of its own: it sees what those uploads have committed. */
static const struct statement draft_count = {
    "draft_count",
    "SELECT guard((SELECT count(*) FROM photo_copy WHERE account_id = $1"
    " AND purpose = 'draft' AND expires_at > $2) < $3, '" PHOTO_TOO_MANY_DRAFTS "')"};

static const struct statement draft_first_end = {
    "draft_first_end", "SELECT min(expires_at) FROM photo_copy WHERE account_id = $1"
                       " AND purpose = 'draft' AND expires_at > $2"};

static const struct statement photo_insert = {
    "photo_insert", "INSERT INTO photo (account_id, photo_id, spec, subject, format, width_px, "
                    "height_px, dpi, bytes,"
                    " etag, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};

static const struct statement copy_insert = {"photo_copy_insert",
                                             "INSERT INTO photo_copy (account_id, photo_id, "
                                             "purpose, expires_at, drop_day, key_day, key_wrapped)"
                                             " VALUES ($1, $2, 'draft', $3, $4, $4, $5)"};

static const struct statement bytes_insert = {
    "photo_bytes_insert",
    "INSERT INTO photo_bytes (drop_day, account_id, photo_id, purpose, sealed)"
    " VALUES ($1, $2, $3, 'draft', $4)"};

/* $1 account, $2 photo, $3 now. When a photo's lives end: as an electronic purchase, as a print, as
 * a draft; and what holds it besides: a paid order that waits for promote, an open order. */
#define PHOTO_LIFE                                                                                 \
    " FROM photo p CROSS JOIN LATERAL ("                                                           \
    "  SELECT max(c.expires_at) FILTER (WHERE c.purpose = 'electronic') AS electronic_until,"      \
    "   max(c.expires_at) FILTER (WHERE c.purpose = 'print') AS print_until,"                      \
    "   max(c.expires_at) FILTER (WHERE c.purpose = 'draft') AS draft_until"                       \
    "  FROM photo_copy c WHERE c.account_id = p.account_id AND c.photo_id = p.photo_id"            \
    "   AND c.expires_at > $3) life CROSS JOIN LATERAL ("                                          \
    "  SELECT max(o.photos_expire_at) FILTER (WHERE i.kind = 'electronic' AND o.paid_at IS NOT "   \
    "NULL"                                                                                         \
    "    AND o.promoted_at IS NULL AND o.photos_expire_at > $3) AS bought_until,"                  \
    "   max(o.expires_at) FILTER (WHERE i.kind = 'print' AND o.paid_at IS NOT NULL"                \
    "    AND o.promoted_at IS NULL AND o.expires_at > $3) AS paid_until,"                          \
    "   max(o.expires_at) FILTER (WHERE o.state = 'unpaid' AND (o.expires_at > $3 OR EXISTS ("     \
    "     SELECT 1 FROM payment q WHERE q.account_id = o.account_id AND q.order_id = o.order_id"   \
    "      AND q.state = 'pending'))) AS open_until,"                                              \
    "   coalesce(bool_or(i.kind = 'electronic' AND o.paid_at IS NOT NULL), false) AS was_bought"   \
    "  FROM order_item i JOIN orders o USING (account_id, order_id)"                               \
    "  WHERE i.account_id = p.account_id AND i.photo_id = p.photo_id AND o.state <> 'closed') "    \
    "held"                                                                                         \
    " WHERE p.account_id = $1 AND p.photo_id = $2"                                                 \
    "  AND coalesce(life.electronic_until, life.print_until, life.draft_until, held.bought_until," \
    "   held.paid_until, held.open_until) IS NOT NULL"

/* The end that counts: of what was bought, else of what is printed, else of the draft. */
#define PHOTO_COLUMNS                                                                              \
    " p.spec, p.subject, p.format, p.width_px, p.height_px, p.dpi, p.bytes, p.etag, p.created_at," \
    " coalesce(greatest(life.electronic_until, held.bought_until),"                                \
    "  greatest(life.print_until, held.paid_until),"                                               \
    "  greatest(life.draft_until, held.open_until)),"                                              \
    " coalesce(life.electronic_until, held.bought_until, life.print_until, held.paid_until)"       \
    "  IS NOT NULL"

static const struct statement photo_select = {"photo_select", "SELECT" PHOTO_COLUMNS PHOTO_LIFE};

/* The copy of that purpose if it is there; before promote, what there is. */
#define PHOTO_FILE(purpose, readable)                                                              \
    "SELECT f.*, best.key_wrapped, b.sealed FROM (SELECT p.account_id, p.photo_id," PHOTO_COLUMNS  \
    ", " readable " AS readable, held.was_bought" PHOTO_LIFE                                       \
    ") f LEFT JOIN LATERAL (SELECT c.* FROM photo_copy c"                                          \
    "  WHERE c.account_id = f.account_id AND c.photo_id = f.photo_id AND f.readable"               \
    "  ORDER BY c.purpose = '" purpose "' AND c.expires_at > $3 DESC, c.expires_at DESC LIMIT 1)"  \
    "  best ON true LEFT JOIN photo_bytes b ON b.drop_day = best.drop_day"                         \
    "  AND b.account_id = best.account_id AND b.photo_id = best.photo_id"                          \
    "  AND b.purpose = best.purpose"

static const struct statement photo_file_select = {
    "photo_file_select",
    PHOTO_FILE("electronic", "coalesce(life.electronic_until, held.bought_until) IS NOT NULL")};
static const struct statement photo_print_select = {
    "photo_print_select",
    PHOTO_FILE("print", "coalesce(life.print_until, held.paid_until) IS NOT NULL")};
static const struct statement photo_any_select = {"photo_any_select", PHOTO_FILE("draft", "true")};

STATEMENTS(photo_statements, &upload_count, &draft_count, &draft_first_end, &photo_insert,
           &copy_insert, &bytes_insert, &photo_select, &photo_file_select, &photo_print_select,
           &photo_any_select);

static void add_photo(struct params *p, int64_t account_id, const struct photo *photo)
{
    add_bigint(p, account_id);
    add_uuid(p, &photo->photo_id);
    add_text(p, photo->spec);
    add_text(p, photo->subject);
    add_text(p, photo->format);
    add_int(p, photo->width_px);
    add_int(p, photo->height_px);
    add_int(p, photo->dpi);
    add_bigint(p, photo->bytes);
    add_text(p, photo->etag);
    add_time(p, photo->created_us);
}

static void add_quota(struct photo_steps *out, int64_t account_id, const struct photo *photo,
                      const struct upload_quota *quota)
{
    add_bigint(&out->upload, account_id);
    add_day(&out->upload, day_of(photo->created_us));
    add_bigint(&out->upload, photo->bytes);
    add_bigint(&out->upload, quota && quota->bytes_a_day ? quota->bytes_a_day : INT64_MAX);
    add_bigint(&out->drafts, account_id);
    add_time(&out->drafts, photo->created_us);
    add_bigint(&out->drafts, quota && quota->drafts ? quota->drafts : INT64_MAX);
}

enum status photo_create_steps(struct store *st, struct arena *a, int64_t account_id,
                               const struct upload_quota *quota, struct photo *photo,
                               struct span file, struct photo_steps *out)
{
    struct record r;
    int32_t last_day = day_of(photo->created_us) + DRAFT_KEY_DAYS;
    photo->photo_id = uuid_new();
    photo->etag = random_base62(arena_alloc(a, 23), 23);
    enum status s = record_new(st->vault, PHOTO_TABLE, account_id, photo->photo_id, last_day, &r);
    if (s != OK)
        return s;

    *out = (struct photo_steps){0};
    add_quota(out, account_id, photo, quota);
    add_photo(&out->photo, account_id, photo);

    add_bigint(&out->copy, account_id);
    add_uuid(&out->copy, &photo->photo_id);
    add_time(&out->copy, photo->expires_us);
    add_day(&out->copy, last_day);
    add_bytes(&out->copy, arena_copy(a, r.wrapped, sizeof r.wrapped), sizeof r.wrapped);

    unsigned char *sealed = arena_alloc(a, file.size + VAULT_SEAL_OVERHEAD);
    vault_seal(&r.key, &r.name, PHOTO_BYTES_COLUMN, file.bytes, file.size, sealed);
    record_wipe(&r);
    add_day(&out->bytes, last_day);
    add_bigint(&out->bytes, account_id);
    add_uuid(&out->bytes, &photo->photo_id);
    add_bytes(&out->bytes, sealed, file.size + VAULT_SEAL_OVERHEAD);

    out->steps[0] = (struct step){&upload_count, &out->upload};
    out->steps[1] = (struct step){&draft_count, &out->drafts};
    out->steps[2] = (struct step){&photo_insert, &out->photo};
    out->steps[3] = (struct step){&copy_insert, &out->copy};
    out->steps[4] = (struct step){&bytes_insert, &out->bytes};
    return OK;
}

enum status photo_first_draft_end(struct store *st, struct arena *a, int64_t account_id,
                                  int64_t now_us, int64_t *end_us)
{
    struct params p = {0};
    struct rows rows;
    add_bigint(&p, account_id);
    add_time(&p, now_us);
    enum status s = db_run(st->db, a, &draft_first_end, &p, &rows);
    if (s == OK && row_is_null(&rows, 0, 0))
        return NOT_FOUND;
    if (s == OK)
        *end_us = row_time_us(&rows, 0, 0);
    return s;
}

/* The columns of PHOTO_COLUMNS from `col` on. */
static struct photo read_photo(const struct rows *rows, int col, const struct uuid *photo_id)
{
    return (struct photo){
        .photo_id = *photo_id,
        .spec = row_text(rows, 0, col),
        .subject = row_text(rows, 0, col + 1),
        .format = row_text(rows, 0, col + 2),
        .width_px = row_int(rows, 0, col + 3),
        .height_px = row_int(rows, 0, col + 4),
        .dpi = row_int(rows, 0, col + 5),
        .bytes = row_bigint(rows, 0, col + 6),
        .etag = row_text(rows, 0, col + 7),
        .created_us = row_time_us(rows, 0, col + 8),
        .expires_us = row_time_us(rows, 0, col + 9),
        .paid = row_bool(rows, 0, col + 10),
    };
}

static enum status select_one(struct store *st, struct arena *a, const struct statement *statement,
                              int64_t account_id, const struct uuid *photo_id, int64_t now_us,
                              struct rows *rows)
{
    struct params p = {0};
    add_bigint(&p, account_id);
    add_uuid(&p, photo_id);
    add_time(&p, now_us);
    enum status s = db_run(st->db, a, statement, &p, rows);
    if (s == OK && rows->count == 0)
        return NOT_FOUND;
    return s;
}

enum status photo_read(struct store *st, struct arena *a, int64_t account_id,
                       const struct uuid *photo_id, int64_t now_us, struct photo *out)
{
    struct rows rows;
    enum status s = select_one(st, a, &photo_select, account_id, photo_id, now_us, &rows);
    if (s == OK)
        *out = read_photo(&rows, 0, photo_id);
    return s;
}

static enum status open_file(struct store *st, struct arena *a, int64_t account_id,
                             const struct uuid *photo_id, const struct rows *rows, int wrapped_col,
                             struct span *file)
{
    size_t n;
    const unsigned char *sealed = row_bytes(rows, 0, wrapped_col + 1, &n);
    if (!sealed || n < VAULT_SEAL_OVERHEAD)
        return NOT_FOUND;
    struct record r;
    enum status s =
        record_open(st->vault, PHOTO_TABLE, account_id, *photo_id, rows, 0, wrapped_col, &r);
    if (s != OK)
        return s;
    unsigned char *plain = arena_alloc(a, n - VAULT_SEAL_OVERHEAD);
    s = vault_unseal(&r.key, &r.name, PHOTO_BYTES_COLUMN, sealed, n, plain);
    record_wipe(&r);
    if (s == OK)
        *file = (struct span){plain, n - VAULT_SEAL_OVERHEAD};
    return s;
}

static enum status read_file(struct store *st, struct arena *a, const struct statement *statement,
                             int64_t account_id, const struct uuid *photo_id, int64_t now_us,
                             struct photo *photo, struct span *file)
{
    struct rows rows;
    enum status s = select_one(st, a, statement, account_id, photo_id, now_us, &rows);
    if (s != OK)
        return s;
    struct photo found = read_photo(&rows, 2, photo_id);
    bool readable = row_bool(&rows, 0, 13), was_bought = row_bool(&rows, 0, 14);
    if (!readable)
        return was_bought ? NOT_FOUND : CONFLICT;
    s = open_file(st, a, account_id, photo_id, &rows, 15, file);
    if (s == OK)
        *photo = found;
    return s;
}

enum status photo_read_file(struct store *st, struct arena *a, int64_t account_id,
                            const struct uuid *photo_id, int64_t now_us, struct photo *photo,
                            struct span *file)
{
    return read_file(st, a, &photo_file_select, account_id, photo_id, now_us, photo, file);
}

enum status photo_read_print(struct store *st, struct arena *a, int64_t account_id,
                             const struct uuid *photo_id, int64_t now_us, struct photo *photo,
                             struct span *file)
{
    enum status s =
        read_file(st, a, &photo_print_select, account_id, photo_id, now_us, photo, file);
    return s == CONFLICT ? NOT_FOUND : s;
}

enum status photo_read_any(struct store *st, struct arena *a, int64_t account_id,
                           const struct uuid *photo_id, int64_t now_us, struct photo *photo,
                           struct span *file)
{
    return read_file(st, a, &photo_any_select, account_id, photo_id, now_us, photo, file);
}
