/* SPDX-License-Identifier: MIT */
/* Keys and sealing. The files of keys, the ratchet, the guard and the erasures have files of their
 * own. */
#include "vault_place.h"

#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* --- published vectors: a changed primitive would make every stored row noise --- */

static size_t unhex(const char *hex, unsigned char *out, size_t room)
{
    size_t n = 0;
    cr_assert_eq(sodium_hex2bin(out, room, hex, strlen(hex), NULL, &n, NULL), 0);
    return n;
}

Test(vault_primitives, xchacha20_poly1305_gives_the_bytes_of_the_internet_draft)
{
    /* draft-irtf-cfrg-xchacha-03, appendix A.3.1 */
    static const char plain[] = "Ladies and Gentlemen of the class of '99: If I could offer you "
                                "only one tip for the future, sunscreen would be it.";
    unsigned char key[32], nonce[24], associated[12], expected[256], sealed[256];
    for (int i = 0; i < 32; i++)
        key[i] = (unsigned char)(0x80 + i);
    for (int i = 0; i < 24; i++)
        nonce[i] = (unsigned char)(0x40 + i);
    unhex("50515253c0c1c2c3c4c5c6c7", associated, sizeof associated);
    size_t n = unhex("bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
                     "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
                     "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
                     "21f9664c97637da9768812f615c68b13b52e"
                     "c0875924c1c7987947deafd8780acf49",
                     expected, sizeof expected);
    unsigned long long size;
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, &size, (const unsigned char *)plain,
                                               sizeof plain - 1, associated, sizeof associated,
                                               NULL, nonce, key);
    cr_assert_eq(size, n);
    cr_assert_arr_eq(sealed, expected, n);
}

Test(vault_primitives, keyed_blake2b_gives_the_bytes_of_the_published_known_answers)
{
    /* BLAKE2 reference package, testvectors/blake2b-kat.txt: key 00..3f, input 00..(n-1) */
    static const struct {
        size_t n;
        const char *hash;
    } kat[] = {
        {0, "10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786"
            "b5e996e8f0f4eb981fc214b005f42d2ff4233499391653df7aefcbc13fc51568"},
        {1, "961f6dd1e4dd30f63901690c512e78e4b45e4742ed197c3c5e45c549fd25f2e4"
            "187b0bc9fe30492b16b0d0bc4ef9b0f34c7003fac09a5ef1532e69430234cebd"},
        {2, "da2cfbe2d8409a0f38026113884f84b50156371ae304c4430173d08a99d9fb1b"
            "983164a3770706d537f49e0c916d9f32b95cc37a95b99d857436f0232c88a965"},
        {64, "65676d800617972fbd87e4b9514e1c67402b7a331096d3bfac22f1abb95374ab"
             "c942f16e9ab0ead33b87c91968a6e509e119ff07787b3ef483e1dcdccf6e3022"},
    };
    unsigned char key[64], in[64], expected[64], hash[64];
    for (int i = 0; i < 64; i++)
        key[i] = in[i] = (unsigned char)i;
    for (size_t i = 0; i < sizeof kat / sizeof *kat; i++) {
        unhex(kat[i].hash, expected, sizeof expected);
        crypto_generichash(hash, sizeof hash, in, kat[i].n, key, sizeof key);
        cr_assert_arr_eq(hash, expected, sizeof hash, "input of %zu bytes", kat[i].n);
    }
}

Test(vault_primitives, unkeyed_blake2b_gives_the_bytes_of_rfc_7693)
{
    /* RFC 7693 appendix A */
    unsigned char expected[64], hash[64];
    unhex("ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
          "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
          expected, sizeof expected);
    crypto_generichash(hash, sizeof hash, (const unsigned char *)"abc", 3, NULL, 0);
    cr_assert_arr_eq(hash, expected, sizeof hash);
}

/* --- data keys and sealing --- */

static struct place place;
static struct vault *vault;
static const char phone[] = "13800138000";

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

TestSuite(vault, .init = set_up, .fini = tear_down, .timeout = 60);

static struct data_key new_key(const struct record_name *name, int32_t day, unsigned char *wrapped)
{
    struct data_key key;
    cr_assert_eq(vault_key_new(vault, name, day, &key, wrapped), OK);
    return key;
}

static enum status unseals(const struct data_key *key, const struct record_name *name,
                           const char *column, const unsigned char *sealed, size_t n)
{
    char out[64];
    memset(out, 'u', sizeof out);
    enum status s = vault_unseal(key, name, column, sealed, n, out);
    for (size_t i = 0; s != OK && i < sizeof out; i++)
        cr_assert_eq(out[i], 'u', "out is untouched on failure");
    return s;
}

