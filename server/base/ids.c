/* SPDX-License-Identifier: MIT */
#include "base/ids.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"

enum { DIGITS = 22 };

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

struct uuid uuid_new(void)
{
    struct uuid id;
    randombytes_buf(id.bytes, sizeof id.bytes);
    uint64_t ms = (uint64_t)(clock_now_us() / 1000);
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (unsigned char)(ms >> (40 - 8 * i));
    id.bytes[6] = (unsigned char)(0x70 | (id.bytes[6] & 0x0f));
    id.bytes[8] = (unsigned char)(0x80 | (id.bytes[8] & 0x3f));
    return id;
}

char *public_id_format(const char *prefix, const struct uuid *id, char out[PUBLIC_ID_BYTES])
{
    CHECK(strlen(prefix) == 4);
    unsigned __int128 n = 0;
    for (size_t i = 0; i < sizeof id->bytes; i++)
        n = n << 8 | id->bytes[i];
    memcpy(out, prefix, 4);
    for (int i = DIGITS - 1; i >= 0; i--) {
        out[4 + i] = alphabet[n % 62];
        n /= 62;
    }
    out[4 + DIGITS] = 0;
    return out;
}

enum status public_id_parse(const char *prefix, const char *text, struct uuid *id)
{
    if (strncmp(text, prefix, 4) != 0 || strlen(text) != 4 + DIGITS)
        return INVALID;
    unsigned __int128 n = 0;
    for (int i = 0; i < DIGITS; i++) {
        const char *digit = strchr(alphabet, text[4 + i]);
        unsigned __int128 next;
        if (!digit || __builtin_mul_overflow(n, (unsigned __int128)62, &next) ||
            __builtin_add_overflow(next, (unsigned __int128)(digit - alphabet), &n))
            return INVALID;
    }
    for (int i = 15; i >= 0; i--, n >>= 8)
        id->bytes[i] = (unsigned char)n;
    return OK;
}

/* Six bits are a digit, or are drawn again: no digit is likelier than another. Bytes are drawn many
 * at once, for each draw is a call of the kernel. */
char *random_base62(char *out, size_t n)
{
    unsigned char drawn[DIGITS + 10];
    CHECK(n > 0);
    size_t i = 0;
    while (i + 1 < n) {
        randombytes_buf(drawn, sizeof drawn);
        for (size_t k = 0; k < sizeof drawn && i + 1 < n; k++)
            if ((drawn[k] & 63) < 62)
                out[i++] = alphabet[drawn[k] & 63];
    }
    sodium_memzero(drawn, sizeof drawn);
    out[n - 1] = 0;
    return out;
}

int64_t account_id_new(void)
{
    int64_t id;
    do {
        uint64_t bits;
        randombytes_buf(&bits, sizeof bits);
        id = (int64_t)(bits >> 1);
    } while (id == 0);
    return id;
}
