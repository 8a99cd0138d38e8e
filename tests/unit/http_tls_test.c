/* SPDX-License-Identifier: MIT */
/* TLS, its reload, client certificates; and the client for the payment providers. */
#include <criterion/criterion.h>
#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/client.h"
#include "http_fixture.h"

static struct fixture f;
static char folder[64];

static const char *file(const char *name)
{
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...)
{
    char command[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(command, sizeof command, format, ap);
    va_end(ap);
    cr_assert_eq(system(command), 0, "%s", command);
}

/* A certificate of its own for 127.0.0.1, or one of `ca`. */
static void make_certificate(const char *name, const char *common_name, const char *ca,
                             const char *extension)
{
    char issuer[256] = "";
    if (ca)
        snprintf(issuer, sizeof issuer, "-CA %s/%s.crt -CAkey %s/%s.key", folder, ca, folder, ca);
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        "-subj /CN=%s -addext subjectAltName=IP:127.0.0.1 %s%s %s -keyout %s/%s.key -out %s/%s.crt "
        "2>/dev/null",
        common_name, extension ? "-addext " : "", extension ? extension : "", issuer, folder, name,
        folder, name);
}

static void begin(void)
{
    mkdir("build", 0755);
    strcpy(folder, "build/tls-test.XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    make_certificate("one", "first", NULL, NULL);
    fixture_init(&f);
    f.listeners[0].tls_cert = file("one.crt");
    f.listeners[0].tls_key = file("one.key");
}

static void start(void)
{
    begin();
    fixture_start(&f);
}

static void stop(void)
{
    fixture_stop(&f);
    run("rm -rf %s", folder);
}

struct got {
    long status;
    CURLcode rc;
    char subject[128], body[8192], hsts[128];
    size_t body_size;
};

static size_t take(char *bytes, size_t size, size_t n, void *arg)
{
    struct got *g = arg;
    for (size_t i = 0; i < size * n && g->body_size + 1 < sizeof g->body; i++)
        g->body[g->body_size++] = bytes[i];
    return size * n;
}

static size_t take_line(char *line, size_t size, size_t n, void *arg)
{
    struct got *g = arg;
    if (strncasecmp(line, "Strict-Transport-Security:", 26) == 0)
        snprintf(g->hsts, sizeof g->hsts, "%.*s", (int)(size * n), line);
    return size * n;
}

static void read_subject(CURL *curl, struct got *g)
{
    struct curl_certinfo *chain = NULL;
    curl_easy_getinfo(curl, CURLINFO_CERTINFO, &chain);
    for (const struct curl_slist *l = chain && chain->num_of_certs ? chain->certinfo[0] : NULL; l;
         l = l->next)
        if (strncmp(l->data, "Subject:", 8) == 0)
            snprintf(g->subject, sizeof g->subject, "%s", l->data + 8);
}

static struct got ask(unsigned port, const char *path, const char *client, long tls_version)
{
    struct got g = {0};
    char url[128];
    CURL *curl = curl_easy_init();
    snprintf(url, sizeof url, "https://127.0.0.1:%u%s", port, path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, tls_version);
    curl_easy_setopt(curl, CURLOPT_SSL_CIPHER_LIST, "DEFAULT:@SECLEVEL=0");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &g);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_line);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &g);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
    if (client) {
        char crt[128], key[128];
        snprintf(crt, sizeof crt, "%s/%s.crt", folder, client);
        snprintf(key, sizeof key, "%s/%s.key", folder, client);
        curl_easy_setopt(curl, CURLOPT_SSLCERT, crt);
        curl_easy_setopt(curl, CURLOPT_SSLKEY, key);
    }
    g.rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &g.status);
    read_subject(curl, &g);
    curl_easy_cleanup(curl);
    return g;
}

Test(tls, requests_are_served_over_tls_with_hsts, .init = start, .fini = stop)
{
    struct got g = ask(f.port, "/hello", NULL, CURL_SSLVERSION_DEFAULT);
    cr_assert_eq(g.rc, CURLE_OK, "%s", curl_easy_strerror(g.rc));
    cr_expect_eq(g.status, 200);
    cr_expect_not_null(strstr(g.hsts, "max-age="));
    cr_expect_not_null(strstr(g.subject, "first"));
}

