/* SPDX-License-Identifier: MIT */
#include "vault/associated.h"

#include <string.h>

#include "base/check.h"
#include "vault/big_endian.h"

void associated_begin(struct associated *a, const char *purpose)
{
    a->size = 0;
    associated_add_text(a, purpose);
}

void associated_add(struct associated *a, const void *part, size_t n)
{
    CHECK(n <= sizeof a->bytes - 4 && a->size <= sizeof a->bytes - 4 - n);
    put_u32(a->bytes + a->size, (uint32_t)n);
    memcpy(a->bytes + a->size + 4, part, n);
    a->size += 4 + n;
}

void associated_add_text(struct associated *a, const char *text)
{
    associated_add(a, text, strlen(text));
}

void associated_add_name(struct associated *a, const struct record_name *name)
{
    unsigned char account[8];
    put_u64(account, (uint64_t)name->account_id);
    associated_add_text(a, name->table);
    associated_add(a, account, sizeof account);
    associated_add(a, name->row_id.bytes, sizeof name->row_id.bytes);
}
