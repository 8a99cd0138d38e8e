/* SPDX-License-Identifier: MIT */
#include "vault/keyfile.h"

#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "vault/big_endian.h"
#include "vault/folder.h"

enum {
    MAGIC_BYTES = 8,
    NUMBER_AT = 8,
    FORMAT_AT = 12,
    SECRET_AT = 16,
    SUM_AT = 48,
    SUM_BYTES = 16,
    FORMAT = 1,
};

static void checksum(const unsigned char bytes[KEYFILE_BYTES], unsigned char sum[SUM_BYTES])
{
    CHECK_PEER(crypto_generichash(sum, SUM_BYTES, bytes, SUM_AT, NULL, 0) == 0);
}

void keyfile_encode(const char *magic, uint32_t number,
                    const unsigned char secret[KEYFILE_SECRET_BYTES],
                    unsigned char out[KEYFILE_BYTES])
{
    memcpy(out, magic, MAGIC_BYTES);
    put_u32(out + NUMBER_AT, number);
    put_u32(out + FORMAT_AT, FORMAT);
    memcpy(out + SECRET_AT, secret, KEYFILE_SECRET_BYTES);
    checksum(out, out + SUM_AT);
}

enum status keyfile_decode(const char *magic, const unsigned char bytes[KEYFILE_BYTES],
                           uint32_t *number, unsigned char secret[KEYFILE_SECRET_BYTES])
{
    unsigned char sum[SUM_BYTES];
    checksum(bytes, sum);
    if (memcmp(bytes, magic, MAGIC_BYTES) != 0 || get_u32(bytes + FORMAT_AT) != FORMAT ||
        sodium_memcmp(bytes + SUM_AT, sum, SUM_BYTES) != 0)
        return INVALID;
    *number = get_u32(bytes + NUMBER_AT);
    memcpy(secret, bytes + SECRET_AT, KEYFILE_SECRET_BYTES);
    return OK;
}

enum status keyfile_read(int folder, const char *name, const char *shown, const char *magic,
                         uint32_t *number, unsigned char secret[KEYFILE_SECRET_BYTES], char *why,
                         size_t why_size)
{
    int fd;
    enum status s = folder_open_secret(folder, name, shown, &fd, why, why_size);
    if (s != OK)
        return s;
    unsigned char bytes[KEYFILE_BYTES];
    struct stat st;
    s = INVALID;
    if (fstat(fd, &st) != 0 || st.st_size != KEYFILE_BYTES ||
        !read_exactly(fd, bytes, sizeof bytes))
        explain(why, why_size, "%s: not %d bytes long", shown, KEYFILE_BYTES);
    else if ((s = keyfile_decode(magic, bytes, number, secret)) != OK)
        explain(why, why_size, "%s: not a key file of this kind, or damaged", shown);
    sodium_memzero(bytes, sizeof bytes);
    close(fd);
    return s;
}
