/* SPDX-License-Identifier: MIT */
#include "base/config_keys.h"

#include <string.h>

#include "base/clock.h"

#define AT(member) offsetof(struct config, member)
#define KEY(s, n, t, o, ...)                                                                       \
    {                                                                                              \
        .section = #s, .name = #n, .type = KEY_##t, .offset = (o), __VA_ARGS__                     \
    }
#define DEFAULT(text)     .built_in = (text)
#define OF_WECHAT(member) offsetof(struct config_wechat, member)
#define OF_ALIPAY(member) offsetof(struct config_alipay, member)
#define RANGE(from, to)   .least = (from), .most = (to)
#define WORDS(y, n)       .yes = (y), .no = (n)

/* clang-format off */
const struct config_key config_keys[CONFIG_KEYS] = {
    KEY(server, listen, LISTEN, AT(server.at.listen), DEFAULT("127.0.0.1:8080")),
    KEY(server, tls_cert, PATH, AT(server.at.tls_cert)),
    KEY(server, tls_key, PATH, AT(server.at.tls_key)),
    KEY(server, trusted_proxies, NETWORKS, AT(server.trusted_proxies)),
    KEY(server, public_base_url, BASE_URL, AT(server.public_base_url)),
    KEY(server, payment_return_url, BASE_URL, AT(server.payment_return_url)),
    KEY(server, io_threads, CORES, AT(server.io_threads), DEFAULT("cores"), RANGE(1, 256)),
    KEY(server, workers, COUNT, AT(server.workers), DEFAULT("16"), RANGE(1, 1024)),
    KEY(server, queue, COUNT, AT(server.queue), DEFAULT("1024"), RANGE(1, 1000000)),
    KEY(server, callback_workers, COUNT, AT(server.callback_workers), DEFAULT("2"), RANGE(1, 256)),
    KEY(server, image_workers, CORES, AT(server.image_workers), DEFAULT("cores"), RANGE(1, 256)),
    KEY(server, image_queue, COUNT, AT(server.image_queue), DEFAULT("64"), RANGE(1, 10000)),
    KEY(server, max_photo_bytes, COUNT, AT(server.max_photo_bytes), DEFAULT("20971520"), RANGE(1024, 20971520)),
    KEY(server, upload_budget, COUNT, AT(server.upload_budget), DEFAULT("268435456"), RANGE(20971520, 1LL << 40)),
    KEY(server, cors_origins, ORIGINS, AT(server.cors_origins)),
    KEY(server, rate_limits, WORD, AT(server.rate_limits), DEFAULT("default"), WORDS("default", "off")),

    KEY(operator, listen, LISTEN, AT(operator_.at.listen), DEFAULT("127.0.0.1:8081")),
    KEY(operator, tls_cert, PATH, AT(operator_.at.tls_cert)),
    KEY(operator, tls_key, PATH, AT(operator_.at.tls_key)),
    KEY(operator, client_ca, PATH, AT(operator_.at.client_ca)),

    KEY(database, url, CONNINFO, AT(database.url), DEFAULT("dbname=idphotod")),
    KEY(database, owner_url, CONNINFO, AT(database.owner_url)),
    KEY(database, statement_timeout, DURATION, AT(database.statement_timeout_us), DEFAULT("5s"), RANGE(SECOND_US / 100, HOUR_US)),
    KEY(database, connect_timeout, DURATION, AT(database.connect_timeout_us), DEFAULT("5s"), RANGE(SECOND_US, 300 * SECOND_US)),

    KEY(keys, master_key_file, PATH, AT(keys.master_key_file)),
    KEY(keys, ratchet_file, PATH, AT(keys.ratchet_file)),
    KEY(keys, max_step, DURATION, AT(keys.max_step_us), DEFAULT("1d"), RANGE(DAY_US, 31 * DAY_US)),

    /* The longest periods are the policy's promise: architecture, section 6. */
    KEY(retention, photo_days, COUNT, AT(retention.photo_days), DEFAULT("7"), RANGE(1, 7)),
    KEY(retention, order_days, COUNT, AT(retention.order_days), DEFAULT("30"), RANGE(1, 30)),
    KEY(retention, draft_ttl, DURATION, AT(retention.draft_ttl_us), DEFAULT("1h"), RANGE(SECOND_US, HOUR_US)),
    KEY(retention, unpaid_order_ttl, DURATION, AT(retention.unpaid_order_ttl_us), DEFAULT("24h"), RANGE(SECOND_US, 24 * HOUR_US)),
    KEY(retention, purge_interval, DURATION, AT(retention.purge_interval_us), DEFAULT("60s"), RANGE(SECOND_US / 10, 60 * SECOND_US)),

    KEY(wechat, enabled, WORD, OF_WECHAT(enabled), DEFAULT("false"), WORDS("true", "false")),
    KEY(wechat, accept_new, WORD, OF_WECHAT(accept_new), DEFAULT("true"), WORDS("true", "false")),
    KEY(wechat, mchid, TEXT, OF_WECHAT(mchid)),
    KEY(wechat, appid_app, TEXT, OF_WECHAT(appid_app)),
    KEY(wechat, appid_jsapi, TEXT, OF_WECHAT(appid_jsapi)),
    KEY(wechat, appid_h5, TEXT, OF_WECHAT(appid_h5)),
    KEY(wechat, appid_native, TEXT, OF_WECHAT(appid_native)),
    KEY(wechat, api_v3_key_file, PATH, OF_WECHAT(api_v3_key_file)),
    KEY(wechat, merchant_key_file, PATH, OF_WECHAT(merchant_key_file)),
    KEY(wechat, merchant_serial, TEXT, OF_WECHAT(merchant_serial)),
    KEY(wechat, merchant_cert_file, PATH, OF_WECHAT(merchant_cert_file)),
    KEY(wechat, public_key_id, TEXT, OF_WECHAT(public_key_id)),
    KEY(wechat, public_key_file, PATH, OF_WECHAT(public_key_file)),
    KEY(wechat, platform_certificates, WORD, OF_WECHAT(platform_certificates), DEFAULT("auto"), WORDS("auto", "off")),
    KEY(wechat, base_url, BASE_URL, OF_WECHAT(base_url), DEFAULT("https://api.mch.weixin.qq.com")),
    KEY(wechat, login_base_url, BASE_URL, OF_WECHAT(login_base_url), DEFAULT("https://api.weixin.qq.com")),
    KEY(wechat, login_secret_file, PATH, OF_WECHAT(login_secret_file)),
    KEY(wechat, payment_ttl, DURATION, OF_WECHAT(payment_ttl_us), DEFAULT("30m"), RANGE(60 * SECOND_US, 24 * HOUR_US)),

    KEY(alipay, enabled, WORD, OF_ALIPAY(enabled), DEFAULT("false"), WORDS("true", "false")),
    KEY(alipay, accept_new, WORD, OF_ALIPAY(accept_new), DEFAULT("true"), WORDS("true", "false")),
    KEY(alipay, app_id, TEXT, OF_ALIPAY(app_id)),
    KEY(alipay, seller_id, TEXT, OF_ALIPAY(seller_id)),
    KEY(alipay, app_key_file, PATH, OF_ALIPAY(app_key_file)),
    KEY(alipay, alipay_public_key_file, PATH, OF_ALIPAY(alipay_public_key_file)),
    KEY(alipay, app_cert_file, PATH, OF_ALIPAY(app_cert_file)),
    KEY(alipay, alipay_cert_file, PATH, OF_ALIPAY(alipay_cert_file)),
    KEY(alipay, root_cert_file, PATH, OF_ALIPAY(root_cert_file)),
    KEY(alipay, gateway_url, BASE_URL, OF_ALIPAY(gateway_url), DEFAULT("https://openapi.alipay.com/gateway.do")),
    KEY(alipay, payment_ttl, DURATION, OF_ALIPAY(payment_ttl_us), DEFAULT("30m"), RANGE(60 * SECOND_US, 24 * HOUR_US)),

    KEY(catalogue, file, PATH, AT(catalogue_file), DEFAULT("catalogue.json")),
    KEY(limits, file, PATH, AT(limits_file), DEFAULT("limits.json")),
    KEY(policy, dir, PATH, AT(policy_dir), DEFAULT("policy")),
    KEY(specs, dir, PATH, AT(specs_dir), DEFAULT("specs")),
    KEY(holidays, file, PATH, AT(holidays_file), DEFAULT("holidays.json")),

    KEY(image, gates, PATH, AT(image.gates_file), DEFAULT("gates.json")),
    KEY(image, face_model, PATH, AT(image.face_model)),
    KEY(image, matting_model, PATH, AT(image.matting_model)),
    KEY(image, landmark_model, PATH, AT(image.landmark_model)),

    KEY(smtp, url, SMTP_URL, AT(smtp.url)),
    KEY(smtp, from, TEXT, AT(smtp.from)),
    KEY(smtp, password_file, PATH, AT(smtp.password_file)),

    KEY(scheduler, enabled, WORD, AT(scheduler_enabled), DEFAULT("true"), WORDS("true", "false")),

    KEY(log, level, LOG_LEVEL, AT(log.level), DEFAULT("info")),
    KEY(log, format, WORD, AT(log.json), DEFAULT("json"), WORDS("json", "text")),

    KEY(testing, allow_clock, WORD, AT(testing.allow_clock), DEFAULT("false"), WORDS("true", "false")),
    KEY(testing, clock_offset, DURATION, AT(testing.clock_offset_us), DEFAULT("0s"), RANGE(-36500 * DAY_US, 36500 * DAY_US)),
};
/* clang-format on */

enum key_home config_key_home(const struct config_key *k)
{
    if (strcmp(k->section, "wechat") == 0)
        return HOME_WECHAT;
    return strcmp(k->section, "alipay") == 0 ? HOME_ALIPAY : HOME_CONFIG;
}

bool config_key_at(size_t row, const char **section, const char **key)
{
    if (row >= CONFIG_KEYS)
        return false;
    *section = config_keys[row].section;
    *key = config_keys[row].name;
    return true;
}
