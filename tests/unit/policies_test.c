/* SPDX-License-Identifier: MIT */
/* The index of privacy policies: what stops the start, and which version counts when. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/policies.h"
#include "base/clock.h"

#define ENTRY(version, effective, major, more)                                                     \
    "{\"version\": \"" version "\", \"effective_at\": \"" effective "\", \"major\": " major        \
    ", \"permissions\": [], \"purposes\": [{\"code\": \"service\"}], \"retention\": {},"           \
    " \"contact\": {}, \"file\": \"text\"" more "}"
#define FIRST  ENTRY("1", "2026-01-01T00:00:00+08:00", "true", "")
#define SECOND ENTRY("2", "2026-02-01T00:00:00+08:00", "false", "")
#define THIRD  ENTRY("3", "2026-03-01T00:00:00+08:00", "true", "")

#define MORE(more) ENTRY("1", "2026-01-01T00:00:00+08:00", "true", ", " more)

static char folder[] = "/tmp/policies.XXXXXX";
static char why[512];

static void write_file(const char *name, const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void open_folder(void)
{
    cr_assert(mkdtemp(folder));
    write_file("text", "隐私政策\n");
}

static void close_folder(void)
{
    char path[64];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, i ? "text" : "policies.json");
        unlink(path);
    }
    rmdir(folder);
}

static struct policies *load(const char *index)
{
    struct policies *p = NULL;
    why[0] = 0;
    write_file("policies.json", index);
    enum status s = policies_load(folder, &p, why, sizeof why);
    cr_assert((s == OK) == (p != NULL), "%s", why);
    return p;
}

static int64_t at(const char *text)
{
    int64_t us = 0;
    cr_assert(time_parse(text, &us) == OK);
    return us;
}

Test(policies, an_index_that_is_not_whole_stops_the_start, .init = open_folder,
     .fini = close_folder)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "[7]",
        "[" FIRST ", " SECOND ", " ENTRY("1", "2026-04-01T00:00:00+08:00", "true", "") "]",
        "[" ENTRY("", "2026-01-01T00:00:00+08:00", "true", "") "]",
        "[" ENTRY("a/b", "2026-01-01T00:00:00+08:00", "true", "") "]",
        "[" ENTRY("1", "2026-01-01", "true", "") "]",
        "[" ENTRY("1", "2026-01-01T00:00:00+08:00", "1", "") "]",
        "[" ENTRY("1", "2026-01-01T00:00:00+08:00", "true", ", \"file\": \"text\"") "]",
        "[{\"version\": \"1\", \"effective_at\": \"2026-01-01T00:00:00Z\", \"major\": true,"
        " \"permissions\": [], \"purposes\": [{}], \"retention\": {}, \"contact\": {},"
        " \"file\": \"text\"}]",
        "[{\"version\": \"1\", \"effective_at\": \"2026-01-01T00:00:00Z\", \"major\": true,"
        " \"purposes\": [], \"retention\": {}, \"contact\": {}, \"file\": \"text\"}]",
        "[{\"version\": \"1\", \"effective_at\": \"2026-01-01T00:00:00Z\", \"major\": true,"
        " \"permissions\": [], \"purposes\": [], \"contact\": {}, \"file\": \"text\"}]",
        "[{\"version\": \"1\", \"effective_at\": \"2026-01-01T00:00:00Z\", \"major\": true,"
        " \"permissions\": [], \"purposes\": [], \"retention\": {}, \"contact\": {},"
        " \"file\": \"nowhere\"}]",
        "[" MORE("\"supplements\": {}") "]",
        "[" MORE("\"supplements\": [{\"purpose\": \"service\"}]") "]",
        "[" MORE("\"supplements\": [{\"purpose\": \"service\", \"file\": \"nowhere\"}]") "]",
        "[" MORE("\"supplements\": [{\"purpose\": \"sale\", \"file\": \"text\"}]") "]",
        "[" MORE("\"supplements\": [{\"file\": \"text\"}]") "]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct policies *p = load(bad[i]);
        cr_expect(!p && strstr(why, folder), "%zu: %s", i, why);
        policies_free(p);
    }
}

Test(policies, a_text_that_is_not_utf_8_stops_the_start, .init = open_folder, .fini = close_folder)
{
    write_file("text", "\xff");
    cr_expect_null(load("[" FIRST "]"));
}

Test(policies, the_newest_in_force_is_current_and_a_later_major_one_asks_again, .init = open_folder,
     .fini = close_folder)
{
    struct policies *p = load("[" THIRD ", " FIRST ", " SECOND "]");
    cr_assert(p, "%s", why);
    int64_t january = at("2026-01-15T00:00:00+08:00"), march = at("2026-03-01T00:00:00+08:00");
    cr_expect_str_eq(policy_current(p, january - 30 * DAY_US)->version, "1", "before any");
    cr_expect_str_eq(policy_current(p, january)->version, "1");
    cr_expect_str_eq(policy_current(p, march - 1)->version, "2");
    cr_expect_str_eq(policy_current(p, march)->version, "3");
    cr_expect(policy_is_enough(p, "1", march - 1));
    cr_expect_not(policy_is_enough(p, "1", march));
    cr_expect_not(policy_is_enough(p, "2", march));
    cr_expect(policy_is_enough(p, "3", march));
    cr_expect_not(policy_is_enough(p, "4", march), "unknown");
    cr_expect(policy_has_purpose(p, "service", march));
    cr_expect_not(policy_has_purpose(p, "sale", march));
    /* the SHA-256 of the text by sha256sum */
    const char *hash = json_string_value(json_object_get(policy_find(p, "1")->document, "sha256"));
    cr_expect_str_eq(hash, "c05f234377aef3074582be60dc8b4d8839747f51dad98d5bede1562d8226569d");
    policies_free(p);
}

Test(policies, a_purposes_own_text_comes_with_its_hash, .init = open_folder, .fini = close_folder)
{
    struct policies *p =
        load("[" MORE("\"supplements\": [{\"purpose\": \"service\", \"file\": \"text\"}]") "]");
    cr_assert(p, "%s", why);
    json_t *list = json_object_get(policy_find(p, "1")->document, "supplements");
    json_t *one = json_array_get(list, 0);
    cr_expect_eq(json_array_size(list), 1);
    cr_expect_str_eq(json_string_value(json_object_get(one, "text")), "隐私政策\n");
    cr_expect_str_eq(json_string_value(json_object_get(one, "sha256")),
                     "c05f234377aef3074582be60dc8b4d8839747f51dad98d5bede1562d8226569d");
    cr_expect_null(json_object_get(one, "file"));
    policies_free(p);
    p = load("[" FIRST "]");
    cr_expect_eq(json_array_size(json_object_get(policy_find(p, "1")->document, "supplements")), 0);
    policies_free(p);
}
