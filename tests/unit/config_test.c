/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"

static char folder[64];
static char why[512];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/config_test.XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *walk)
{
    (void)st, (void)flag, (void)walk;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(config, .init = make_folder, .fini = remove_folder);

static char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
}

static struct config *loaded_file(void)
{
    struct config *c = NULL;
    cr_assert_eq(config_load(path_of("a.conf"), NULL, 0, &c, why, sizeof why), OK, "%s", why);
    return c;
}

static struct config *loaded(const char *text)
{
    write_file("a.conf", text);
    return loaded_file();
}

/* The reason, without the folder before it. */
static const char *refusal(const char *text)
{
    struct config *untouched = (struct config *)why;
    struct config *c = untouched;
    write_file("a.conf", text);
    cr_assert_eq(config_load(path_of("a.conf"), NULL, 0, &c, why, sizeof why), INVALID, "%s", text);
    cr_assert_eq(c, untouched);
    cr_assert_eq(strncmp(why, folder, strlen(folder)), 0, "%s", why);
    return why + strlen(folder) + 1;
}

static void assert_refused(const char *text, const char *reason)
{
    const char *given = refusal(text);
    cr_assert_eq(strncmp(given, reason, strlen(reason)), 0, "%s", given);
}

Test(config, built_in_values_are_those_of_the_design)
{
    struct config *c = NULL;
    cr_assert_eq(config_load(NULL, NULL, 0, &c, why, sizeof why), OK);
    cr_assert_str_eq(c->server.at.listen, "127.0.0.1:8080");
    cr_assert_str_eq(c->operator_.at.listen, "127.0.0.1:8081");
    cr_assert_eq(c->server.workers, 16);
    cr_assert_eq(c->server.io_threads, sysconf(_SC_NPROCESSORS_ONLN));
    cr_assert_eq(c->server.max_photo_bytes, 20 * 1024 * 1024);
    cr_assert(c->server.rate_limits);
    cr_assert_eq(c->retention.photo_days, 7);
    cr_assert_eq(c->retention.order_days, 30);
    cr_assert_eq(c->retention.unpaid_order_ttl_us, 86400000000);
    cr_assert_eq(c->keys.max_step_us, 86400000000);
    cr_assert_eq(c->database.statement_timeout_us, 5000000);
    cr_assert_null(c->server.at.tls_cert);
    cr_assert_eq(c->n_wechat, 0);
    cr_assert(c->scheduler_enabled);
    cr_assert(c->log.json);
    cr_assert_not(c->testing.allow_clock);
    cr_assert_str_eq(c->catalogue_file, "catalogue.json");
    config_free(c);
}

Test(config, later_layers_win_in_the_documented_order)
{
    mkdir(path_of("conf.d"), 0700);
    write_file("conf.d/20-b.conf", "[server]\nworkers = 22\nqueue = 22\nimage_queue = 22\n");
    write_file("conf.d/10-a.conf", "[server]\nworkers = 21\nqueue = 21\nimage_queue = 21\n");
    write_file("conf.d/99.disabled", "[nonsense]\n");
    setenv("IDPHOTOD_SERVER_QUEUE", "33", 1);
    setenv("IDPHOTOD_SERVER_IMAGE_QUEUE", "33", 1);
    setenv("IDPHOTOD_TEST_DATABASE_URL", "passed over", 1);
    setenv("IDPHOTOD_VECTORS", "passed over", 1);
    setenv("IDPHOTOD_ADMIN_URL", "passed over", 1);
    setenv("IDPHOTOD_TOKEN_FILE", "passed over", 1);
    write_file("a.conf", "[server]\nworkers = 11\nmax_photo_bytes = 11000\n");
    struct config *c = NULL;
    const struct config_override flag = {"server", "image_queue", "44"};
    cr_assert_eq(config_load(path_of("a.conf"), &flag, 1, &c, why, sizeof why), OK, "%s", why);
    cr_assert_eq(c->server.max_photo_bytes, 11000);
    cr_assert_eq(c->server.workers, 22);
    cr_assert_eq(c->server.queue, 33);
    cr_assert_eq(c->server.image_queue, 44);
    config_free(c);
}

