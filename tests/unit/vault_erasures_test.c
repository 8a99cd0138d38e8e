/* SPDX-License-Identifier: MIT */
/* What people had erased stays erased, also after a restore. */
#include "vault_place.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "vault/erasures.h"

static struct place place;
static struct vault *vault;
static char log_file[160];

static void set_up(void)
{
    place = place_new();
    vault = place_open(&place);
    snprintf(log_file, sizeof log_file, "%s/ratchet/erasures.log", place.dir);
}

static void tear_down(void)
{
    vault_close(vault);
    place_remove(&place);
}

TestSuite(erasures, .init = set_up, .fini = tear_down, .timeout = 30);

static struct erasure erasure_of(int row, int32_t day)
{
    return (struct erasure){.name = record_of("photo", 42, row), .key_day = day};
}

static void append(int row, int32_t day)
{
    struct erasure e = erasure_of(row, day);
    cr_assert_eq(erasures_append(vault, &e, 1), OK);
}

static struct erasure_set *load(size_t expected)
{
    struct erasure_set *set = NULL;
    cr_assert_eq(erasures_load(vault, &set), OK);
    cr_assert_eq(erasures_count(set), expected, "%zu, not %zu", erasures_count(set), expected);
    return set;
}

static bool contains(const struct erasure_set *set, int row)
{
    struct record_name name = record_of("photo", 42, row);
    return erasures_contains(set, vault, &name);
}

Test(erasures, none_is_a_set_too)
{
    struct erasure_set *set = load(0);
    cr_assert_not(contains(set, 1));
    erasures_free(set);
    cr_assert_eq(erasures_append(vault, NULL, 0), OK);
    cr_assert_eq(erasures_trim(vault, FIRST_DAY), OK);
    cr_assert_neq(access(log_file, F_OK), 0);
}

Test(erasures, they_survive_a_reopen_and_are_found)
{
    struct erasure batch[100];
    for (int i = 0; i < 100; i++)
        batch[i] = erasure_of(2 * i, FIRST_DAY + i % 31);
    cr_assert_eq(erasures_append(vault, batch, 60), OK);
    cr_assert_eq(erasures_append(vault, batch + 60, 40), OK);
    vault_close(vault);
    vault = place_open(&place);
    struct erasure_set *set = load(100);
    for (int i = 0; i < 100; i++) {
        cr_assert(contains(set, 2 * i));
        cr_assert_not(contains(set, 2 * i + 1));
    }
    struct record_name other = record_of("order", 42, 2);
    cr_assert_not(erasures_contains(set, vault, &other));
    other = record_of("photo", 43, 2);
    cr_assert_not(erasures_contains(set, vault, &other));
    erasures_free(set);
}

Test(erasures, they_are_found_after_a_master_rotation_and_a_step)
{
    append(1, FIRST_DAY + 5);
    place_rotate(&place);
    cr_assert_eq(vault_ratchet_step(vault, FIRST_DAY + 2), OK);
    vault_close(vault);
    vault = place_open(&place);
    struct erasure_set *set = load(1);
    cr_assert(contains(set, 1));
    erasures_free(set);
}

Test(erasures, one_said_twice_counts_once)
{
    append(1, FIRST_DAY);
    append(1, FIRST_DAY);
    erasures_free(load(1));
}

