/* SPDX-License-Identifier: MIT */
/* The forward ratchet: what it forgets, and that nothing else is ever lost. */
#include "vault_place.h"

#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "vault/ratchet.h"

enum { STATE_AT = 16, STATE_BYTES = 32, NAME_ROW = 7 };

static struct place place;
static struct vault *vault;

static void set_up(void)
{
    place = place_new();
    vault = place_open(&place);
}

static void tear_down(void)
{
    vault_close(vault);
    place_remove(&place);
}

TestSuite(ratchet, .init = set_up, .fini = tear_down, .timeout = 60);

struct state {
    unsigned char bytes[STATE_BYTES];
};

static struct state state_on_disk(const struct place *p)
{
    unsigned char file[64];
    struct state s;
    cr_assert_eq(file_read(p->ratchet, file, sizeof file), 64);
    memcpy(s.bytes, file + STATE_AT, STATE_BYTES);
    return s;
}

/* How often a state occurs in any file of the ratchet's folder. */
static int occurrences(const struct place *p, const struct state *s)
{
    char path[512];
    int n = 0;
    snprintf(path, sizeof path, "%s/ratchet", p->dir);
    DIR *d = opendir(path);
    cr_assert(d);
    for (struct dirent *e; (e = readdir(d));) {
        unsigned char bytes[4096];
        snprintf(path, sizeof path, "%s/ratchet/%s", p->dir, e->d_name);
        if (e->d_name[0] != '.')
            n += memmem(bytes, file_read(path, bytes, sizeof bytes), s->bytes, STATE_BYTES) != NULL;
    }
    closedir(d);
    return n;
}