Test(config, a_refusal_names_file_and_line)
{
    assert_refused("[server]\n\n# note\nwokers = 3\n", "a.conf:4: unknown key wokers in [server]");
    assert_refused("[sevrer]\nworkers = 3\n", "a.conf:2: unknown section [sevrer]");
    assert_refused("workers = 3\n", "a.conf:1: a key before");
    assert_refused("[server]\nworkers\n", "a.conf:2: expected [section] or key = value");
    assert_refused("[server\nworkers = 1\n", "a.conf:1: expected [section]");
    assert_refused("[server]\nworkers = 1\nqueue = 2\nworkers = 2\n",
                   "a.conf:4: server.workers is set twice, first in line 2");
    assert_refused("[server]\nworkers = 0\n[nonsense]\na = b\n",
                   "a.conf:2: server.workers: expected");
    assert_refused("[server \"x\"]\nworkers = 1\n", "a.conf:2: [server] takes no name");
    assert_refused("[wechat x]\nmchid = 1\n", "a.conf:2: malformed section");
    assert_refused("[server]\nworkers = 1\001\n", "a.conf:2: control character");
    assert_refused("[server]\nworkers = 1 ; \x7f\n", "a.conf:2: control character");
    assert_refused("[wechat]\nmerchant_serial =;5F\n",
                   "a.conf:2: wechat.merchant_serial: expected no semicolon at the start or after "
                   "white space: it begins a comment");
    mkdir(path_of("conf.d"), 0700);
    write_file("conf.d/x.conf", "\n\n[log]\nlevel = loud\n");
    assert_refused("", "conf.d/x.conf:4: log.level: expected debug");
}

Test(config, a_bad_environment_variable_or_flag_is_named)
{
    struct config *c = NULL;
    const struct config_override flag = {"server", "workers", "many"};
    cr_assert_eq(config_load(NULL, &flag, 1, &c, why, sizeof why), INVALID);
    cr_assert_eq(strncmp(why, "flag server.workers: server.workers: expected", 45), 0, "%s", why);
    setenv("IDPHOTOD_LOG_LEVEL", "loud", 1);
    cr_assert_eq(config_load(NULL, NULL, 0, &c, why, sizeof why), INVALID);
    cr_assert_eq(strncmp(why, "environment IDPHOTOD_LOG_LEVEL: ", 32), 0, "%s", why);
    unsetenv("IDPHOTOD_LOG_LEVEL");
    setenv("IDPHOTOD_LOG_LEVLE", "info", 1);
    cr_assert_eq(config_load(NULL, NULL, 0, &c, why, sizeof why), INVALID);
    cr_assert_str_eq(why, "environment IDPHOTOD_LOG_LEVLE: no such key");
}

Test(config, a_file_that_cannot_be_read_is_refused)
{
    struct config *c = NULL;
    cr_assert_eq(config_load(path_of("none.conf"), NULL, 0, &c, why, sizeof why), INVALID);
    cr_assert(strstr(why, "No such file") != NULL, "%s", why);
    cr_assert_eq(config_load(folder, NULL, 0, &c, why, sizeof why), INVALID);
    cr_assert(strstr(why, "cannot be read") != NULL, "%s", why);
}

