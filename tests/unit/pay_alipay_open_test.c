/* SPDX-License-Identifier: MIT */
/* Opening an Alipay application: key files, certificate files, and mistakes with them. */
#include <criterion/criterion.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "key_pair.h"
#include "pay/alipay_keys.h"

static struct arena *a;
static struct key_pair ours, theirs;
static char why[256];

static void set_up(void)
{
    a = arena_new();
    ours = key_pair_named("merchant");
    theirs = key_pair_named("platform");
}

static void tear_down(void)
{
    key_pair_free(&ours);
    key_pair_free(&theirs);
    arena_free(a);
}

TestSuite(alipay_open, .init = set_up, .fini = tear_down);

static struct alipay_options public_key_mode(void)
{
    return (struct alipay_options){
        .app_id = "2021",
        .seller_id = "2088",
        .gateway_url = "https://openapi.alipay.com/gateway.do",
        .app_key_file = file_with(ours.private_pem, a),
        .alipay_public_key_file = file_with(theirs.public_pem, a),
    };
}

static struct alipay_options certificate_mode(void)
{
    struct alipay_options o = public_key_mode();
    o.alipay_public_key_file = NULL;
    o.app_cert_file = file_with(self_signed(&ours, "Test", "app", 1, a), a);
    o.alipay_cert_file = file_with(self_signed(&theirs, "Test", "alipay", 2, a), a);
    o.root_cert_file = file_with(self_signed(&theirs, "Test", "root", 3, a), a);
    return o;
}

static void expect_refused(const struct alipay_options *o, const char *names)
{
    struct alipay *untouched = NULL;
    cr_assert_eq(alipay_open(o, &untouched, why, sizeof why), INVALID);
    cr_assert_null(untouched);
    cr_assert(strstr(why, names), "\"%s\" does not name %s", why, names);
    cr_assert_null(strstr(why, "MII"), "no key in the reason");
}

static struct alipay *opened(const struct alipay_options *o)
{
    struct alipay *p = NULL;
    cr_assert_eq(alipay_open(o, &p, why, sizeof why), OK, "%s", why);
    return p;
}

/* As the console shows a key: base64 alone. */
static const char *bare(const char *pem)
{
    char *copy = arena_strdup(a, pem), *rest = NULL;
    struct buf out = {0};
    for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (line[0] != '-')
            buf_add_str(&out, line);
    const char *text = arena_copy(a, out.bytes, out.size);
    buf_free(&out);
    return text;
}

/* MD5 of a text as lower-case hex, by OpenSSL. */
static const char *md5_hex(const char *text)
{
    unsigned char hash[16];
    char *hex = arena_alloc(a, 33);
    cr_assert_eq(EVP_Digest(text, strlen(text), hash, NULL, EVP_md5(), NULL), 1);
    for (size_t i = 0; i < 16; i++)
        sprintf(hex + 2 * i, "%02x", hash[i]);
    return hex;
}

Test(alipay_open, public_key_mode_takes_pem_and_bare_base64)
{
    struct alipay_options o = public_key_mode();
    struct alipay *p = opened(&o);
    cr_assert_str_eq(alipay_app_id(p), "2021");
    cr_assert_str_eq(alipay_seller_id(p), "2088");
    cr_assert(rsa_is_pair(ours.private_key, ours.public_key));
    cr_assert(rsa_is_pair(p->app_key, ours.public_key));
    cr_assert(rsa_is_pair(theirs.private_key, p->alipay_key));
    cr_assert_str_eq(p->app_cert_sn, "");
    alipay_close(p);
    o.app_key_file = file_with(bare(ours.private_pem), a);
    o.alipay_public_key_file = file_with(bare(theirs.public_pem), a);
    p = opened(&o);
    cr_assert(rsa_is_pair(p->app_key, ours.public_key));
    cr_assert(rsa_is_pair(theirs.private_key, p->alipay_key));
    alipay_close(p);
    alipay_close(NULL);
}

Test(alipay_open, certificate_mode_takes_keys_and_names_from_the_certificates)
{
    struct alipay_options o = certificate_mode();
    struct alipay *p = opened(&o);
    cr_assert(rsa_is_pair(theirs.private_key, p->alipay_key));
    cr_assert_str_eq(p->app_cert_sn, md5_hex("CN=app,O=Test,C=CN1"));
    cr_assert_str_eq(p->alipay_cert_sn, md5_hex("CN=alipay,O=Test,C=CN2"));
    cr_assert_str_eq(p->root_cert_sn, md5_hex("CN=root,O=Test,C=CN3"));
    alipay_close(p);
}

Test(alipay_open, keys_in_the_wrong_place_are_found)
{
    struct alipay_options o = public_key_mode();
    o.alipay_public_key_file = file_with(ours.public_pem, a);
    expect_refused(&o, "alipay_public_key_file");
    o = public_key_mode();
    o.app_key_file = file_with(ours.public_pem, a);
    expect_refused(&o, "app_key_file");
    o = certificate_mode();
    o.app_cert_file = file_with(self_signed(&theirs, "Test", "app", 1, a), a);
    expect_refused(&o, "app_cert_file");
    o = certificate_mode();
    o.alipay_cert_file = o.app_cert_file;
    expect_refused(&o, "alipay_cert_file");
    o = certificate_mode();
    o.alipay_cert_file = file_with(theirs.public_pem, a);
    expect_refused(&o, "alipay_cert_file");
}

