/* SPDX-License-Identifier: MIT */
/* The files of keys: how they are made, and which are refused. */
#include "vault_place.h"

#include <sodium.h>

static struct place place;

static void set_up(void)
{
    place = place_new();
}

static void tear_down(void)
{
    place_remove(&place);
}

TestSuite(vault_files, .init = set_up, .fini = tear_down, .timeout = 60);

/* --- made --- */

Test(vault_files, keygen_never_replaces_keys_and_never_rotates_what_is_not_there)
{
    char why[256] = "", empty[64] = "/tmp/idphotod-vault-XXXXXX";
    unsigned char before[64], after[64];
    file_read(place.master, before, sizeof before);
    cr_assert_eq(vault_keygen(place.dir, false, FIRST_DAY, why, sizeof why), CONFLICT);
    cr_assert(strstr(why, place.dir), "%s", why);
    file_read(place.master, after, sizeof after);
    cr_assert_arr_eq(before, after, sizeof before);
    cr_assert(mkdtemp(empty));
    cr_assert_eq(vault_keygen(empty, true, FIRST_DAY, why, sizeof why), CONFLICT);
    rmdir(empty);
}

Test(vault_files, keygen_does_not_put_a_new_half_beside_an_old_one)
{
    /* A fresh ratchet beside existing masters would look right and open nothing. */
    char why[256] = "";
    cr_assert_eq(unlink(place.ratchet), 0);
    cr_assert_eq(vault_keygen(place.dir, false, FIRST_DAY, why, sizeof why), CONFLICT);
    cr_assert_neq(access(place.ratchet, F_OK), 0);
}

Test(vault_files, keygen_writes_files_that_only_the_owner_can_read_whatever_the_umask)
{
    struct stat st;
    umask(0);
    place_rotate(&place);
    static const struct {
        const char *name;
        mode_t mode;
    } files[] = {{"master", 0700},
                 {"master/1.key", 0400},
                 {"master/2.key", 0400},
                 {"ratchet", 0700},
                 {"ratchet/ratchet.state", 0600}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", place.dir, files[i].name);
        cr_assert_eq(stat(path, &st), 0);
        cr_assert_eq(st.st_mode & 07777, files[i].mode, "%s has %o", path, st.st_mode);
    }
}

/* --- what is refused at the start --- */

static void refused(const char *file)
{
    char why[256] = "";
    struct vault *v = NULL;
    cr_assert_neq(vault_open(place.master, place.ratchet, &v, why, sizeof why), OK, "%s", file);
    cr_assert_null(v);
    cr_assert(strstr(why, file), "'%s' names %s", why, file);
}

Test(vault_files, loose_modes_are_refused)
{
    static const mode_t loose[] = {0440, 0404, 0640, 0604, 0644, 0660, 0666, 0777,
                                   0700, 0500, 0401, 0410, 0200, 0000, 04400};
    const char *files[] = {place.master, place.ratchet};
    for (size_t f = 0; f < 2; f++) {
        for (size_t i = 0; i < sizeof loose / sizeof *loose; i++) {
            cr_assert_eq(chmod(files[f], loose[i]), 0);
            refused(files[f]);
        }
        cr_assert_eq(chmod(files[f], 0400), 0);
        vault_close(place_open(&place));
        cr_assert_eq(chmod(files[f], 0600), 0);
        vault_close(place_open(&place));
    }
}

Test(vault_files, a_loose_second_version_is_refused_like_the_first)
{
    char path[256];
    place_rotate(&place);
    snprintf(path, sizeof path, "%s/master/2.key", place.dir);
    cr_assert_eq(chmod(path, 0440), 0);
    refused(path);
}

Test(vault_files, folders_that_others_may_write_are_refused)
{
    static const char *const folders[] = {"master", "ratchet"};
    for (size_t i = 0; i < 2; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", place.dir, folders[i]);
        cr_assert_eq(chmod(path, 0770), 0);
        refused(path);
        cr_assert_eq(chmod(path, 0702), 0);
        refused(path);
        cr_assert_eq(chmod(path, 0700), 0);
    }
}

Test(vault_files, symbolic_links_pipes_and_folders_are_refused)
{
    const char *files[] = {place.master, place.ratchet};
    for (size_t f = 0; f < 2; f++) {
        char aside[256];
        snprintf(aside, sizeof aside, "%s.aside", files[f]);
        cr_assert_eq(rename(files[f], aside), 0);
        refused(files[f]);
        cr_assert_eq(symlink(aside, files[f]), 0);
        refused(files[f]);
        cr_assert_eq(unlink(files[f]), 0);
        cr_assert_eq(mkfifo(files[f], 0600), 0);
        refused(files[f]);
        cr_assert_eq(unlink(files[f]), 0);
        cr_assert_eq(mkdir(files[f], 0700), 0);
        refused(files[f]);
        cr_assert_eq(rmdir(files[f]), 0);
        cr_assert_eq(rename(aside, files[f]), 0);
    }
}

Test(vault_files, files_of_another_owner_are_refused)
{
    if (geteuid() != 0)
        cr_skip_test("only root can give a file away");
    const char *files[] = {place.master, place.ratchet};
    for (size_t f = 0; f < 2; f++) {
        cr_assert_eq(chown(files[f], 65534, 65534), 0);
        refused(files[f]);
        cr_assert_eq(chown(files[f], 0, 0), 0);
    }
}

Test(vault_files, files_of_a_wrong_size_or_with_a_flipped_bit_are_refused)
{
    const char *files[] = {place.master, place.ratchet};
    for (size_t f = 0; f < 2; f++) {
        unsigned char bytes[65] = {0};
        cr_assert_eq(file_read(files[f], bytes, sizeof bytes), 64);
        for (size_t n = 0; n < 66; n += n == 63 ? 2 : 1) {
            file_write(files[f], bytes, n, 0600);
            refused(files[f]);
        }
        for (size_t bit = 0; bit < 64 * 8; bit++) {
            bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
            file_write(files[f], bytes, 64, 0600);
            refused(files[f]);
            bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
        }
        file_write(files[f], bytes, 64, 0600);
    }
    vault_close(place_open(&place));
}

Test(vault_files, a_ratchet_is_no_master_and_a_master_no_ratchet)
{
    unsigned char master[64], ratchet[64];
    file_read(place.master, master, 64);
    file_read(place.ratchet, ratchet, 64);
    file_write(place.master, ratchet, 64, 0400);
    refused(place.master);
    file_write(place.master, master, 64, 0400);
    file_write(place.ratchet, master, 64, 0600);
    refused(place.ratchet);
}

Test(vault_files, a_reason_names_the_path_and_no_secret)
{
    unsigned char bytes[65] = {0};
    char why[256] = "", hex[65];
    struct vault *v;
    file_read(place.master, bytes, 64);
    bytes[63] ^= 1;
    file_write(place.master, bytes, 64, 0400);
    cr_assert_neq(vault_open(place.master, place.ratchet, &v, why, sizeof why), OK);
    sodium_bin2hex(hex, sizeof hex, bytes + 16, 32);
    hex[8] = '\0';
    cr_assert_null(strstr(why, hex));
    cr_assert_null(memmem(why, sizeof why, bytes + 16, 4));
}