Test(erasures, the_log_holds_days_and_hashes_and_no_ids)
{
    append(0x41, FIRST_DAY);
    unsigned char text[256] = {0};
    struct stat st;
    size_t n = file_read(log_file, text, sizeof text - 1);
    cr_assert_eq(n, strlen("20780 ") + 44 + 1);
    cr_assert_eq(strncmp((char *)text, "20780 ", 6), 0);
    cr_assert_null(strstr((char *)text, "photo"));
    cr_assert_null(strstr((char *)text, "AAAAAAAA"));
    cr_assert_eq(stat(log_file, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0600);
}

Test(erasures, days_that_the_ratchet_has_passed_are_trimmed)
{
    for (int i = 0; i < 10; i++)
        append(i, FIRST_DAY + i);
    cr_assert_eq(erasures_trim(vault, FIRST_DAY + 4), OK);
    struct erasure_set *set = load(6);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(contains(set, i), i >= 4);
    erasures_free(set);
    append(20, FIRST_DAY + 20);
    erasures_free(load(7));
    cr_assert_eq(erasures_trim(vault, FIRST_DAY + 30), OK);
    erasures_free(load(0));
    append(21, FIRST_DAY + 31);
    erasures_free(load(1));
}

Test(erasures, a_line_torn_by_a_crash_is_not_counted_and_not_glued_to_the_next)
{
    unsigned char text[256];
    append(1, FIRST_DAY);
    append(2, FIRST_DAY);
    size_t n = file_read(log_file, text, sizeof text);
    for (size_t cut = n / 2; cut < n; cut++) {
        file_write(log_file, text, cut, 0600);
        erasures_free(load(1));
        append(3, FIRST_DAY);
        struct erasure_set *set = load(2);
        cr_assert(contains(set, 1));
        cr_assert_not(contains(set, 2));
        cr_assert(contains(set, 3));
        erasures_free(set);
    }
}

Test(erasures, a_full_disk_takes_a_batch_whole_or_not_at_all)
{
    struct erasure batch[10];
    struct rlimit small = {.rlim_cur = 51 * 4 + 20, .rlim_max = RLIM_INFINITY};
    struct rlimit roomy = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    for (int i = 0; i < 10; i++)
        batch[i] = erasure_of(10 + i, FIRST_DAY);
    append(1, FIRST_DAY);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    cr_assert_eq(erasures_append(vault, batch, 10), UNAVAILABLE);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &roomy), 0);
    struct erasure_set *set = load(1);
    cr_assert(contains(set, 1));
    erasures_free(set);
    cr_assert_eq(erasures_append(vault, batch, 10), OK);
    erasures_free(load(11));
}

Test(erasures, a_damaged_line_stops_the_replay)
{
    unsigned char text[256];
    append(1, FIRST_DAY);
    size_t n = file_read(log_file, text, sizeof text);
    static const struct {
        size_t at;
        char with;
    } damage[] = {{0, 'x'}, {0, '\n'}, {0, ' '}, {5, 'x'}, {10, '*'}, {10, '\n'}, {50, 'A'}};
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        unsigned char bad[256];
        struct erasure_set *set = NULL;
        memcpy(bad, text, n);
        memcpy(bad + n, text, n);
        bad[damage[i].at] = (unsigned char)damage[i].with;
        file_write(log_file, bad, 2 * n, 0600);
        cr_assert_eq(erasures_load(vault, &set), INVALID, "damage %zu", i);
        cr_assert_null(set);
        cr_assert_eq(erasures_trim(vault, FIRST_DAY + 1), INVALID);
    }
}

Test(erasures, a_loose_or_linked_log_is_refused)
{
    struct erasure_set *set = NULL;
    struct erasure e = erasure_of(2, FIRST_DAY);
    append(1, FIRST_DAY);
    cr_assert_eq(chmod(log_file, 0644), 0);
    cr_assert_eq(erasures_load(vault, &set), DENIED);
    cr_assert_eq(unlink(log_file), 0);
    cr_assert_eq(symlink(place.master, log_file), 0);
    cr_assert_eq(erasures_load(vault, &set), DENIED);
    cr_assert_eq(erasures_append(vault, &e, 1), UNAVAILABLE);
}

static void *append_many(void *start)
{
    for (int i = 0; i < 20; i++)
        append(*(int *)start + i, FIRST_DAY + 9);
    return NULL;
}

Test(erasures, threads_and_processes_append_while_another_trims)
{
    pthread_t threads[3];
    int starts[] = {0, 20, 40}, mine = 60, how;
    pid_t child = fork();
    if (child == 0) {
        append_many(&mine);
        _exit(0);
    }
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, append_many, &starts[i]), 0);
    for (int i = 0; i < 10; i++) {
        append(200 + i, FIRST_DAY);
        cr_assert_eq(erasures_trim(vault, FIRST_DAY + 1), OK);
    }
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(waitpid(child, &how, 0), child);
    struct erasure_set *set = load(80);
    for (int row = 0; row < 80; row++)
        cr_assert(contains(set, row));
    erasures_free(set);
}
