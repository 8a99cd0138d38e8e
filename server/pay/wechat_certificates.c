/* SPDX-License-Identifier: MIT */
/* The list of platform certificates (section 1.6). */
#include <string.h>

#include "base/clock.h"
#include "pay/wechat_parts.h"

enum { SERIAL_MAX = 128, TIME_MAX = 64, LIST_MAX = 32 };

enum status wechat_certificates_request(const struct wechat *w, int64_t now_us, struct arena *a,
                                        struct wechat_request *out)
{
    struct wechat_request request = {
        .method = "GET", .url = "/v3/certificates?algorithm_type=RSA", .body = ""};
    enum status status = wechat_sign_request(w, a, now_us, &request);
    if (status == OK)
        *out = request;
    return status;
}

static enum status read_time(struct json_view entry, const char *name, struct arena *a,
                             int64_t *at_us)
{
    const char *text = wechat_text(entry, name, TIME_MAX, a);
    return text ? time_parse(text, at_us) : INVALID;
}

static enum status read_entry(struct span key, struct json_view entry, struct arena *a,
                              struct wechat_certificate *out)
{
    char serial[RSA_SERIAL_BYTES];
    struct wechat_certificate c = {.serial = wechat_text(entry, "serial_no", SERIAL_MAX, a)};
    if (!c.serial || read_time(entry, "effective_time", a, &c.effective_us) != OK ||
        read_time(entry, "expire_time", a, &c.expire_us) != OK)
        return INVALID;
    enum status status = wechat_open_resource(key, json_view_member(entry, "encrypt_certificate"),
                                              a, &c.pem, &c.pem_size);
    if (status == OK)
        status = rsa_certificate_serial(c.pem, c.pem_size, serial);
    if (status != OK)
        return status;
    c.serial_matches = strcmp(serial, c.serial) == 0;
    *out = c;
    return OK;
}

enum status wechat_open_certificate_list(struct span key, const char *json, size_t n,
                                         struct arena *a, struct wechat_certificate **list,
                                         size_t *n_list)
{
    struct json_view document;
    struct json_text *read = json_text_open(json, n, &document);
    struct json_view entries = json_view_member(document, "data");
    size_t count = json_view_count(entries);
    enum status status = json_view_is_array(entries) && count <= LIST_MAX ? OK : INVALID;
    struct wechat_certificate *found = arena_alloc(a, (count + 1) * sizeof *found);
    for (size_t i = 0; i < count && status == OK; i++)
        status = read_entry(key, json_view_item(entries, i), a, &found[i]);
    json_text_close(read);
    if (status == OK) {
        *list = found;
        *n_list = count;
    }
    return status;
}

enum status wechat_open_certificates(const struct wechat *w, const char *json, size_t n,
                                     struct arena *a, struct wechat_certificate **list,
                                     size_t *n_list)
{
    const struct span key = {w->api_v3_key, WECHAT_API_KEY_BYTES};
    return wechat_open_certificate_list(key, json, n, a, list, n_list);
}

static const struct wechat_certificate *signer_in(const struct wechat_certificate *list, size_t n,
                                                  const char *serial, int64_t now_us)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].serial_matches && list[i].expire_us > now_us &&
            strcmp(list[i].serial, serial) == 0)
            return &list[i];
    return NULL;
}

/* By a key held, or by one of the list itself. */
static enum notify_refusal check_list(const struct wechat *w, const struct wechat_headers *headers,
                                      const void *body, size_t n,
                                      const struct wechat_certificate *list, size_t n_list,
                                      int64_t now_us)
{
    struct rsa_key *key = NULL;
    enum notify_refusal refusal = wechat_verify(w, headers, body, n, now_us);
    if (refusal != NOTIFY_SERIAL)
        return refusal;
    const struct wechat_certificate *c = signer_in(list, n_list, headers->serial, now_us);
    if (!c || rsa_load_public(c->pem, c->pem_size, RSA_PEM, &key) != OK)
        return NOTIFY_SERIAL;
    refusal = wechat_check_signature_by(key, headers, body, n);
    rsa_free(key);
    return refusal;
}

enum status wechat_take_certificates(struct wechat *w, const struct wechat_headers *headers,
                                     const void *body, size_t n, int64_t now_us, struct arena *a,
                                     int *added)
{
    struct wechat_certificate *list;
    size_t n_list;
    int fresh = 0;
    enum status status = wechat_open_certificates(w, body, n, a, &list, &n_list);
    if (status == OK && check_list(w, headers, body, n, list, n_list, now_us) != NOTIFY_ACCEPTED)
        status = DENIED;
    for (size_t i = 0; status == OK && i < n_list; i++) {
        if (!list[i].serial_matches || list[i].expire_us <= now_us)
            continue;
        fresh += !wechat_find_key(w, list[i].serial, now_us);
        status = wechat_trust_certificate(w, &list[i]);
    }
    if (status == OK)
        *added = fresh;
    return status;
}