static int files_in_ratchet_folder(void)
{
    char path[512];
    int n = 0;
    snprintf(path, sizeof path, "%s/ratchet", place.dir);
    DIR *d = opendir(path);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static struct data_key wrap_on(int32_t day, unsigned char wrapped[VAULT_WRAPPED_BYTES])
{
    struct record_name name = record_of("photo", 42, NAME_ROW);
    struct data_key key;
    cr_assert_eq(vault_key_new(vault, &name, day, &key, wrapped), OK);
    return key;
}

static enum status open_with(struct vault *v, const unsigned char wrapped[VAULT_WRAPPED_BYTES],
                             struct data_key *key)
{
    struct record_name name = record_of("photo", 42, NAME_ROW);
    return vault_key_open(v, &name, wrapped, VAULT_WRAPPED_BYTES, key);
}

/* --- the chain --- */

Test(ratchet, states_and_day_keys_are_what_another_blake2b_computes)
{
    /* The state 00..1f. Expected values: Python's hashlib.blake2b(key=state, digest_size=32) of
     * "ratchet", repeated, and of "day key" for days 0, 1, 447, 448 and 4000. */
    unsigned char file[64], expected[32], got[32];
    static const unsigned char day[4] = {0, 0, 0, 100};
    memcpy(file, "idpratch", 8);
    memcpy(file + 8, day, 4);
    memcpy(file + 12, "\0\0\0\1", 4);
    for (int i = 0; i < STATE_BYTES; i++)
        file[STATE_AT + i] = (unsigned char)i;
    crypto_generichash(file + 48, 16, file, 48, NULL, 0);
    file_write(place.ratchet, file, sizeof file, 0600);

    struct ratchet *r;
    char why[256] = "";
    cr_assert_eq(ratchet_open(place.ratchet, &r, why, sizeof why), OK, "%s", why);
    static const struct {
        int32_t day;
        const char *key;
    } keys[] = {
        {100, "0d492d6b38d2fd0f5db7754dbbda2514cab988f898c1a356d45ccdd08dc7b1a7"},
        {101, "6ca63b37b6e38e4f2a9e69e19263f1d093e0757321c385414cb9ca3dbbbe227e"},
        {547, "1fe96c0486719348c7b44962f3cb442553c978c9ad5ba52efddef4d4cf6d8a75"},
        {548, "9b74118865bbc7ee1cacdf2d98488550182fff610cb8f537130062abe357bc22"},
        {4100, "11695da4d1a7b3e0fe0c80da553e6afa6f3b9ef15445af6b01772fdd97e41e40"},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        sodium_hex2bin(expected, 32, keys[i].key, 64, NULL, NULL, NULL);
        cr_assert_eq(ratchet_day_key(r, keys[i].day, got), OK);
        cr_assert_arr_eq(got, expected, 32, "day %d", keys[i].day);
    }
    cr_assert_eq(ratchet_step(r, 101), OK);
    sodium_hex2bin(expected, 32, "db3fe237b65dcb6dfe38a27089aa829b015e9378e47f59c14f802024d5365473",
                   64, NULL, NULL, NULL);
    struct state s = state_on_disk(&place);
    cr_assert_arr_eq(s.bytes, expected, 32);
    sodium_hex2bin(expected, 32, keys[3].key, 64, NULL, NULL, NULL);
    cr_assert_eq(ratchet_day_key(r, 548, got), OK);
    cr_assert_arr_eq(got, expected, 32);
    ratchet_close(r);
}

Test(ratchet, yesterdays_wrapped_key_does_not_open_with_anything_on_disk)
{
    unsigned char yesterday[VAULT_WRAPPED_BYTES], today[VAULT_WRAPPED_BYTES];
    struct data_key key;
    wrap_on(FIRST_DAY, yesterday);
    struct data_key kept = wrap_on(FIRST_DAY + 1, today);
    struct state former = state_on_disk(&place);
    cr_assert_eq(occurrences(&place, &former), 1);

    cr_assert_eq(vault_ratchet_step(vault, FIRST_DAY + 1), OK);
    cr_assert_eq(vault_ratchet_day(vault), FIRST_DAY + 1);
    cr_assert_eq(open_with(vault, yesterday, &key), DENIED);
    vault_close(vault);
    vault = place_open(&place);
    cr_assert_eq(vault_ratchet_day(vault), FIRST_DAY + 1);
    cr_assert_eq(open_with(vault, yesterday, &key), DENIED);
    cr_assert_eq(open_with(vault, today, &key), OK);
    cr_assert_arr_eq(key.bytes, kept.bytes, sizeof key.bytes);
    cr_assert_eq(occurrences(&place, &former), 0);
    cr_assert_eq(files_in_ratchet_folder(), 1);

    /* nor when the day in the wrapped key is changed to one that the ratchet still knows */
    for (int32_t day = FIRST_DAY + 1; day < FIRST_DAY + 500; day++) {
        yesterday[5] = (unsigned char)(day >> 8);
        yesterday[6] = (unsigned char)day;
        cr_assert_eq(open_with(vault, yesterday, &key), DENIED);
    }
}

Test(ratchet, a_present_state_that_is_passed_off_as_an_earlier_day_opens_nothing_of_that_day)
{
    unsigned char old[VAULT_WRAPPED_BYTES], file[64];
    struct data_key key;
    wrap_on(FIRST_DAY, old);
    cr_assert_eq(vault_ratchet_step(vault, FIRST_DAY + 1), OK);
    file_read(place.ratchet, file, sizeof file);
    file[11] = (unsigned char)FIRST_DAY; /* the day's last byte, and the checksum to go with it */
    crypto_generichash(file + 48, 16, file, 48, NULL, 0);
    file_write(place.ratchet, file, sizeof file, 0600);
    vault_close(vault);
    vault = place_open(&place);
    cr_assert_eq(vault_ratchet_day(vault), FIRST_DAY);
    cr_assert_eq(open_with(vault, old, &key), DENIED);
}

Test(ratchet, the_old_inode_is_overwritten_even_where_someone_still_holds_it)
{
    struct state former = state_on_disk(&place);
    unsigned char bytes[64];
    int held = open(place.ratchet, O_RDONLY);
    cr_assert_eq(vault_ratchet_step(vault, FIRST_DAY + 3), OK);
    cr_assert_eq(pread(held, bytes, sizeof bytes, 0), 64);
    cr_assert_null(memmem(bytes, sizeof bytes, former.bytes, STATE_BYTES));
    close(held);
}

Test(ratchet, it_moves_forward_only)
{
    cr_assert_eq(vault_ratchet_step(vault, FIRST_DAY), INVALID);
    cr_assert_eq(vault_ratchet_step(vault, FIRST_DAY - 1), INVALID);
    cr_assert_eq(vault_ratchet_step(vault, INT32_MAX), INVALID);
    cr_assert_eq(vault_ratchet_step(vault, FIRST_DAY + 2), OK);
    cr_assert_eq(vault_ratchet_step(vault, FIRST_DAY + 1), INVALID);
    cr_assert_eq(vault_ratchet_day(vault), FIRST_DAY + 2);
}

Test(ratchet, no_row_can_be_sealed_for_a_day_that_is_erased)
{
    struct record_name name = record_of("photo", 42, NAME_ROW);
    unsigned char wrapped[VAULT_WRAPPED_BYTES], index[VAULT_INDEX_BYTES];
    struct data_key key;
    cr_assert_eq(vault_ratchet_step(vault, FIRST_DAY + 1), OK);
    cr_assert_eq(vault_key_new(vault, &name, FIRST_DAY, &key, wrapped), INVALID);
    cr_assert_eq(vault_blind_index(vault, "phone", "1", 1, FIRST_DAY, index), INVALID);
}

Test(ratchet, a_blind_index_of_a_later_day_survives_a_step)
{
    unsigned char before[VAULT_INDEX_BYTES], after[VAULT_INDEX_BYTES];
    for (int32_t day = FIRST_DAY + 5; day < FIRST_DAY + 900; day += 111) {
        cr_assert_eq(vault_blind_index(vault, "phone", "1", 1, day, before), OK);
        cr_assert_eq(vault_ratchet_step(vault, vault_ratchet_day(vault) + 1), OK);
        cr_assert_eq(vault_blind_index(vault, "phone", "1", 1, day, after), OK);
        cr_assert_arr_eq(before, after, sizeof before);
    }
}

/* --- several hosts, several processes --- */

static void copy_keys(const struct place *from, const struct place *to)
{
    unsigned char bytes[64];
    file_read(from->master, bytes, sizeof bytes);
    file_write(to->master, bytes, sizeof bytes, 0400);
    file_read(from->ratchet, bytes, sizeof bytes);
    file_write(to->ratchet, bytes, sizeof bytes, 0600);
}

Test(ratchet, two_hosts_that_step_apart_agree_on_every_later_day)
{
    struct place far = place_new();
    copy_keys(&place, &far);
    struct vault *other = place_open(&far);
    unsigned char wrapped[VAULT_WRAPPED_BYTES], a[VAULT_INDEX_BYTES], b[VAULT_INDEX_BYTES];
    struct data_key key;
    for (int32_t day = FIRST_DAY + 1; day <= FIRST_DAY + 10; day++) /* day by day here, */
        cr_assert_eq(vault_ratchet_step(vault, day), OK);
    cr_assert_eq(vault_ratchet_step(other, FIRST_DAY + 4), OK); /* at one go there */
    for (int32_t day = FIRST_DAY + 10; day < FIRST_DAY + 600; day += 37) {
        struct data_key mine = wrap_on(day, wrapped);
        cr_assert_eq(open_with(other, wrapped, &key), OK, "day %d", day);
        cr_assert_arr_eq(key.bytes, mine.bytes, sizeof key.bytes);
        cr_assert_eq(vault_blind_index(vault, "openid", "o", 1, day, a), OK);
        cr_assert_eq(vault_blind_index(other, "openid", "o", 1, day, b), OK);
        cr_assert_arr_eq(a, b, sizeof a);
    }
    cr_assert_eq(vault_ratchet_step(other, FIRST_DAY + 10), OK);
    struct state here = state_on_disk(&place), there = state_on_disk(&far);
    cr_assert_arr_eq(here.bytes, there.bytes, STATE_BYTES);
    vault_close(other);
    place_remove(&far);
}

Test(ratchet, a_second_process_of_the_host_notices_a_step_at_once)
{
    struct vault *other = place_open(&place);
    unsigned char old[VAULT_WRAPPED_BYTES], live[VAULT_WRAPPED_BYTES];
    struct record_name name = record_of("photo", 42, NAME_ROW);
    struct data_key key;
    wrap_on(FIRST_DAY, old);
    wrap_on(FIRST_DAY + 9, live);
    cr_assert_eq(open_with(other, old, &key), OK);
    cr_assert_eq(vault_ratchet_step(vault, FIRST_DAY + 1), OK);
    cr_assert_eq(open_with(other, old, &key), DENIED);
    cr_assert_eq(vault_key_new(other, &name, FIRST_DAY, &key, old), INVALID);
    cr_assert_eq(open_with(other, live, &key), OK);
    cr_assert_eq(vault_ratchet_day(other), FIRST_DAY + 1);
    cr_assert_eq(vault_ratchet_step(other, FIRST_DAY + 2), OK);
    cr_assert_eq(vault_ratchet_day(vault), FIRST_DAY + 2);
    cr_assert_eq(open_with(vault, live, &key), OK);
    vault_close(other);
}

Test(ratchet, two_processes_that_step_to_the_same_day_both_succeed)
{
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct vault *v = NULL;
            bool ok = vault_open(place.master, place.ratchet, &v, NULL, 0) == OK;
            for (int32_t day = FIRST_DAY + 1; ok && day <= FIRST_DAY + 50; day++)
                ok = vault_ratchet_step(v, day) == OK || vault_ratchet_day(v) >= day;
            _exit(ok ? 0 : 1);
        }
    }
    for (int i = 0; i < 2; i++) {
        int how;
        cr_assert_eq(waitpid(children[i], &how, 0), children[i]);
        cr_assert(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    }
    cr_assert_eq(vault_ratchet_day(vault), FIRST_DAY + 50);
    cr_assert_eq(files_in_ratchet_folder(), 1);
}

