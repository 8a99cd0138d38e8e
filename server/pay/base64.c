/* SPDX-License-Identifier: MIT */
#include "pay/base64.h"

#include <sodium.h>

enum status base64_decode(const char *text, size_t n, unsigned char *out, size_t room, size_t *size)
{
    size_t decoded = 0;
    if (n % 4 != 0)
        return INVALID;
    if (n == 0) {
        *size = 0;
        return OK;
    }
    size_t padding = text[n - 1] != '=' ? 0 : text[n - 2] != '=' ? 1 : 2;
    if (BASE64_DECODED_MAX(n) - padding > room)
        return TOO_LARGE;
    /* No end pointer: the whole text must be base64. */
    if (sodium_base642bin(out, room, text, n, NULL, &decoded, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return INVALID;
    *size = decoded;
    return OK;
}

char *base64_encode(struct arena *a, const void *bytes, size_t n)
{
    size_t room = sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_alloc(a, room);
    return sodium_bin2base64(text, room, bytes, n, sodium_base64_VARIANT_ORIGINAL);
}