Test(config, a_refusal_never_repeats_a_value)
{
    static const char *const texts[] = {
        "[database]\nurl = host=/tmp pasword=hunter2\n",
        "[database]\nurl = postgres://me:hunter2@host/db?nosuch=1\n",
        "[database]\nhunter2 and more = x\n",
        "[server]\nlisten = hunter2\n",
        "[server]\nhunter2\n",
        "[smtp]\nurl = smtp://me:hunter2@mail.example\n",
        "[wechat]\nbase_url = https://me:hunter2@example.com\n",
        "[log]\nlevel = hunter2\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_null(strstr(refusal(texts[i]), "hunter2"), "%s", why);
}

Test(config, durations_carry_a_unit_and_obey_their_range)
{
    struct config *c = loaded("[database]\nstatement_timeout = 500ms\nconnect_timeout = 2m\n"
                              "[retention]\ndraft_ttl = 30m\nunpaid_order_ttl = 24h\n"
                              "[keys]\nmax_step = 2d\n"
                              "[testing]\nallow_clock = true\nclock_offset = +8d\n");
    cr_assert_eq(c->database.statement_timeout_us, 500000);
    cr_assert_eq(c->database.connect_timeout_us, 120000000);
    cr_assert_eq(c->retention.draft_ttl_us, 1800000000);
    cr_assert_eq(c->keys.max_step_us, 172800000000);
    cr_assert_eq(c->testing.clock_offset_us, 691200000000);
    config_free(c);
    c = loaded("[testing]\nallow_clock = true\nclock_offset = -90s\n");
    cr_assert_eq(c->testing.clock_offset_us, -90000000);
    config_free(c);
    static const char *const bad[] = {"5",
                                      "s",
                                      "5 s",
                                      "5S",
                                      "+5s",
                                      "-5s",
                                      "5ss",
                                      "2.5s",
                                      "0s",
                                      "1h30m",
                                      "2h",
                                      "",
                                      "0x5s",
                                      "9999999999999999999s",
                                      "9223372036854775807d"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[128];
        snprintf(text, sizeof text, "[retention]\ndraft_ttl = %s\n", bad[i]);
        assert_refused(text, "a.conf:2: retention.draft_ttl: expected a time from 1s to 1h");
    }
}

Test(config, counts_are_plain_digits_within_their_range)
{
    static const char *const bad[] = {
        "0", "1025", "-1", "+1", "1.0", "1k", "0x10", "", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[128];
        snprintf(text, sizeof text, "[server]\nworkers = %s\n", bad[i]);
        assert_refused(text, "a.conf:2: server.workers: expected a whole number from 1 to 1024");
    }
}

Test(config, retention_may_be_shortened_but_not_stretched_beyond_the_policy)
{
    struct config *c = loaded("[retention]\nphoto_days = 3\norder_days = 10\n");
    cr_assert_eq(c->retention.photo_days, 3);
    cr_assert_eq(c->retention.order_days, 10);
    config_free(c);
    assert_refused("[retention]\nphoto_days = 8\n", "a.conf:2: retention.photo_days");
    assert_refused("[retention]\norder_days = 31\n", "a.conf:2: retention.order_days");
    assert_refused("[retention]\ndraft_ttl = 61m\n", "a.conf:2: retention.draft_ttl");
    assert_refused("[retention]\nunpaid_order_ttl = 25h\n", "a.conf:2: retention.unpaid_order_ttl");
}

Test(config, listeners_are_numeric_addresses_with_a_port)
{
    config_free(loaded("[server]\nlisten = [::1]:0\n"));
    config_free(loaded("[server]\nlisten = 0.0.0.0:65535\n"));
    static const char *const bad[] = {"",
                                      "8080",
                                      ":8080",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "localhost:1",
                                      "::1:80",
                                      "[::1]",
                                      "[::1]x:80",
                                      "[::1:80",
                                      "1.2.3.4:65536",
                                      "1.2.3.4:-1",
                                      "[1.2.3.4]:80",
                                      "1.2.3.4:80x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[128];
        snprintf(text, sizeof text, "[server]\nlisten = %s\n", bad[i]);
        assert_refused(text, "a.conf:2: server.listen: expected ADDRESS:PORT");
    }
}

Test(config, an_operator_listener_must_be_loopback_or_tls)
{
    assert_refused("[operator]\nlisten = 0.0.0.0:8081\n",
                   "a.conf:2: operator.listen: must be loopback");
    config_free(loaded("[operator]\nlisten = 127.9.9.9:1\n"));
    config_free(loaded("[operator]\nlisten = [::1]:1\n"));
    config_free(loaded("[operator]\nlisten = 0.0.0.0:1\ntls_cert = c\ntls_key = k\n"));
    assert_refused("[operator]\ntls_cert = c\n", "a.conf:2: operator.tls_cert");
    assert_refused("[server]\ntls_key = c\n", "a.conf:2: server.tls_key");
    assert_refused("[operator]\nclient_ca = c\n", "a.conf:2: operator.client_ca: needs tls_cert");
}

Test(config, plain_http_is_for_loopback_only)
{
    config_free(loaded("[wechat]\nbase_url = http://127.0.0.1:9000\n"
                       "[alipay]\ngateway_url = http://[::1]:9000/gateway.do\n"
                       "[server]\npublic_base_url = http://localhost:8080\n"));
    static const char *const bad[] = {"http://api.mch.weixin.qq.com",
                                      "http://127.0.0.1.example.com",
                                      "http://10.0.0.1",
                                      "http://128.0.0.1",
                                      "ftp://127.0.0.1",
                                      "https://a.example/",
                                      "https://a.example?x=1",
                                      "a.example",
                                      "https://u@a.example",
                                      "https://a.example#x",
                                      "https://"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[128];
        snprintf(text, sizeof text, "[wechat]\nbase_url = %s\n", bad[i]);
        assert_refused(text, "a.conf:2: wechat.base_url: expected an https address");
    }
}

Test(config, loopback_is_127_slash_8_and_ipv6_one)
{
    static const char *const yes[] = {"127.0.0.1", "127.255.0.1:80", "::1",         "[::1]",
                                      "[::1]:80",  "localhost",      "localhost:80"};
    static const char *const no[] = {"128.0.0.1",  "126.0.0.1:80",
                                     "::2",        "[::]:80",
                                     "0.0.0.0:80", "localhost.example",
                                     "",           "[::1",
                                     "[",          "::ffff:127.0.0.1.example"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        cr_assert(config_is_loopback(yes[i]), "%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        cr_assert_not(config_is_loopback(no[i]), "%s", no[i]);
}

Test(config, lists_of_proxies_and_origins_are_checked_item_by_item)
{
    config_free(loaded("[server]\ntrusted_proxies = 10.0.0.0/8, ::1,192.168.1.1 , fd00::/8\n"
                       "cors_origins = https://a.example, http://localhost:3000\n"));
    assert_refused("[server]\ntrusted_proxies = 10.0.0.0/33\n", "a.conf:2: server.trusted_proxies");
    assert_refused("[server]\ntrusted_proxies = ::1/129\n", "a.conf:2: server.trusted_proxies");
    assert_refused("[server]\ntrusted_proxies = 10.0.0.1,,::1\n",
                   "a.conf:2: server.trusted_proxies");
    assert_refused("[server]\ntrusted_proxies = proxy\n", "a.conf:2: server.trusted_proxies");
    assert_refused("[server]\ntrusted_proxies = ::1/\n", "a.conf:2: server.trusted_proxies");
    assert_refused("[server]\ncors_origins = *\n", "a.conf:2: server.cors_origins");
    assert_refused("[server]\ncors_origins = https://a.example/x\n",
                   "a.conf:2: server.cors_origins");
    assert_refused("[server]\ncors_origins = http://a.example\n", "a.conf:2: server.cors_origins");
}

#define WECHAT_MERCHANT                                                                            \
    "enabled = true\nmchid = 1900000001\nappid_app = wx1\napi_v3_key_file = v3\n"                  \
    "merchant_key_file = key.pem\nmerchant_serial = 5F\n"
#define ALIPAY_MERCHANT "enabled = true\napp_id = 2021\nseller_id = 2088\napp_key_file = key.pem\n"

Test(config, named_merchants_are_merchants_of_their_own)
{
    struct config *c =
        loaded("[wechat]\n" WECHAT_MERCHANT "[wechat \"shop-2\"]\nmchid = 2\n"
               "[alipay \"b\"]\npayment_ttl = 5m\n[wechat \"shop-2\"]\nappid_h5 = wx2\n");
    cr_assert_eq(c->n_wechat, 2);
    cr_assert_str_eq(c->wechat[0].name, "");
    cr_assert_str_eq(c->wechat[0].mchid, "1900000001");
    cr_assert_str_eq(c->wechat[0].base_url, "https://api.mch.weixin.qq.com");
    cr_assert_str_eq(c->wechat[1].name, "shop-2");
    cr_assert_str_eq(c->wechat[1].mchid, "2");
    cr_assert_str_eq(c->wechat[1].appid_h5, "wx2");
    cr_assert_not(c->wechat[1].enabled);
    cr_assert_eq(c->n_alipay, 1);
    cr_assert_str_eq(c->alipay[0].name, "b");
    cr_assert_eq(c->alipay[0].payment_ttl_us, 300000000);
    config_free(c);
    assert_refused("[wechat \"a b\"]\nmchid = 1\n", "a.conf:2: malformed section");
    assert_refused("[wechat \"\"]\nmchid = 1\n", "a.conf:2: malformed section");
}

Test(config, more_merchants_than_there_is_room_for_are_refused)
{
    char text[1024] = "";
    for (int i = 0; i <= CONFIG_MERCHANTS_MAX; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "[alipay \"m%d\"]\napp_id = 1\n",
                 i);
    assert_refused(text, "a.conf:18: more than 8 Alipay merchants");
}

Test(config, an_enabled_merchant_lacks_nothing)
{
    config_free(loaded("[wechat]\n" WECHAT_MERCHANT "[alipay]\n" ALIPAY_MERCHANT
                       "alipay_public_key_file = p\n"));
    static const char *const wechat[] = {"mchid", "appid_app", "api_v3_key_file",
                                         "merchant_key_file", "merchant_serial"};
    for (size_t i = 0; i < sizeof wechat / sizeof *wechat; i++) {
        char text[512];
        snprintf(text, sizeof text, "[wechat]\n" WECHAT_MERCHANT);
        *strstr(text, wechat[i]) = '#'; /* comments the key out */
        assert_refused(text, "a.conf:2: wechat.enabled: needs ");
    }
    static const char *const alipay[] = {"app_id", "seller_id", "app_key_file"};
    for (size_t i = 0; i < sizeof alipay / sizeof *alipay; i++) {
        char text[512];
        snprintf(text, sizeof text, "[alipay]\n" ALIPAY_MERCHANT "alipay_public_key_file = p\n");
        *strstr(text, alipay[i]) = '#';
        assert_refused(text, "a.conf:2: alipay.enabled: needs ");
    }
}

Test(config, an_enabled_merchant_can_verify_what_the_provider_says)
{
    assert_refused("[wechat]\n" WECHAT_MERCHANT "platform_certificates = off\n",
                   "a.conf:8: wechat.platform_certificates");
    assert_refused("[wechat]\n" WECHAT_MERCHANT "public_key_id = PUB_KEY_ID_1\n",
                   "a.conf:8: wechat.public_key_id");
    config_free(
        loaded("[wechat]\n" WECHAT_MERCHANT
               "public_key_id = PUB_KEY_ID_1\npublic_key_file = p\nplatform_certificates = off\n"));
    assert_refused("[alipay]\n" ALIPAY_MERCHANT, "a.conf:2: alipay.enabled: needs either");
    assert_refused("[alipay]\n" ALIPAY_MERCHANT "app_cert_file = a\n",
                   "a.conf:6: alipay.app_cert_file");
    assert_refused("[alipay]\n" ALIPAY_MERCHANT "app_cert_file = a\nalipay_cert_file = b\n"
                   "root_cert_file = c\nalipay_public_key_file = d\n",
                   "a.conf:2: alipay.enabled: needs either");
    config_free(loaded("[alipay]\n" ALIPAY_MERCHANT
                       "app_cert_file = a\nalipay_cert_file = b\nroot_cert_file = c\n"));
}

Test(config, a_shifted_clock_needs_permission_and_no_real_provider)
{
    assert_refused("[testing]\nclock_offset = +8d\n",
                   "a.conf:2: testing.clock_offset: needs allow_clock");
    config_free(loaded("[testing]\nallow_clock = true\nclock_offset = +8d\n"));
    assert_refused("[testing]\nallow_clock = true\n[wechat]\n" WECHAT_MERCHANT,
                   "a.conf:4: wechat.enabled: a provider that is not on loopback");
    assert_refused("[testing]\nallow_clock = true\n[wechat]\n" WECHAT_MERCHANT
                   "base_url = http://127.0.0.1:1\n",
                   "a.conf:4: wechat.enabled: a provider that is not on loopback");
    assert_refused("[testing]\nallow_clock = true\n[alipay]\n" ALIPAY_MERCHANT
                   "alipay_public_key_file = p\n",
                   "a.conf:4: alipay.enabled: a provider that is not on loopback");
    config_free(loaded("[testing]\nallow_clock = true\n[wechat]\n" WECHAT_MERCHANT
                       "base_url = http://127.0.0.1:1\nlogin_base_url = http://127.0.0.1:1\n"
                       "[alipay]\n" ALIPAY_MERCHANT "alipay_public_key_file = p\n"
                       "gateway_url = http://127.0.0.1:1/gateway.do\n"));
}

Test(config, relative_paths_count_from_the_files_folder)
{
    char expected[128];
    setenv("CREDENTIALS_DIRECTORY", "/run/credentials/idphotod", 1);
    setenv("IDPHOTOD_SMTP_PASSWORD_FILE", "mail", 1);
    struct config *c = loaded("[keys]\nmaster_key_file = keys/master\n"
                              "ratchet_file = ${CREDENTIALS_DIRECTORY}/ratchet\n"
                              "[server]\ntls_cert = /etc/c.pem\ntls_key = k\n"
                              "[alipay \"b\"]\napp_key_file = b.pem\n");
    snprintf(expected, sizeof expected, "%s/keys/master", folder);
    cr_assert_str_eq(c->keys.master_key_file, expected);
    cr_assert_str_eq(c->keys.ratchet_file, "/run/credentials/idphotod/ratchet");
    cr_assert_str_eq(c->server.at.tls_cert, "/etc/c.pem");
    snprintf(expected, sizeof expected, "%s/mail", folder);
    cr_assert_str_eq(c->smtp.password_file, expected);
    snprintf(expected, sizeof expected, "%s/b.pem", folder);
    cr_assert_str_eq(c->alipay[0].app_key_file, expected);
    snprintf(expected, sizeof expected, "%s/catalogue.json", folder);
    cr_assert_str_eq(c->catalogue_file, expected);
    config_free(c);
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_refused("[keys]\nratchet_file = ${CREDENTIALS_DIRECTORY}/r\n",
                   "a.conf:2: keys.ratchet_file: CREDENTIALS_DIRECTORY is not set");
}

Test(config, indented_and_commented_lines_mean_what_they_look_like)
{
    struct config *c =
        loaded("\xEF\xBB\xBF[server]\r\n  workers = 3 ; three\r\n\tqueue = 4\n; x\n  # y\n"
               "[smtp]\nfrom =\n");
    cr_assert_eq(c->server.workers, 3);
    cr_assert_eq(c->server.queue, 4);
    cr_assert_null(c->smtp.from);
    config_free(c);
}

Test(config, a_long_line_is_read_whole_or_refused)
{
    char *text = calloc(1, 8192);
    strcpy(text, "[smtp]\nfrom = ");
    memset(text + 14, 'x', 3000);
    struct config *c = loaded(text);
    cr_assert_eq(strlen(c->smtp.from), 3000);
    config_free(c);
    memset(text + 14, 'x', 5000);
    assert_refused(text, "a.conf:2: the line is too long");
    free(text);
}

static char *printed(const struct config *c)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    config_print(c, f);
    fclose(f);
    return text;
}

Test(config, print_masks_passwords_of_the_database)
{
    static const char *const urls[] = {"postgresql://me:hunter2@db.example/id?sslmode=require",
                                       "postgresql:///id?password=hunter2",
                                       "host=/tmp user=me password=hunter2",
                                       "host=/tmp password='hunter2' dbname='it\\'s'"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        char text[256];
        snprintf(text, sizeof text, "[database]\nurl = %s\nowner_url = %s\n", urls[i], urls[i]);
        struct config *c = loaded(text);
        cr_assert_str_eq(c->database.url, urls[i]);
        char *out = printed(c);
        cr_assert_null(strstr(out, "hunter2"), "%s", out);
        cr_assert_not_null(strstr(out, "password=****"), "%s", out);
        free(out);
        config_free(c);
    }
}

Test(config, what_is_printed_loads_again_as_the_same)
{
    struct config *c = loaded("[server]\nworkers = 3\ncors_origins = https://a.example\n"
                              "[database]\nurl = postgresql://me@localhost/it%27s%5C\n"
                              "[wechat]\n" WECHAT_MERCHANT "[wechat \"two\"]\npayment_ttl = 90s\n"
                              "[alipay \"b\"]\napp_id = 1\n[log]\nlevel = error\nformat = text\n"
                              "[database]\nstatement_timeout = 1500ms\n");
    char *first = printed(c);
    config_free(c);
    c = loaded(first);
    char *second = printed(c);
    cr_assert_str_eq(first, second);
    cr_assert_not_null(strstr(first, "[wechat \"two\"]"));
    cr_assert_not_null(strstr(first, "payment_ttl = 90s"));
    cr_assert_not_null(strstr(first, "statement_timeout = 1500ms"));
    free(first);
    free(second);
    config_free(c);
}

/* The example file, with its commented-out keys switched on. */
static char *example(void)
{
    char *text = NULL, line[512];
    size_t size;
    FILE *in = fopen("config/idphotod.conf", "r"), *out = open_memstream(&text, &size);
    cr_assert_not_null(in);
    while (fgets(line, sizeof line, in) != NULL)
        fputs(line[0] == '#' && line[1] != ' ' && line[1] != '\n' ? line + 1 : line, out);
    fclose(in);
    fclose(out);
    return text;
}

Test(config, the_example_file_names_each_key_once_in_order_and_no_other)
{
    char *text = example(), *rest = text;
    char section[64] = "", key[64];
    size_t row = 0;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        const char *section_wanted, *key_wanted;
        if (sscanf(line, "[%63[a-z]]", section) == 1 || sscanf(line, "%63[a-z0-9_] =", key) != 1)
            continue;
        cr_assert(config_key_at(row, &section_wanted, &key_wanted), "%s too many", line);
        cr_assert_str_eq(section, section_wanted);
        cr_assert_str_eq(key, key_wanted);
        row++;
    }
    const char *section_left, *key_left;
    cr_assert_not(config_key_at(row, &section_left, &key_left), "row %zu", row);
    cr_assert_geq(row, 60);
    free(text);
}

Test(config, the_example_file_shows_the_built_in_values)
{
    char *text = example();
    struct config *c = loaded(text);
    char *shown = printed(c);
    config_free(c);
    c = loaded("[wechat]\nmchid =\n[alipay]\napp_id =\n");
    char *built_in = printed(c);
    cr_assert_str_eq(shown, built_in);
    config_free(c);
    free(text);
    free(shown);
    free(built_in);
}