Test(ratchet, a_foreign_or_earlier_state_put_in_place_is_not_followed)
{
    struct place stranger = place_new();
    unsigned char mine[64], foreign[64], wrapped[VAULT_WRAPPED_BYTES];
    struct data_key key;
    file_read(place.ratchet, mine, 64);
    file_read(stranger.ratchet, foreign, 64);
    wrap_on(FIRST_DAY + 9, wrapped);
    cr_assert_eq(vault_ratchet_step(vault, FIRST_DAY + 1), OK);
    unsigned char later[64];
    struct vault *other = place_open(&stranger);
    cr_assert_eq(vault_ratchet_step(other, FIRST_DAY + 5), OK);
    vault_close(other);
    file_read(stranger.ratchet, later, 64);
    const unsigned char *wrong[] = {foreign, mine, later};
    for (size_t i = 0; i < 3; i++) {
        file_write(place.ratchet, wrong[i], 64, 0600);
        cr_assert_eq(vault_ratchet_day(vault), FIRST_DAY + 1);
        cr_assert_eq(open_with(vault, wrapped, &key), OK);
        cr_assert_eq(vault_ratchet_step(vault, FIRST_DAY + 2), CONFLICT);
    }
    cr_assert_eq(unlink(place.ratchet), 0);
    cr_assert_eq(open_with(vault, wrapped, &key), OK, "a lost file does not stop the service");
    cr_assert_neq(vault_ratchet_step(vault, FIRST_DAY + 2), OK);
    place_remove(&stranger);
}

