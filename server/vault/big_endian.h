/* SPDX-License-Identifier: MIT */
/* Integers as big-endian bytes, for file formats and associated data. */
#ifndef IDPHOTOD_VAULT_BIG_ENDIAN_H
#define IDPHOTOD_VAULT_BIG_ENDIAN_H

#include <stdint.h>

static inline void put_u16(unsigned char *out, uint16_t n)
{
    out[0] = (unsigned char)(n >> 8);
    out[1] = (unsigned char)n;
}

static inline void put_u32(unsigned char *out, uint32_t n)
{
    put_u16(out, (uint16_t)(n >> 16));
    put_u16(out + 2, (uint16_t)n);
}

static inline void put_u64(unsigned char *out, uint64_t n)
{
    put_u32(out, (uint32_t)(n >> 32));
    put_u32(out + 4, (uint32_t)n);
}

static inline uint16_t get_u16(const unsigned char *in)
{
    return (uint16_t)(in[0] << 8 | in[1]);
}

static inline uint32_t get_u32(const unsigned char *in)
{
    return (uint32_t)get_u16(in) << 16 | get_u16(in + 2);
}

#endif