Test(alipay_open, exactly_one_mode_is_set_and_whole)
{
    struct alipay_options o = certificate_mode();
    o.alipay_public_key_file = public_key_mode().alipay_public_key_file;
    expect_refused(&o, "alipay_public_key_file");
    o = certificate_mode();
    o.root_cert_file = NULL;
    expect_refused(&o, "root_cert_file");
    o = public_key_mode();
    o.alipay_public_key_file = NULL;
    expect_refused(&o, "alipay_public_key_file");
}

Test(alipay_open, missing_texts_and_files_are_named)
{
    struct alipay_options o = public_key_mode();
    o.app_id = "";
    expect_refused(&o, "app_id");
    o = public_key_mode();
    o.seller_id = NULL;
    expect_refused(&o, "seller_id");
    o = public_key_mode();
    o.gateway_url = "https://openapi.alipay.com/gateway.do?x=1";
    expect_refused(&o, "gateway_url");
    o = public_key_mode();
    o.app_key_file = NULL;
    expect_refused(&o, "app_key_file");
    o = public_key_mode();
    o.app_key_file = "/nowhere/key.pem";
    expect_refused(&o, "/nowhere/key.pem");
    o = public_key_mode();
    cr_assert_eq(chmod(o.app_key_file, 0644), 0);
    expect_refused(&o, "app_key_file");
    o = certificate_mode();
    o.root_cert_file = file_with("no certificate", a);
    expect_refused(&o, "root_cert_file");
}

Test(alipay_cert, the_first_certificate_of_a_file_counts, .init = set_up, .fini = tear_down)
{
    char sn[ALIPAY_CERT_SN_BYTES];
    const char *chain =
        arena_printf(a, "bag attributes\n%s%s", self_signed(&ours, "Test", "one", 255, a),
                     self_signed(&theirs, "Test", "two", 2, a));
    cr_assert_eq(alipay_cert_sn(chain, strlen(chain), sn), OK);
    cr_assert_str_eq(sn, md5_hex("CN=one,O=Test,C=CN255"), "the serial is decimal");
    cr_assert_eq(alipay_cert_sn("", 0, sn), INVALID);
}

Test(alipay_cert, names_beyond_ascii_stay_utf8, .init = set_up, .fini = tear_down)
{
    char sn[ALIPAY_CERT_SN_BYTES];
    const char *pem = self_signed(&ours, "蚂蚁", "a,b", 7, a);
    cr_assert_eq(alipay_cert_sn(pem, strlen(pem), sn), OK);
    cr_assert_str_eq(sn, md5_hex("CN=a\\,b,O=蚂蚁,C=CN7"), "RFC 2253 escapes a comma alone");
}

Test(alipay_cert, root_certificates_not_signed_with_rsa_do_not_count, .init = set_up,
     .fini = tear_down)
{
    char sn[ALIPAY_ROOT_SN_BYTES];
    struct key_pair curve = {.pkey = EVP_EC_gen("P-256")};
    const char *one = self_signed(&ours, "Test", "one", 1, a);
    const char *ec = self_signed(&curve, "Test", "curve", 2, a);
    const char *three = self_signed(&theirs, "Test", "three", 3, a);
    const char *bundle = arena_printf(a, "%s%s%s", one, ec, three);
    const char *expected =
        arena_printf(a, "%s_%s", md5_hex("CN=one,O=Test,C=CN1"), md5_hex("CN=three,O=Test,C=CN3"));
    cr_assert_eq(alipay_root_cert_sn(bundle, strlen(bundle), sn), OK);
    cr_assert_str_eq(sn, expected);
    cr_assert_eq(alipay_root_cert_sn(ec, strlen(ec), sn), INVALID);
    cr_assert_eq(alipay_root_cert_sn(bundle, strlen(bundle) - 40, sn), INVALID, "cut short");
    key_pair_free(&curve);
}

Test(alipay_cert, more_root_certificates_than_there_is_room_for_are_refused, .init = set_up,
     .fini = tear_down)
{
    char sn[ALIPAY_ROOT_SN_BYTES];
    const char *one = self_signed(&ours, "Test", "one", 1, a);
    struct buf bundle = {0};
    for (int i = 0; i < 16; i++)
        buf_add_str(&bundle, one);
    cr_assert_eq(alipay_root_cert_sn((const char *)bundle.bytes, bundle.size, sn), OK);
    cr_assert_eq(strlen(sn), 16 * 33 - 1);
    buf_add_str(&bundle, one);
    cr_assert_eq(alipay_root_cert_sn((const char *)bundle.bytes, bundle.size, sn), INVALID);
    buf_free(&bundle);
}
