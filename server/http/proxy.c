/* SPDX-License-Identifier: MIT */
#include "http/proxy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { BLOCKS_MAX = 64, TEXT_MAX = 64 };

struct block {
    struct in6_addr address;
    unsigned bits; /* of the IPv6 form */
};

struct proxy_list {
    struct block blocks[BLOCKS_MAX];
    size_t n;
};

static const unsigned char mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static bool is_ipv4(const struct in6_addr *address)
{
    return memcmp(address->s6_addr, mapped_prefix, sizeof mapped_prefix) == 0;
}

static void map_ipv4(const void *four, struct in6_addr *out)
{
    memcpy(out->s6_addr, mapped_prefix, sizeof mapped_prefix);
    memcpy(out->s6_addr + sizeof mapped_prefix, four, 4);
}

enum status proxy_parse_address(const char *text, struct in6_addr *out)
{
    struct in_addr four;
    if (inet_pton(AF_INET, text, &four) == 1)
        map_ipv4(&four, out);
    else if (inet_pton(AF_INET6, text, out) != 1)
        return INVALID;
    return OK;
}

void proxy_peer_address(const struct sockaddr *peer, struct in6_addr *out)
{
    *out = (struct in6_addr){0};
    if (peer && peer->sa_family == AF_INET)
        map_ipv4(&((const struct sockaddr_in *)(const void *)peer)->sin_addr, out);
    else if (peer && peer->sa_family == AF_INET6)
        *out = ((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
}

static enum status parse_block(char *text, struct block *out)
{
    char *slash = strchr(text, '/');
    if (slash)
        *slash++ = 0;
    if (proxy_parse_address(text, &out->address) != OK)
        return INVALID;
    unsigned offset = is_ipv4(&out->address) && !strchr(text, ':') ? 96 : 0;
    out->bits = 128;
    if (!slash)
        return OK;
    size_t n = strlen(slash);
    if (n == 0 || n > 3 || strspn(slash, "0123456789") != n)
        return INVALID;
    out->bits = offset + (unsigned)strtoul(slash, NULL, 10);
    return out->bits <= 128 ? OK : INVALID;
}

/* Cuts the item of n bytes at text out of its white space. TOO_LARGE: no address is that long. */
static enum status trim(const char *text, size_t n, char out[TEXT_MAX])
{
    while (n && (*text == ' ' || *text == '\t'))
        text++, n--;
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    if (n >= TEXT_MAX)
        return TOO_LARGE;
    memcpy(out, text, n);
    out[n] = 0;
    return OK;
}

enum status proxy_list_new(const char *text, struct proxy_list **out)
{
    struct proxy_list *list = calloc(1, sizeof *list);
    CHECK_PEER(list);
    for (const char *p = text ? text : ""; *p;) {
        size_t n = strcspn(p, ",");
        char item[TEXT_MAX];
        if (list->n == BLOCKS_MAX || trim(p, n, item) != OK ||
            parse_block(item, &list->blocks[list->n++]) != OK) {
            free(list);
            return INVALID;
        }
        p += n + (p[n] == ',');
    }
    *out = list;
    return OK;
}

void proxy_list_free(struct proxy_list *list)
{
    free(list);
}

static bool holds(const struct block *block, const struct in6_addr *address)
{
    unsigned whole = block->bits / 8, rest = block->bits % 8;
    if (memcmp(block->address.s6_addr, address->s6_addr, whole) != 0)
        return false;
    if (rest == 0)
        return true;
    unsigned differing = block->address.s6_addr[whole] ^ address->s6_addr[whole];
    return differing >> (8 - rest) == 0;
}

bool proxy_is_trusted(const struct proxy_list *list, const struct in6_addr *address)
{
    for (size_t i = 0; i < list->n; i++)
        if (holds(&list->blocks[i], address))
            return true;
    return false;
}

static const char *address_text(const struct in6_addr *address, struct arena *a)
{
    char text[INET6_ADDRSTRLEN];
    if (is_ipv4(address))
        CHECK_PEER(inet_ntop(AF_INET, address->s6_addr + 12, text, sizeof text));
    else
        CHECK_PEER(inet_ntop(AF_INET6, address, text, sizeof text));
    return arena_strdup(a, text);
}

const char *proxy_client_ip(const struct proxy_list *list, const struct in6_addr *peer,
                            const char *forwarded, struct arena *a)
{
    struct in6_addr client = *peer;
    size_t end = forwarded ? strlen(forwarded) : 0;
    while (end > 0 && proxy_is_trusted(list, &client)) {
        const char *comma = memrchr(forwarded, ',', end);
        size_t start = comma ? (size_t)(comma - forwarded) + 1 : 0;
        char item[TEXT_MAX];
        struct in6_addr address;
        if (trim(forwarded + start, end - start, item) != OK ||
            proxy_parse_address(item, &address) != OK)
            break;
        client = address;
        end = start ? start - 1 : 0;
    }
    return address_text(&client, a);
}
