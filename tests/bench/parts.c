/* SPDX-License-Identifier: MIT */
/*
 * What a WeChat callback costs the server's processor, part by part, by the server's own code.
 *
 *   bench-parts CONFIG REQUEST   the text of one signed HTTP request
 *
 * Prints {"verify": US, "decrypt": US, "parse": US, "seal": US}: medians of rounds, microseconds of
 * processor time each.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/config.h"
#include "jobs/service.h"
#include "pay/aead.h"

enum { ROUNDS = 9, TIMES = 400, REQUEST_MOST = 65536 };

struct bench {
    struct service service;
    struct wechat *wechat;
    struct wechat_headers headers;
    const char *body;
    size_t body_size;
    struct wechat_notice notice;
    int64_t now_us;
};

typedef bool (*part)(struct bench *b, struct arena *a);

static bool verify(struct bench *b, struct arena *a)
{
    (void)a;
    return wechat_verify(b->wechat, &b->headers, b->body, b->body_size, b->now_us) ==
           NOTIFY_ACCEPTED;
}

/* Verifies, takes the envelope apart, decrypts, parses. */
static bool open_whole(struct bench *b, struct arena *a)
{
    const struct wechat *chosen;
    return wechat_open_notice(&b->wechat, 1, &b->headers, b->body, b->body_size, b->now_us, a,
                              &b->notice, &chosen) == NOTIFY_ACCEPTED;
}

/* As many bytes as the resource has, under a key of its length. */
static bool decrypt(struct bench *b, struct arena *a)
{
    static const unsigned char key[32], nonce[12];
    static unsigned char sealed[REQUEST_MOST];
    static size_t n;
    struct span k = {key, sizeof key}, no = {nonce, sizeof nonce}, none = {NULL, 0};
    if (n == 0 &&
        aead_seal(k, no, none, (struct span){b->notice.plaintext, b->notice.plaintext_size},
                  sealed) == OK)
        n = b->notice.plaintext_size + AEAD_TAG_BYTES;
    return aead_open(k, no, none, (struct span){sealed, n}, arena_alloc(a, n)) == OK;
}

/* The payer's record: its key, wrapped, and its text. */
static bool seal(struct bench *b, struct arena *a)
{
    static const char text[] =
        "{\"openid\":\"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o\",\"ip_callback\":\"192.0.2.1\"}";
    struct record r;
    struct params p = {0};
    if (record_new(b->service.vault, "payer", 0, uuid_of_text(b->notice.trade.out_trade_no),
                   day_of(b->now_us) + 30, &r) != OK)
        return false;
    add_sealed_text(&p, a, &r, "payer_sealed", text);
    record_wipe(&r);
    return p.count == 1;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double time_part(struct bench *b, part run)
{
    double us[ROUNDS];
    for (int k = 0; k < ROUNDS; k++) {
        clock_t begin = clock();
        for (int i = 0; i < TIMES; i++) {
            struct arena *a = arena_new();
            if (!run(b, a)) {
                fprintf(stderr, "bench-parts: a part failed\n");
                exit(1);
            }
            arena_free(a);
        }
        us[k] = (double)(clock() - begin) * 1e6 / CLOCKS_PER_SEC / TIMES;
    }
    qsort(us, ROUNDS, sizeof *us, by_size);
    return us[ROUNDS / 2];
}

/* Cuts "Name: value" lines and the body out of the text of a request, in place. */
static void read_request(struct bench *b, char *text)
{
    static const char *const names[] = {
        "Wechatpay-Timestamp: ", "Wechatpay-Nonce: ", "Wechatpay-Signature: ", "Wechatpay-Serial: ",
        "Wechatpay-Signature-Type: "};
    const char **const values[] = {&b->headers.timestamp, &b->headers.nonce, &b->headers.signature,
                                   &b->headers.serial, &b->headers.signature_type};
    char *body = strstr(text, "\r\n\r\n");
    if (!body)
        return;
    b->body = body + 4;
    b->body_size = strlen(b->body);
    *body = 0;
    for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n"))
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strncmp(line, names[i], strlen(names[i])) == 0)
                *values[i] = line + strlen(names[i]);
}

static bool set_up(struct bench *b, const char *file, char *request, char *why, size_t why_size)
{
    struct config *config;
    if (sodium_init() < 0 || config_load(file, NULL, 0, &config, why, why_size) != OK ||
        service_open(config, &b->service, why, why_size) != OK)
        return false;
    struct wechat *merchants[CONFIG_MERCHANTS_MAX];
    if (service_wechats(&b->service, merchants) == 0)
        return false;
    b->wechat = merchants[0];
    b->now_us = clock_now_us();
    read_request(b, request);
    return b->body != NULL;
}

int main(int argc, char **argv)
{
    static struct bench b;
    char why[512] = "";
    if (argc != 3 || !set_up(&b, argv[1], argv[2], why, sizeof why)) {
        fprintf(stderr, "bench-parts: CONFIG REQUEST %s\n", why);
        return 64;
    }
    struct arena *a = arena_new();
    if (!open_whole(&b, a)) /* the notice stays for the parts below */
        return 1;
    double whole = time_part(&b, open_whole), verified = time_part(&b, verify);
    if (!open_whole(&b, a))
        return 1;
    double opened = time_part(&b, decrypt);
    printf("{\"verify\": %.1f, \"decrypt\": %.1f, \"parse\": %.1f, \"seal\": %.1f}\n", verified,
           opened, whole - verified - opened, time_part(&b, seal));
    arena_free(a);
    service_close(&b.service);
    return 0;
}
