/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "pay/alipay_answer.h"
#include "pay/alipay_keys.h"
#include "pay/alipay_trade.h"

/* "alipay.trade.query" to "alipay_trade_query_response" */
const char *alipay_node_name(const char *method, struct arena *a)
{
    char *name = arena_printf(a, "%s_response", method);
    for (char *c = name; *c; c++)
        if (*c == '.')
            *c = '_';
    return name;
}

/* "\/" to "/". Returns false when there was none. */
static bool unescape_solidus(struct span from, struct arena *a, struct span *out)
{
    const char *text = from.bytes;
    char *kept = arena_copy(a, text, from.size);
    size_t n = 0;
    for (size_t i = 0; i < from.size; i++) {
        if (text[i] == '\\' && i + 1 < from.size && text[i + 1] == '/')
            i++;
        kept[n++] = text[i];
    }
    *out = (struct span){kept, n};
    return n < from.size;
}

static bool says_success(struct span node)
{
    struct json_view json;
    struct json_text *text = json_text_open(node.bytes, node.size, &json);
    bool success = strcmp(alipay_text(json, "code"), "10000") == 0;
    json_text_close(text);
    return success;
}

/* Gateways have signed the text before the solidi in it were escaped. Source: the Java SDK. */
static enum status verify_node(const struct alipay *p, const char *cert_sn, struct span node,
                               struct span quoted_sign, struct arena *a)
{
    struct span sign, plain;
    (void)unescape_solidus(quoted_sign, a, &sign);
    if (alipay_verify_text(p, cert_sn, node.bytes, node.size, sign.bytes, sign.size) == OK)
        return OK;
    if (!unescape_solidus(node, a, &plain))
        return DENIED;
    return alipay_verify_text(p, cert_sn, plain.bytes, plain.size, sign.bytes, sign.size);
}

enum status alipay_verify_answer(const struct alipay *p, const char *method, const char *body,
                                 size_t n, struct arena *a, const char **node, size_t *node_size)
{
    struct alipay_answer answer;
    if (alipay_answer_split(body, n, alipay_node_name(method, a), &answer) != OK)
        return INVALID;
    bool is_error = answer.error_response.bytes != NULL;
    struct span said = is_error ? answer.error_response : answer.node;
    bool success = says_success(said);
    if (is_error && success)
        return INVALID;
    if (answer.sign.size == 0)
        return success ? DENIED : UNAVAILABLE;
    const char *cert_sn =
        answer.cert_sn.bytes ? arena_copy(a, answer.cert_sn.bytes, answer.cert_sn.size) : NULL;
    if (verify_node(p, cert_sn, said, answer.sign, a) != OK)
        return DENIED;
    *node = said.bytes;
    *node_size = said.size;
    return OK;
}