/* --- a step that is cut short --- */

static int calls_left;

static void die_at_call(void)
{
    if (calls_left-- == 0)
        kill(getpid(), SIGKILL);
}

/* Steps in a child that is killed at the nth seam; tells whether it was. */
static bool killed_in_step(int nth, int32_t day)
{
    pid_t child = fork();
    if (child == 0) {
        struct vault *v = NULL;
        if (vault_open(place.master, place.ratchet, &v, NULL, 0) != OK)
            _exit(2);
        calls_left = nth;
        ratchet_between_calls = die_at_call;
        _exit(vault_ratchet_step(v, day) == OK ? 0 : 1);
    }
    int how;
    cr_assert_eq(waitpid(child, &how, 0), child);
    cr_assert(WIFSIGNALED(how) || WEXITSTATUS(how) == 0, "the step failed");
    return WIFSIGNALED(how);
}

/* After any crash: the file loads, holds the old state or the new one, and the other is nowhere. */
static void check_recovery(int32_t from, const struct state *former, const unsigned char *live)
{
    struct data_key key;
    struct vault *v = place_open(&place);
    int32_t day = vault_ratchet_day(v);
    cr_assert(day == from || day == from + 1, "day %d", day);
    cr_assert_eq(open_with(v, live, &key), OK);
    cr_assert_eq(files_in_ratchet_folder(), 1, "nothing is left lying about");
    cr_assert_eq(occurrences(&place, former), day == from ? 1 : 0);
    if (day == from)
        cr_assert_eq(vault_ratchet_step(v, from + 1), OK);
    cr_assert_eq(occurrences(&place, former), 0);
    vault_close(v);
}

Test(ratchet, a_kill_at_any_point_of_a_step_leaves_a_file_that_loads_and_no_former_state)
{
    unsigned char live[VAULT_WRAPPED_BYTES];
    wrap_on(FIRST_DAY + 100, live);
    int32_t from = FIRST_DAY;
    int nth = 0;
    for (;; nth++, from++) {
        struct state former = state_on_disk(&place);
        bool killed = killed_in_step(nth, from + 1);
        check_recovery(from, &former, live);
        if (!killed)
            break;
    }
    cr_assert_geq(nth, 8, "only %d seams", nth);
}