Test(tls, versions_below_1_2_are_refused, .init = start, .fini = stop)
{
    cr_expect_eq(
        ask(f.port, "/hello", NULL, CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2).status,
        200);
    cr_expect_eq(ask(f.port, "/hello", NULL, CURL_SSLVERSION_TLSv1_3).status, 200);
    cr_expect_neq(
        ask(f.port, "/hello", NULL, CURL_SSLVERSION_TLSv1_0 | CURL_SSLVERSION_MAX_TLSv1_1).rc,
        CURLE_OK);
}

Test(tls, a_reload_gives_new_connections_the_new_certificate, .init = start, .fini = stop)
{
    make_certificate("two", "second", NULL, NULL);
    run("cp %s %s && cp %s %s", file("two.crt"), file("one.crt"), file("two.key"), file("one.key"));
    cr_expect_not_null(strstr(ask(f.port, "/hello", NULL, 0).subject, "first"));
    cr_assert_eq(server_reload_tls(f.server), OK);
    cr_expect_not_null(strstr(ask(f.port, "/hello", NULL, 0).subject, "second"));
}

/* openssl's word, in seconds since 1970 */
static long long end_of(const char *cert)
{
    char command[512];
    long long end_s = 0;
    snprintf(command, sizeof command,
             "date -d \"$(openssl x509 -in %s -noout -enddate | cut -d= -f2)\" +%%s", file(cert));
    FILE *said = popen(command, "r");
    cr_assert(said && fscanf(said, "%lld", &end_s) == 1);
    pclose(said);
    return end_s;
}

Test(tls, the_end_of_the_certificate_in_use_is_told, .init = start, .fini = stop)
{
    cr_assert_eq(server_certificate_expiry_us(f.server, LISTENER_PUBLIC),
                 end_of("one.crt") * SECOND_US);
    cr_assert_eq(server_certificate_expiry_us(f.server, LISTENER_OPERATOR), 0);
}

Test(tls, a_certificate_that_does_not_load_leaves_the_old_one, .init = start, .fini = stop)
{
    close(2); /* it is logged as an error */
    make_certificate("two", "second", NULL, NULL);
    run("cp %s %s", file("two.crt"), file("one.crt"));
    cr_expect_eq(server_reload_tls(f.server), INVALID, "a key of another certificate");
    cr_expect_not_null(strstr(ask(f.port, "/hello", NULL, 0).subject, "first"));
    run("rm %s", file("one.crt"));
    cr_expect_eq(server_reload_tls(f.server), INVALID);
    cr_expect_not_null(strstr(ask(f.port, "/hello", NULL, 0).subject, "first"));
}

Test(tls, a_plain_request_on_a_tls_port_is_not_served, .init = start, .fini = stop)
{
    struct answer a = raw_ask(f.port, "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n");
    cr_expect_neq(a.status, 200);
    answer_free(&a);
}

Test(tls, a_handshake_that_stalls_is_cut, .init = start, .fini = stop)
{
    int fd = raw_connect(f.port);
    raw_send(fd, "\x16\x03\x01");
    cr_expect(raw_closes_within(fd, 3000));
    close(fd);
}

static void start_with_authority(void)
{
    begin();
    make_certificate("ca", "authority", NULL, "basicConstraints=critical,CA:TRUE");
    make_certificate("operator", "operator", "ca", "extendedKeyUsage=clientAuth");
    make_certificate("server", "server", "ca", "extendedKeyUsage=serverAuth");
    make_certificate("other", "other", NULL, "extendedKeyUsage=clientAuth");
    f.listeners[0].client_ca = file("ca.crt");
    fixture_start(&f);
}

