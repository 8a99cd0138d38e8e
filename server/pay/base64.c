/* SPDX-License-Identifier: MIT */
#include "pay/base64.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#include "base/check.h"

enum { PIECE_CHARACTERS = 256, PIECE_BYTES = PIECE_CHARACTERS / 4 * 3 };

/* A piece of whole groups, `padding` of its last characters being '='. OpenSSL forgives white space
 * and unused bits that are set: the text must be what its bytes are written as. */
static enum status decode_piece(const char *text, size_t n, size_t padding, unsigned char *out)
{
    unsigned char bytes[PIECE_BYTES], again[PIECE_CHARACTERS + 1];
    size_t size = BASE64_DECODED_MAX(n) - padding;
    enum status s = INVALID;
    if (EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)n) == (int)BASE64_DECODED_MAX(n) &&
        EVP_EncodeBlock(again, bytes, (int)size) == (int)n && memcmp(again, text, n) == 0) {
        memcpy(out, bytes, size);
        s = OK;
    }
    OPENSSL_cleanse(bytes, sizeof bytes); /* keys come this way too */
    OPENSSL_cleanse(again, sizeof again);
    return s;
}

enum status base64_decode(const char *text, size_t n, unsigned char *out, size_t room, size_t *size)
{
    if (n % 4 != 0)
        return INVALID;
    size_t padding = n == 0 || text[n - 1] != '=' ? 0 : text[n - 2] != '=' ? 1 : 2;
    if (BASE64_DECODED_MAX(n) - padding > room)
        return TOO_LARGE;
    for (size_t at = 0; at < n; at += PIECE_CHARACTERS) {
        bool last = n - at <= PIECE_CHARACTERS;
        if (decode_piece(text + at, last ? n - at : PIECE_CHARACTERS, last ? padding : 0,
                         out + BASE64_DECODED_MAX(at)) != OK)
            return INVALID;
    }
    *size = BASE64_DECODED_MAX(n) - padding;
    return OK;
}

char *base64_encode(struct arena *a, const void *bytes, size_t n)
{
    CHECK(n <= INT_MAX / 2);
    char *text = arena_alloc(a, (n + 2) / 3 * 4 + 1);
    EVP_EncodeBlock((unsigned char *)text, bytes, (int)n);
    return text;
}