Test(ratchet, a_kill_at_any_point_leaves_no_inode_with_a_former_state_that_is_not_overwritten)
{
    int32_t from = FIRST_DAY;
    for (int nth = 0;; nth++, from++) {
        unsigned char bytes[64];
        struct state former = state_on_disk(&place);
        int held = open(place.ratchet, O_RDONLY); /* the blocks, whatever name they have */
        bool killed = killed_in_step(nth, from + 1);
        struct vault *v = place_open(&place);
        if (vault_ratchet_day(v) == from)
            cr_assert_eq(vault_ratchet_step(v, from + 1), OK);
        vault_close(v);
        cr_assert_eq(pread(held, bytes, sizeof bytes, 0), 64);
        cr_assert_null(memmem(bytes, sizeof bytes, former.bytes, STATE_BYTES), "seam %d", nth);
        close(held);
        if (!killed)
            break;
    }
}

Test(ratchet, a_kill_in_the_middle_of_tidying_up_is_tidied_up_too)
{
    unsigned char live[VAULT_WRAPPED_BYTES];
    wrap_on(FIRST_DAY + 400, live);
    int32_t from = FIRST_DAY;
    for (int first = 0;; first++) {
        for (int second = 0; second < 6; second++, from++) {
            struct state former = state_on_disk(&place);
            if (!killed_in_step(first, from + 1))
                return; /* past the last seam */
            pid_t child = fork();
            if (child == 0) {
                struct vault *v;
                calls_left = second;
                ratchet_between_calls = die_at_call;
                _exit(vault_open(place.master, place.ratchet, &v, NULL, 0) == OK ? 0 : 1);
            }
            int how;
            cr_assert_eq(waitpid(child, &how, 0), child);
            check_recovery(from, &former, live);
        }
    }
}

Test(ratchet, kills_at_random_moments_lose_nothing)
{
    unsigned char live[VAULT_WRAPPED_BYTES];
    struct data_key key;
    wrap_on(FIRST_DAY + 3900, live);
    for (int round = 0; round < 40; round++) {
        pid_t child = fork();
        if (child == 0) {
            struct vault *v = NULL;
            if (vault_open(place.master, place.ratchet, &v, NULL, 0) != OK)
                _exit(2);
            for (;;)
                if (vault_ratchet_step(v, vault_ratchet_day(v) + 1) != OK)
                    _exit(1);
        }
        usleep(2000 + randombytes_uniform(15000));
        kill(child, SIGKILL);
        int how;
        cr_assert_eq(waitpid(child, &how, 0), child);
        cr_assert(WIFSIGNALED(how), "the child gave up with %d", WEXITSTATUS(how));
        struct vault *v = place_open(&place);
        cr_assert_eq(open_with(v, live, &key), OK, "round %d", round);
        vault_close(v);
        cr_assert_eq(files_in_ratchet_folder(), 1);
    }
    cr_assert_gt(vault_ratchet_day(vault), FIRST_DAY);
}

Test(ratchet, a_leftover_of_a_crash_is_overwritten_before_it_is_unlinked)
{
    char fresh[256], former[256];
    unsigned char bytes[64];
    file_read(place.ratchet, bytes, 64);
    snprintf(fresh, sizeof fresh, "%s.new", place.ratchet);
    snprintf(former, sizeof former, "%s.old", place.ratchet);
    file_write(fresh, bytes, 40, 0600); /* torn */
    file_write(former, bytes, 64, 0600);
    int held[] = {open(fresh, O_RDONLY), open(former, O_RDONLY)};
    vault_close(place_open(&place));
    for (size_t i = 0; i < 2; i++) {
        unsigned char now[64] = {0};
        cr_assert_geq(pread(held[i], now, sizeof now, 0), 40);
        cr_assert_arr_neq(now + STATE_AT, bytes + STATE_AT, 24);
        close(held[i]);
    }
    cr_assert_neq(access(fresh, F_OK), 0);
    cr_assert_neq(access(former, F_OK), 0);
}

