/* SPDX-License-Identifier: MIT */
#include "pay/alipay_answer.h"

#include <stdbool.h>
#include <string.h>

enum { MEMBERS_MAX = 16 };

struct cursor {
    const char *at, *end;
};

struct member {
    struct span name, value;
};

static void skip_white(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
        c->at++;
}

static bool take(struct cursor *c, char expected)
{
    skip_white(c);
    if (c->at == c->end || *c->at != expected)
        return false;
    c->at++;
    return true;
}

/* At a quote: goes behind the closing one. */
static bool skip_string(struct cursor *c)
{
    for (c->at++; c->at < c->end; c->at++) {
        if (*c->at == '"') {
            c->at++;
            return true;
        }
        if (*c->at == '\\' && ++c->at == c->end)
            return false;
    }
    return false;
}

/* At a bracket: goes behind the one that closes it. Brackets in strings do not count. */
static bool skip_nested(struct cursor *c)
{
    size_t depth = 0;
    while (c->at < c->end) {
        if (*c->at == '"') {
            if (!skip_string(c))
                return false;
            continue;
        }
        if (*c->at == '{' || *c->at == '[')
            depth++;
        else if ((*c->at == '}' || *c->at == ']') && --depth == 0) {
            c->at++;
            return true;
        }
        c->at++;
    }
    return false;
}

static bool skip_plain(struct cursor *c)
{
    const char *start = c->at;
    while (c->at < c->end && !strchr(",}] \t\r\n\"{[:", *c->at))
        c->at++;
    return c->at > start;
}

static bool take_value(struct cursor *c, struct span *value)
{
    skip_white(c);
    const char *start = c->at;
    if (start == c->end)
        return false;
    bool whole = *start == '"'                    ? skip_string(c)
                 : *start == '{' || *start == '[' ? skip_nested(c)
                                                  : skip_plain(c);
    *value = (struct span){start, (size_t)(c->at - start)};
    return whole;
}

/* A string of plain characters, given without its quotes. An escape could write one name in two
 * ways, so there is none. */
static bool plain_text(struct span quoted, struct span *text)
{
    const char *s = quoted.bytes;
    if (quoted.size < 2 || s[0] != '"' || memchr(s, '\\', quoted.size))
        return false;
    *text = (struct span){s + 1, quoted.size - 2};
    return true;
}

static bool take_member(struct cursor *c, struct member *m)
{
    struct span quoted;
    skip_white(c);
    return c->at < c->end && *c->at == '"' && take_value(c, &quoted) &&
           plain_text(quoted, &m->name) && take(c, ':') && take_value(c, &m->value);
}

static bool is_same(struct span a, struct span b)
{
    return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

/* The verifier must not read one of two namesakes and the parser the other. */
static bool is_repeated(const struct member *members, size_t n, struct span name)
{
    for (size_t i = 0; i < n; i++)
        if (is_same(members[i].name, name))
            return true;
    return false;
}

static enum status take_members(struct cursor *c, struct member members[MEMBERS_MAX], size_t *n)
{
    *n = 0;
    if (!take(c, '{'))
        return INVALID;
    do {
        if (*n == MEMBERS_MAX || !take_member(c, &members[*n]) ||
            is_repeated(members, *n, members[*n].name))
            return INVALID;
        ++*n;
    } while (take(c, ','));
    if (!take(c, '}'))
        return INVALID;
    skip_white(c);
    return c->at == c->end ? OK : INVALID;
}

static struct span value_of(const struct member *members, size_t n, const char *name)
{
    const struct span wanted = {name, strlen(name)};
    for (size_t i = 0; i < n; i++)
        if (is_same(members[i].name, wanted))
            return members[i].value;
    return (struct span){0};
}

static bool is_node(struct span value)
{
    return !value.bytes || *(const char *)value.bytes == '{' || *(const char *)value.bytes == '"';
}

/* As plain_text, but "\\/" is let through: gateways write it in base64. */
static bool optional_text(struct span quoted, struct span *text)
{
    const char *s = quoted.bytes;
    *text = (struct span){0};
    if (!s)
        return true;
    if (quoted.size < 2 || s[0] != '"')
        return false;
    for (size_t i = 1; i < quoted.size - 1; i++)
        if (s[i] == '\\' && s[++i] != '/')
            return false;
    *text = (struct span){s + 1, quoted.size - 2};
    return true;
}

enum status alipay_answer_split(const char *body, size_t n, const char *node_name,
                                struct alipay_answer *out)
{
    struct member members[MEMBERS_MAX];
    struct cursor c = {body, body + n};
    size_t count;
    if (take_members(&c, members, &count) != OK)
        return INVALID;
    struct alipay_answer answer = {
        .node = value_of(members, count, node_name),
        .error_response = value_of(members, count, "error_response"),
    };
    if (!is_node(answer.node) || !is_node(answer.error_response) ||
        !answer.node.bytes == !answer.error_response.bytes)
        return INVALID;
    if (!optional_text(value_of(members, count, "sign"), &answer.sign) ||
        !optional_text(value_of(members, count, "alipay_cert_sn"), &answer.cert_sn))
        return INVALID;
    *out = answer;
    return OK;
}
