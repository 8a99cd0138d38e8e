/* SPDX-License-Identifier: MIT */
#include "jobs/bill_place.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"

/* pay.wechatpay.cn's and opendocs.alipay.com's pages on the bills name these. */
const char *const bill_hosts_wechat[] = {"api.mch.weixin.qq.com", "api2.mch.weixin.qq.com",
                                         "api.wechatpay.cn", "api2.wechatpay.cn", NULL};
const char *const bill_hosts_alipay[] = {"dwbillcenter.alipay.com", NULL};

/* A part of the address in the arena; "" when it has none. */
static const char *part_of(CURLU *url, CURLUPart part, unsigned flags, struct arena *a)
{
    char *text = NULL;
    const char *copy = "";
    if (curl_url_get(url, part, &text, flags) == CURLUE_OK && text)
        copy = arena_strdup(a, text);
    curl_free(text);
    return copy;
}

static bool is_same_part(CURLU *x, CURLU *y, CURLUPart part, struct arena *a)
{
    return strcasecmp(part_of(x, part, CURLU_DEFAULT_PORT, a),
                      part_of(y, part, CURLU_DEFAULT_PORT, a)) == 0;
}

static bool is_listed(const char *host, const char *const *hosts)
{
    for (; *hosts; hosts++)
        if (strcasecmp(host, *hosts) == 0)
            return true;
    return false;
}

static bool is_plain(CURLU *url, struct arena *a)
{
    return !*part_of(url, CURLUPART_USER, 0, a) && !*part_of(url, CURLUPART_PASSWORD, 0, a) &&
           !*part_of(url, CURLUPART_FRAGMENT, 0, a);
}

static enum status check(CURLU *url, CURLU *base, const char *text, const char *const *hosts,
                         struct arena *a, const char **allowed)
{
    if (!is_plain(url, a))
        return DENIED;
    if (is_same_part(url, base, CURLUPART_SCHEME, a) &&
        is_same_part(url, base, CURLUPART_HOST, a) && is_same_part(url, base, CURLUPART_PORT, a)) {
        *allowed = arena_strdup(a, text);
        return OK;
    }
    const char *scheme = part_of(url, CURLUPART_SCHEME, 0, a);
    const char *port = part_of(url, CURLUPART_PORT, 0, a);
    bool is_http = strcmp(scheme, "http") == 0 && (!*port || strcmp(port, "80") == 0);
    bool is_https = strcmp(scheme, "https") == 0 && (!*port || strcmp(port, "443") == 0);
    if (!is_listed(part_of(url, CURLUPART_HOST, 0, a), hosts) || (!is_http && !is_https))
        return DENIED;
    const char *rest = strchr(strstr(text, "://") + 3, '/');
    if (!rest)
        return DENIED;
    *allowed = arena_printf(a, "https://%s%s", part_of(url, CURLUPART_HOST, 0, a), rest);
    return OK;
}

enum status bill_place_check(const char *url, const char *base_url, const char *const *hosts,
                             struct arena *a, const char **allowed)
{
    CURLU *named = curl_url(), *base = curl_url();
    CHECK_PEER(named && base);
    enum status s = DENIED;
    if (strstr(url, "://") && curl_url_set(named, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_set(base, CURLUPART_URL, base_url, 0) == CURLUE_OK)
        s = check(named, base, url, hosts, a, allowed);
    curl_url_cleanup(named);
    curl_url_cleanup(base);
    return s;
}