Test(tls, only_the_authoritys_clients_are_served, .init = start_with_authority, .fini = stop)
{
    static const char *const refused[] = {NULL, "other", "server"};
    cr_expect_eq(ask(f.port, "/hello", "operator", 0).status, 200);
    for (size_t i = 0; i < 3; i++) {
        struct got g = ask(f.port, "/hello", refused[i], 0);
        cr_expect_eq(g.status, 403, "%s: %ld", refused[i] ? refused[i] : "none", g.status);
        cr_expect_not_null(strstr(g.body, "client-certificate-required"));
    }
}

Test(tls, options_that_cannot_be_stop_the_start, .init = begin)
{
    struct server *s = NULL;
    char why[256] = "";
    f.options.listeners = f.listeners;
    f.listeners[0].tls_key = NULL;
    cr_expect_eq(server_start(&f.options, &s, why, sizeof why), INVALID);
    f.listeners[0].tls_key = file("missing");
    cr_expect_eq(server_start(&f.options, &s, why, sizeof why), INVALID);
    f.listeners[0].tls_cert = f.listeners[0].tls_key = NULL;
    f.listeners[0].listen = "localhost";
    cr_expect_eq(server_start(&f.options, &s, why, sizeof why), INVALID);
    f.listeners[0].listen = "192.0.2.1:1";
    cr_expect_eq(server_start(&f.options, &s, why, sizeof why), UNAVAILABLE);
    f.options.trusted_proxies = "nobody";
    cr_expect_eq(server_start(&f.options, &s, why, sizeof why), INVALID);
    cr_expect(*why);
    cr_expect_null(s);
    run("rm -rf %s", folder);
}

/* ---- the client ---- */

static void start_plain(void)
{
    fixture_init(&f);
    fixture_start(&f);
}

static void stop_plain(void)
{
    fixture_stop(&f);
}

static enum status call(const char *path, int64_t timeout_us, struct client_answer *answer,
                        struct arena *a)
{
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", f.port, path);
    struct client *c = client_new();
    struct client_call get = {.method = "GET", .url = url, .timeout_us = timeout_us};
    enum status s = client_send(c, &get, a, answer);
    client_free(c);
    return s;
}

Test(client, an_answer_has_status_headers_and_body, .init = start_plain, .fini = stop_plain)
{
    struct arena *a = arena_new();
    struct client_answer answer;
    cr_assert_eq(call("/nowhere", 0, &answer, a), OK);
    cr_expect_eq(answer.http_status, 404);
    cr_expect_str_eq(client_header(&answer, "content-TYPE"), "application/problem+json");
    cr_expect_null(client_header(&answer, "X-Absent"));
    cr_expect_not_null(strstr(answer.body, "not-found"));
    answer.headers[0].name = answer.headers[1].name = "Twice";
    cr_expect_str_eq(client_header(&answer, "twice"), "");
    arena_free(a);
}

Test(client, what_is_late_too_large_or_out_of_reach_is_told_apart, .init = start_plain,
     .fini = stop_plain)
{
    struct arena *a = arena_new();
    struct client_answer answer = {.http_status = 42};
    close(2);
    cr_expect_eq(call("/held", SECOND_US / 4, &answer, a), UNAVAILABLE);
    cr_expect_eq(call("/big", 0, &answer, a), TOO_LARGE);
    cr_expect_eq(answer.http_status, 42);
    struct client *c = client_new();
    struct client_call call = {.method = "GET", .url = "http://127.0.0.1:1/"};
    cr_expect_eq(client_send(c, &call, a, &answer), UNAVAILABLE);
    call.url = "file:///etc/hostname";
    cr_expect_eq(client_send(c, &call, a, &answer), UNAVAILABLE);
    client_free(c);
    arena_free(a);
}

Test(client, a_certificate_nobody_vouches_for_is_refused, .init = start, .fini = stop)
{
    struct arena *a = arena_new();
    struct client_answer answer;
    char url[128];
    close(2);
    snprintf(url, sizeof url, "https://127.0.0.1:%u/hello", f.port);
    struct client *c = client_new();
    struct client_call get = {.method = "GET", .url = url};
    cr_expect_eq(client_send(c, &get, a, &answer), UNAVAILABLE);
    client_free(c);
    arena_free(a);
}
