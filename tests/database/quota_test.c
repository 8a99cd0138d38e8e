/* SPDX-License-Identifier: MIT */
/* What an account may keep: so many live drafts, so many bytes a day, also when many come at once.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "fixture.h"

enum { THREADS = 8, DRAFTS = 3 };

static int64_t account;

static void open_account(void)
{
    world_up();
    account = new_account();
}

TestSuite(quota, .init = open_account, .fini = world_down, .timeout = 60);

static const struct upload_quota three_drafts = {.drafts = DRAFTS};
static const struct upload_quota three_files = {.bytes_a_day = DRAFTS * PICTURE_BYTES};

static enum status upload(const struct upload_quota *quota, int64_t at_us)
{
    struct uuid id;
    return try_photo(&w.st, account, quota, at_us, &id);
}

static int64_t photos(void)
{
    return rows_of_sql("SELECT count(*) FROM photo");
}

Test(quota, one_draft_more_than_allowed_is_refused_until_one_ends)
{
    int64_t end_us;
    is(photo_first_draft_end(&w.st, w.a, account, w.now_us, &end_us), NOT_FOUND);
    for (int i = 0; i < DRAFTS; i++)
        is(upload(&three_drafts, w.now_us + i), OK);
    is(upload(&three_drafts, w.now_us + DRAFTS), CONFLICT);
    cr_assert(db_refused_by(w.st.db, PHOTO_TOO_MANY_DRAFTS));
    is(photos(), DRAFTS);
    is(photo_first_draft_end(&w.st, w.a, account, w.now_us + DRAFTS, &end_us), OK);
    is(end_us, w.now_us + DRAFT_US);
    is(upload(&three_drafts, end_us - 1), CONFLICT);
    is(upload(&three_drafts, end_us), OK);
}

Test(quota, another_account_has_its_own)
{
    struct uuid id;
    for (int i = 0; i < DRAFTS; i++)
        is(upload(&three_drafts, w.now_us), OK);
    is(upload(&three_drafts, w.now_us), CONFLICT);
    is(try_photo(&w.st, new_account(), &three_drafts, w.now_us, &id), OK);
}

/* START_US is noon in Shanghai. */
Test(quota, bytes_are_counted_by_the_day_of_shanghai)
{
    for (int i = 0; i < DRAFTS; i++)
        is(upload(&three_files, w.now_us), OK);
    is(upload(&three_files, w.now_us), CONFLICT);
    cr_assert(db_refused_by(w.st.db, PHOTO_TOO_MANY_BYTES));
    is(upload(&three_files, w.now_us + 12 * HOUR_US - 1), CONFLICT);
    is(rows_of_sql("SELECT upload_bytes FROM account"), DRAFTS * PICTURE_BYTES);
    is(upload(&three_files, w.now_us + 12 * HOUR_US), OK);
    is(rows_of_sql("SELECT upload_bytes FROM account"), PICTURE_BYTES);
}

Test(quota, a_refused_upload_counts_nothing)
{
    for (int i = 0; i < DRAFTS; i++)
        is(upload(&three_drafts, w.now_us), OK);
    is(upload(&three_drafts, w.now_us), CONFLICT);
    is(rows_of_sql("SELECT upload_bytes FROM account"), DRAFTS * PICTURE_BYTES);
}

/* ---- together ---- */

static const struct upload_quota *together;
static atomic_int kept, refused;

static void *upload_beside_others(void *unused)
{
    struct store st = store_new();
    for (int i = 0; i < DRAFTS; i++) {
        struct uuid id;
        enum status s = try_photo(&st, account, together, w.now_us, &id);
        cr_assert(s == OK || s == CONFLICT, "%s", status_name(s));
        atomic_fetch_add(s == OK ? &kept : &refused, 1);
    }
    store_free(&st);
    return unused;
}

static void upload_together(const struct upload_quota *quota)
{
    pthread_t threads[THREADS];
    together = quota;
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, upload_beside_others, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    is(atomic_load(&kept), DRAFTS);
    is(atomic_load(&refused), (THREADS - 1) * DRAFTS);
    is(photos(), DRAFTS);
}

Test(quota, uploads_that_come_together_keep_no_draft_too_many)
{
    upload_together(&three_drafts);
}

Test(quota, uploads_that_come_together_keep_no_byte_too_many)
{
    upload_together(&three_files);
}