Test(ratchet, a_step_goes_on_where_another_process_was_killed_in_one)
{
    for (int nth = 0; nth < 12; nth++) {
        int32_t day = vault_ratchet_day(vault);
        struct state former = state_on_disk(&place);
        killed_in_step(nth, day + 1);
        if (vault_ratchet_day(vault) == day)
            cr_assert_eq(vault_ratchet_step(vault, day + 1), OK, "after seam %d", nth);
        cr_assert_eq(vault_ratchet_step(vault, day + 2), OK, "after seam %d", nth);
        cr_assert_eq(occurrences(&place, &former), 0);
        cr_assert_eq(files_in_ratchet_folder(), 1);
    }
}

Test(ratchet, a_disk_that_refuses_leaves_the_present_state_in_force)
{
    unsigned char live[VAULT_WRAPPED_BYTES];
    struct data_key key;
    char fresh[256];
    wrap_on(FIRST_DAY, live);
    snprintf(fresh, sizeof fresh, "%s.new", place.ratchet);
    cr_assert_eq(mkdir(fresh, 0700), 0); /* in the way of the new file */
    cr_assert_eq(vault_ratchet_step(vault, FIRST_DAY + 1), UNAVAILABLE);
    cr_assert_eq(vault_ratchet_day(vault), FIRST_DAY);
    cr_assert_eq(open_with(vault, live, &key), OK);
    cr_assert_eq(rmdir(fresh), 0);
    cr_assert_eq(vault_ratchet_step(vault, FIRST_DAY + 1), OK);
}

/* --- threads --- */

static _Atomic bool stepping_done;
static _Atomic int opened;

static void *use_keys(void *unused)
{
    (void)unused;
    struct record_name name = record_of("photo", 42, NAME_ROW);
    while (!atomic_load(&stepping_done)) {
        unsigned char wrapped[VAULT_WRAPPED_BYTES], moved[VAULT_WRAPPED_BYTES];
        unsigned char index[VAULT_INDEX_BYTES];
        struct data_key key, again;
        int32_t day = FIRST_DAY + 100 + (int32_t)randombytes_uniform(600);
        cr_assert_eq(vault_key_new(vault, &name, day, &key, wrapped), OK);
        cr_assert_eq(vault_key_rewrap(vault, &name, wrapped, sizeof wrapped, day + 1, moved), OK);
        cr_assert_eq(open_with(vault, moved, &again), OK);
        cr_assert_arr_eq(key.bytes, again.bytes, sizeof key.bytes);
        cr_assert_eq(vault_blind_index(vault, "phone", "1", 1, day, index), OK);
        cr_assert_geq(vault_ratchet_day(vault), FIRST_DAY);
        cr_assert_geq(vault_newest_master(vault), 1);
        atomic_fetch_add(&opened, 1);
    }
    return NULL;
}

Test(ratchet, threads_wrap_and_unwrap_while_it_steps_and_masters_rotate)
{
    pthread_t threads[4];
    struct vault *other = place_open(&place); /* as another process would */
    char why[256];
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, use_keys, NULL), 0);
    for (int32_t day = FIRST_DAY + 1; day <= FIRST_DAY + 60; day++) {
        cr_assert_eq(vault_ratchet_step(day % 2 ? vault : other, day), OK);
        if (day % 20 == 0) {
            place_rotate(&place);
            cr_assert_eq(vault_reload_masters(vault, why, sizeof why), OK);
        }
    }
    atomic_store(&stepping_done, true);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    vault_close(other);
    cr_assert_gt(atomic_load(&opened), 0);
    cr_assert_eq(vault_ratchet_day(vault), FIRST_DAY + 60);
    cr_assert_eq(vault_newest_master(vault), 4);
}

/* --- escrow --- */

Test(ratchet, an_escrow_copy_brings_back_what_a_lost_disk_took)
{
    char copy[256], why[256] = "";
    unsigned char live[VAULT_WRAPPED_BYTES], bytes[64];
    struct data_key key;
    struct stat st;
    wrap_on(FIRST_DAY + 2, live);
    snprintf(copy, sizeof copy, "%s/escrow", place.dir);
    cr_assert_eq(vault_ratchet_escrow(vault, copy, why, sizeof why), OK, "%s", why);
    cr_assert_eq(vault_ratchet_escrow(vault, copy, why, sizeof why), CONFLICT);
    cr_assert_eq(stat(copy, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0400);
    cr_assert_eq(unlink(place.ratchet), 0);
    vault_close(vault);
    file_read(copy, bytes, 64);
    file_write(place.ratchet, bytes, 64, 0600);
    vault = place_open(&place);
    cr_assert_eq(open_with(vault, live, &key), OK);
}