static enum status opens(const struct record_name *name, const unsigned char *wrapped, size_t n)
{
    struct data_key key, untouched;
    memset(&untouched, 'u', sizeof untouched);
    key = untouched;
    enum status s = vault_key_open(vault, name, wrapped, n, &key);
    if (s != OK)
        cr_assert_arr_eq(key.bytes, untouched.bytes, sizeof key.bytes);
    return s;
}

Test(vault, a_sealed_value_comes_back_after_the_vault_was_opened_again)
{
    struct record_name name = record_of("recipient", 42, 7);
    unsigned char wrapped[VAULT_WRAPPED_BYTES], sealed[sizeof phone + VAULT_SEAL_OVERHEAD];
    struct data_key key = new_key(&name, FIRST_DAY + 30, wrapped), again;
    vault_seal(&key, &name, "phone", phone, sizeof phone, sealed);
    data_key_wipe(&key);
    vault_close(vault);
    vault = place_open(&place);
    cr_assert_eq(vault_key_open(vault, &name, wrapped, sizeof wrapped, &again), OK);
    char out[sizeof phone];
    cr_assert_eq(vault_unseal(&again, &name, "phone", sealed, sizeof sealed, out), OK);
    cr_assert_str_eq(out, phone);
}

Test(vault, an_empty_value_can_be_sealed)
{
    struct record_name name = record_of("recipient", 42, 7);
    unsigned char wrapped[VAULT_WRAPPED_BYTES], sealed[VAULT_SEAL_OVERHEAD];
    struct data_key key = new_key(&name, FIRST_DAY, wrapped);
    vault_seal(&key, &name, "note", NULL, 0, sealed);
    cr_assert_eq(unseals(&key, &name, "note", sealed, sizeof sealed), OK);
    cr_assert_eq(unseals(&key, &name, "note", sealed, sizeof sealed - 1), DENIED);
    cr_assert_eq(unseals(&key, &name, "note", sealed, 0), DENIED);
}

Test(vault, no_ciphertext_opens_under_another_table_column_account_or_row)
{
    struct record_name name = record_of("photo", 42, 7), other;
    unsigned char wrapped[VAULT_WRAPPED_BYTES], sealed[sizeof phone + VAULT_SEAL_OVERHEAD];
    struct data_key key = new_key(&name, FIRST_DAY, wrapped);
    vault_seal(&key, &name, "phone", phone, sizeof phone, sealed);
    cr_assert_eq(unseals(&key, &name, "phone", sealed, sizeof sealed), OK);

    other = name, other.table = "order";
    cr_assert_eq(unseals(&key, &other, "phone", sealed, sizeof sealed), DENIED);
    cr_assert_eq(unseals(&key, &name, "name", sealed, sizeof sealed), DENIED);
    for (int bit = 0; bit < 63; bit++) {
        other = name, other.account_id ^= INT64_C(1) << bit;
        cr_assert_eq(unseals(&key, &other, "phone", sealed, sizeof sealed), DENIED);
    }
    for (size_t bit = 0; bit < 128; bit++) {
        other = name, other.row_id.bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
        cr_assert_eq(unseals(&key, &other, "phone", sealed, sizeof sealed), DENIED);
    }
}

Test(vault, a_boundary_between_the_parts_of_a_name_cannot_be_shifted)
{
    /* Both names are the same bytes in a row: only length prefixes tell them apart. */
    struct record_name one = record_of("p", 0, 'r'), two = record_of("pA", 0, 'r');
    one.account_id = INT64_C(0x4142434445464748);
    two.account_id = INT64_C(0x4243444546474872);
    two.row_id.bytes[15] = 'c';
    unsigned char wrapped[VAULT_WRAPPED_BYTES], sealed[sizeof phone + VAULT_SEAL_OVERHEAD];
    struct data_key key = new_key(&one, FIRST_DAY, wrapped);
    vault_seal(&key, &one, "column", phone, sizeof phone, sealed);
    cr_assert_eq(unseals(&key, &one, "column", sealed, sizeof sealed), OK);
    cr_assert_eq(unseals(&key, &two, "olumn", sealed, sizeof sealed), DENIED);
}

