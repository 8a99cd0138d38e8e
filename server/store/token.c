/* SPDX-License-Identifier: MIT */
#include <sodium.h>
#include <string.h>

#include "store/account.h"

enum { NUMBER_DIGITS = 11, BODY_DIGITS = 44 };

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static void put_number(int64_t v, char *out)
{
    uint64_t n = (uint64_t)v;
    for (int i = NUMBER_DIGITS - 1; i >= 0; i--, n /= 62)
        out[i] = digits[n % 62];
}

static enum status get_number(const char *text, int64_t *out)
{
    uint64_t n = 0;
    for (int i = 0; i < NUMBER_DIGITS; i++) {
        const char *digit = strchr(digits, text[i]);
        if (!digit || __builtin_mul_overflow(n, (uint64_t)62, &n) ||
            __builtin_add_overflow(n, (uint64_t)(digit - digits), &n))
            return INVALID;
    }
    if (n > INT64_MAX)
        return INVALID;
    *out = (int64_t)n;
    return OK;
}

static bool has_token_form(const char *token, const char *prefix)
{
    return strncmp(token, prefix, 4) == 0 && strlen(token) == 4 + BODY_DIGITS &&
           strspn(token + 4, digits) == BODY_DIGITS;
}

void token_hash(const char *token, unsigned char hash[TOKEN_HASH_BYTES])
{
    crypto_generichash(hash, TOKEN_HASH_BYTES, (const unsigned char *)token, strlen(token), NULL,
                       0);
}

char *token_make_account(int64_t account_id, int64_t session_id, char out[TOKEN_BYTES])
{
    memcpy(out, "ipa_", 4);
    put_number(account_id, out + 4);
    put_number(session_id, out + 4 + NUMBER_DIGITS);
    random_base62(out + 4 + 2 * NUMBER_DIGITS, BODY_DIGITS - 2 * NUMBER_DIGITS + 1);
    return out;
}

char *token_make_operator(int64_t token_no, char out[TOKEN_BYTES])
{
    memcpy(out, "ipo_", 4);
    put_number(token_no, out + 4);
    random_base62(out + 4 + NUMBER_DIGITS, BODY_DIGITS - NUMBER_DIGITS + 1);
    return out;
}

enum status token_parse_account(const char *token, int64_t *account_id, int64_t *session_id,
                                unsigned char hash[TOKEN_HASH_BYTES])
{
    int64_t account, session;
    if (!has_token_form(token, "ipa_") || get_number(token + 4, &account) != OK ||
        get_number(token + 4 + NUMBER_DIGITS, &session) != OK)
        return INVALID;
    *account_id = account;
    *session_id = session;
    token_hash(token, hash);
    return OK;
}

enum status token_parse_operator(const char *token, int64_t *token_no,
                                 unsigned char hash[TOKEN_HASH_BYTES])
{
    if (!has_token_form(token, "ipo_") || get_number(token + 4, token_no) != OK)
        return INVALID;
    token_hash(token, hash);
    return OK;
}