Test(vault, a_flipped_bit_anywhere_is_noticed)
{
    struct record_name name = record_of("photo", 42, 7);
    unsigned char wrapped[VAULT_WRAPPED_BYTES], sealed[sizeof phone + VAULT_SEAL_OVERHEAD];
    struct data_key key = new_key(&name, FIRST_DAY + 5, wrapped);
    vault_seal(&key, &name, "phone", phone, sizeof phone, sealed);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (unsigned char)(1U << bit % 8);
        cr_assert_eq(unseals(&key, &name, "phone", sealed, sizeof sealed), DENIED);
        sealed[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof wrapped; bit++) {
        wrapped[bit / 8] ^= (unsigned char)(1U << bit % 8);
        cr_assert_eq(opens(&name, wrapped, sizeof wrapped), DENIED, "bit %zu", bit);
        wrapped[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    cr_assert_eq(opens(&name, wrapped, sizeof wrapped - 1), DENIED);
    cr_assert_eq(opens(&name, wrapped, 0), DENIED);
    cr_assert_eq(opens(&name, wrapped, sizeof wrapped), OK);
}

Test(vault, a_wrapped_key_opens_for_its_own_record_only)
{
    struct record_name name = record_of("photo", 42, 7), other;
    unsigned char wrapped[VAULT_WRAPPED_BYTES];
    new_key(&name, FIRST_DAY + 5, wrapped);
    other = name, other.table = "order";
    cr_assert_eq(opens(&other, wrapped, sizeof wrapped), DENIED);
    other = name, other.account_id = 43;
    cr_assert_eq(opens(&other, wrapped, sizeof wrapped), DENIED);
    other = record_of("photo", 42, 8);
    cr_assert_eq(opens(&other, wrapped, sizeof wrapped), DENIED);
    cr_assert_eq(opens(&name, wrapped, sizeof wrapped), OK);
}

Test(vault, two_records_never_share_a_key_and_two_seals_never_a_nonce)
{
    struct record_name name = record_of("photo", 42, 7);
    unsigned char one[VAULT_WRAPPED_BYTES], two[VAULT_WRAPPED_BYTES];
    struct data_key a = new_key(&name, FIRST_DAY, one), b = new_key(&name, FIRST_DAY, two);
    cr_assert_arr_neq(a.bytes, b.bytes, sizeof a.bytes);
    unsigned char sealed[2][sizeof phone + VAULT_SEAL_OVERHEAD];
    for (int i = 0; i < 2; i++)
        vault_seal(&a, &name, "phone", phone, sizeof phone, sealed[i]);
    cr_assert_arr_neq(sealed[0], sealed[1], 24);
    cr_assert_arr_neq(sealed[0] + 24, sealed[1] + 24, sizeof phone);
}

Test(vault, a_rewrapped_key_is_the_same_key_on_another_day)
{
    struct record_name name = record_of("photo", 42, 7);
    unsigned char wrapped[VAULT_WRAPPED_BYTES], moved[VAULT_WRAPPED_BYTES];
    struct data_key key = new_key(&name, FIRST_DAY + 2, wrapped), again;
    cr_assert_eq(vault_key_rewrap(vault, &name, wrapped, sizeof wrapped, FIRST_DAY + 30, moved),
                 OK);
    cr_assert_eq(vault_wrapped_day(wrapped), FIRST_DAY + 2);
    cr_assert_eq(vault_wrapped_day(moved), FIRST_DAY + 30);
    cr_assert_eq(vault_key_open(vault, &name, moved, sizeof moved, &again), OK);
    cr_assert_arr_eq(again.bytes, key.bytes, sizeof key.bytes);
    struct record_name other = record_of("photo", 42, 8);
    cr_assert_eq(vault_key_rewrap(vault, &other, wrapped, sizeof wrapped, FIRST_DAY, moved),
                 DENIED);
    cr_assert_eq(vault_key_rewrap(vault, &name, wrapped, sizeof wrapped, FIRST_DAY - 1, moved),
                 INVALID);
}

Test(vault, days_outside_the_reach_of_the_ratchet_are_refused)
{
    struct record_name name = record_of("photo", 42, 7);
    unsigned char wrapped[VAULT_WRAPPED_BYTES], index[VAULT_INDEX_BYTES];
    struct data_key key;
    static const int32_t bad[] = {FIRST_DAY - 1, FIRST_DAY + 4001, 0, -1, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(vault_key_new(vault, &name, bad[i], &key, wrapped), INVALID);
        cr_assert_eq(vault_blind_index(vault, "phone", phone, 11, bad[i], index), INVALID);
    }
    static const int32_t good[] = {FIRST_DAY, FIRST_DAY + 447, FIRST_DAY + 448, FIRST_DAY + 449,
                                   FIRST_DAY + 4000};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_assert_eq(vault_key_new(vault, &name, good[i], &key, wrapped), OK);
        cr_assert_eq(opens(&name, wrapped, sizeof wrapped), OK);
    }
}

/* --- master versions --- */

Test(vault, rotation_keeps_old_keys_readable_and_rewrap_moves_them_to_the_newest_version)
{
    struct record_name name = record_of("photo", 42, 7);
    unsigned char wrapped[VAULT_WRAPPED_BYTES], moved[VAULT_WRAPPED_BYTES];
    struct data_key key = new_key(&name, FIRST_DAY + 2, wrapped), again;
    cr_assert_eq(vault_newest_master(vault), 1);
    place_rotate(&place);
    cr_assert_eq(vault_newest_master(vault), 1);
    char why[256];
    cr_assert_eq(vault_reload_masters(vault, why, sizeof why), OK);
    cr_assert_eq(vault_newest_master(vault), 2);
    cr_assert_eq(opens(&name, wrapped, sizeof wrapped), OK);
    cr_assert_eq(vault_key_rewrap(vault, &name, wrapped, sizeof wrapped, FIRST_DAY + 2, moved), OK);
    cr_assert_eq(vault_wrapped_master(wrapped), 1);
    cr_assert_eq(vault_wrapped_master(moved), 2);
    cr_assert_eq(vault_key_open(vault, &name, moved, sizeof moved, &again), OK);
    cr_assert_arr_eq(again.bytes, key.bytes, sizeof key.bytes);
}

Test(vault, a_wrapped_key_does_not_open_under_another_master)
{
    struct record_name name = record_of("photo", 42, 7);
    unsigned char wrapped[VAULT_WRAPPED_BYTES];
    char why[256], path[256];
    place_rotate(&place);
    cr_assert_eq(vault_reload_masters(vault, why, sizeof why), OK);
    new_key(&name, FIRST_DAY, wrapped);
    wrapped[2] = 1; /* names version 1 now */
    cr_assert_eq(opens(&name, wrapped, sizeof wrapped), DENIED);
    wrapped[2] = 2;
    cr_assert_eq(opens(&name, wrapped, sizeof wrapped), OK);
    snprintf(path, sizeof path, "%s/master/2.key", place.dir);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(vault_reload_masters(vault, why, sizeof why), OK);
    cr_assert_eq(opens(&name, wrapped, sizeof wrapped), DENIED);
}

Test(vault, a_stolen_ratchet_opens_nothing_without_the_master_of_the_same_number)
{
    struct record_name name = record_of("photo", 42, 7);
    unsigned char wrapped[VAULT_WRAPPED_BYTES], bytes[64];
    struct place thief = place_new(); /* a master version 1 of his own */
    struct data_key key;
    new_key(&name, FIRST_DAY, wrapped);
    file_read(place.ratchet, bytes, sizeof bytes);
    file_write(thief.ratchet, bytes, sizeof bytes, 0600);
    struct vault *v = place_open(&thief);
    cr_assert_eq(vault_key_open(v, &name, wrapped, sizeof wrapped, &key), DENIED);
    vault_close(v);
    file_read(place.master, bytes, sizeof bytes);
    file_write(thief.master, bytes, sizeof bytes, 0400);
    v = place_open(&thief);
    cr_assert_eq(vault_key_open(v, &name, wrapped, sizeof wrapped, &key), OK);
    vault_close(v);
    place_remove(&thief);
}

Test(vault, a_stolen_master_opens_nothing_without_the_ratchet)
{
    struct record_name name = record_of("photo", 42, 7);
    unsigned char wrapped[VAULT_WRAPPED_BYTES], bytes[64];
    struct place thief = place_new(); /* a ratchet of the same day of his own */
    struct data_key key;
    new_key(&name, FIRST_DAY, wrapped);
    file_read(place.master, bytes, sizeof bytes);
    file_write(thief.master, bytes, sizeof bytes, 0400);
    struct vault *v = place_open(&thief);
    cr_assert_eq(vault_key_open(v, &name, wrapped, sizeof wrapped, &key), DENIED);
    vault_close(v);
    place_remove(&thief);
}

Test(vault, a_reload_with_another_oldest_master_is_refused_and_changes_nothing)
{
    struct record_name name = record_of("photo", 42, 7);
    unsigned char wrapped[VAULT_WRAPPED_BYTES], bytes[64];
    struct place stranger = place_new();
    char why[256] = "";
    new_key(&name, FIRST_DAY, wrapped);
    file_read(stranger.master, bytes, sizeof bytes);
    file_write(place.master, bytes, sizeof bytes, 0400);
    cr_assert_eq(vault_reload_masters(vault, why, sizeof why), CONFLICT);
    cr_assert(strstr(why, place.master));
    cr_assert_eq(opens(&name, wrapped, sizeof wrapped), OK);
    place_remove(&stranger);
}

Test(vault, a_reload_that_lost_the_oldest_master_is_refused_and_changes_nothing)
{
    struct record_name name = record_of("photo", 42, 7);
    unsigned char wrapped[VAULT_WRAPPED_BYTES];
    char why[256];
    new_key(&name, FIRST_DAY, wrapped);
    place_rotate(&place);
    cr_assert_eq(unlink(place.master), 0);
    cr_assert_eq(vault_reload_masters(vault, why, sizeof why), NOT_FOUND);
    cr_assert_eq(opens(&name, wrapped, sizeof wrapped), OK);
}

/* --- blind index and hash --- */

Test(vault, a_blind_index_is_stable_and_bound_to_kind_value_and_day)
{
    unsigned char first[VAULT_INDEX_BYTES], other[VAULT_INDEX_BYTES];
    cr_assert_eq(vault_blind_index(vault, "phone", phone, 11, FIRST_DAY + 3, first), OK);
    place_rotate(&place);
    vault_close(vault);
    vault = place_open(&place);
    cr_assert_eq(vault_blind_index(vault, "phone", phone, 11, FIRST_DAY + 3, other), OK);
    cr_assert_arr_eq(first, other, sizeof first);
    cr_assert_eq(vault_blind_index(vault, "phone", phone, 11, FIRST_DAY + 4, other), OK);
    cr_assert_arr_neq(first, other, sizeof first);
    cr_assert_eq(vault_blind_index(vault, "phone", phone, 10, FIRST_DAY + 3, other), OK);
    cr_assert_arr_neq(first, other, sizeof first);
    cr_assert_eq(vault_blind_index(vault, "openid", phone, 11, FIRST_DAY + 3, other), OK);
    cr_assert_arr_neq(first, other, sizeof first);
    cr_assert_eq(vault_blind_index(vault, "phone1", phone + 1, 10, FIRST_DAY + 3, other), OK);
    cr_assert_arr_neq(first, other, sizeof first);
}

Test(vault, hosts_with_other_masters_have_other_indexes)
{
    struct place stranger = place_new();
    unsigned char first[VAULT_INDEX_BYTES], other[VAULT_INDEX_BYTES], bytes[64];
    file_read(place.ratchet, bytes, 64);
    file_write(stranger.ratchet, bytes, 64, 0600);
    struct vault *v = place_open(&stranger);
    cr_assert_eq(vault_blind_index(vault, "phone", phone, 11, FIRST_DAY, first), OK);
    cr_assert_eq(vault_blind_index(v, "phone", phone, 11, FIRST_DAY, other), OK);
    cr_assert_arr_neq(first, other, sizeof first);
    vault_close(v);
    place_remove(&stranger);
}

Test(vault, a_hash_is_stable_across_rotation_and_separates_its_parts)
{
    unsigned char first[VAULT_HASH_BYTES], other[VAULT_HASH_BYTES];
    vault_hash(vault, "audit", "salt", 4, "value", 5, first);
    place_rotate(&place);
    vault_close(vault);
    vault = place_open(&place);
    vault_hash(vault, "audit", "salt", 4, "value", 5, other);
    cr_assert_arr_eq(first, other, sizeof first);
    vault_hash(vault, "audit", "saltv", 5, "alue", 4, other);
    cr_assert_arr_neq(first, other, sizeof first);
    vault_hash(vault, "body", "salt", 4, "value", 5, other);
    cr_assert_arr_neq(first, other, sizeof first);
    vault_hash(vault, "audit", NULL, 0, "value", 5, other);
    cr_assert_arr_neq(first, other, sizeof first);
}

Test(vault, a_hardened_process_dumps_no_core)
{
    struct rlimit core;
    cr_assert_eq(vault_harden_process(), OK);
    cr_assert_eq(getrlimit(RLIMIT_CORE, &core), 0);
    cr_assert_eq(core.rlim_cur, 0);
    cr_assert_eq(core.rlim_max, 0);
    cr_assert_eq(prctl(PR_GET_DUMPABLE), 0);
}

Test(vault, keys_are_wiped_from_the_struct)
{
    struct data_key key, zero = {{0}};
    memset(&key, 'k', sizeof key);
    data_key_wipe(&key);
    cr_assert_arr_eq(key.bytes, zero.bytes, sizeof key.bytes);
}
