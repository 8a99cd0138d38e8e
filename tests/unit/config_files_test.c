/* SPDX-License-Identifier: MIT */
/* The files of config/ say what the policy promises, and the programs that read them agree. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "api/catalogue.h"
#include "memory_file.h"

static json_t *file(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(json, "%s:%d: %s", path, error.line, error.text);
    return json;
}

static const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    cr_assert_not_null(text, "%s", name);
    cr_assert_gt(strlen(text), 0, "%s", name);
    return text;
}

static void assert_codes_are_unique(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *code = member(json_array_get(list, i), "code");
        cr_assert_eq(strspn(code, "abcdefghijklmnopqrstuvwxyz-"), strlen(code), "%s", code);
        for (size_t j = 0; j < i; j++)
            cr_assert_str_neq(code, member(json_array_get(list, j), "code"));
    }
}

Test(config_files, every_policy_version_is_complete_and_its_text_is_there)
{
    json_t *index = file("config/policy/policies.json"), *policy, *purpose;
    size_t i, j;
    cr_assert_gt(json_array_size(index), 0);
    json_array_foreach(index, i, policy)
    {
        char path[256], first[64] = "";
        snprintf(path, sizeof path, "config/policy/%s", member(policy, "file"));
        FILE *text = fopen(path, "r");
        cr_assert_not_null(text, "%s", path);
        cr_assert_not_null(fgets(first, sizeof first, text));
        fclose(text);
        cr_assert_not_null(strstr(first, "隐私政策"), "%s", first);
        cr_assert(json_is_boolean(json_object_get(policy, "major")));
        member(policy, "effective_at");
        assert_codes_are_unique(json_object_get(policy, "permissions"));
        assert_codes_are_unique(json_object_get(policy, "purposes"));
        json_array_foreach(json_object_get(policy, "purposes"), j, purpose)
        {
            const char *ground = member(purpose, "ground");
            cr_assert(!strcmp(ground, "contract") || !strcmp(ground, "consent") ||
                          !strcmp(ground, "separate-consent") || !strcmp(ground, "legal-duty"),
                      "%s", ground);
            member(purpose, "text_zh");
            member(purpose, "text_en");
        }
    }
    json_decref(index);
}

/* Policy section 2, clause 3, and section 5, item 2. */
Test(config_files, the_index_repeats_the_texts_own_periods_and_address)
{
    char text[20000] = "", wanted[128];
    json_t *index = file("config/policy/policies.json");
    json_t *policy = json_array_get(index, json_array_size(index) - 1);
    json_t *retention = json_object_get(policy, "retention");
    snprintf(wanted, sizeof wanted, "config/policy/%s", member(policy, "file"));
    FILE *f = fopen(wanted, "r");
    cr_assert_not_null(f);
    cr_assert_gt(fread(text, 1, sizeof text - 1, f), 0);
    fclose(f);
    snprintf(wanted, sizeof wanted, "支付成功之日起%lld天内",
             (long long)json_integer_value(json_object_get(retention, "photo_days")));
    cr_assert_not_null(strstr(text, wanted), "%s", wanted);
    snprintf(wanted, sizeof wanted, "支付成功之日起保留 %lld 天",
             (long long)json_integer_value(json_object_get(retention, "order_days")));
    cr_assert_not_null(strstr(text, wanted), "%s", wanted);
    cr_assert_not_null(strstr(text, member(json_object_get(policy, "contact"), "email")));
    json_decref(index);
}

Test(config_files, products_are_sold_at_whole_positive_prices)
{
    json_t *catalogue = file("config/catalogue.json"), *product;
    size_t i, electronic = 0, print = 0;
    json_array_foreach(json_object_get(catalogue, "products"), i, product)
    {
        const char *kind = member(product, "kind");
        electronic += strcmp(kind, "electronic") == 0;
        print += strcmp(kind, "print") == 0;
        cr_assert_gt(json_integer_value(json_object_get(product, "price_fen")), 0);
        member(product, "id");
        member(product, "name_zh");
        member(product, "name_en");
        member(product, "per");
    }
    cr_assert_gt(electronic, 0);
    cr_assert_gt(print, 0);
    cr_assert_eq(electronic + print, i);
    json_decref(catalogue);
}

/* What a customer is promised by name fits on the paper that the catalogue names. */
Test(config_files, every_sheet_of_the_catalogue_holds_its_photos)
{
    char why[200];
    struct catalogue *c;
    size_t n, sheets = 0;
    cr_assert_eq(catalogue_load("config/catalogue.json", &c, why, sizeof why), OK, "%s", why);
    const struct product *p = catalogue_products(c, &n);
    for (size_t i = 0; i < n; i++) {
        struct sheet_kind kinds[PRODUCT_PHOTOS_MOST];
        struct sheet_layout l;
        const struct product_sheet *s = &p[i].sheet;
        if (strcmp(p[i].kind, "print") != 0)
            continue;
        for (size_t k = 0; k < s->n_photos; k++)
            kinds[k] = (struct sheet_kind){sheet_px(s->photos[k].width_mm, s->wanted.dpi),
                                           sheet_px(s->photos[k].height_mm, s->wanted.dpi),
                                           s->photos[k].count};
        cr_assert_eq(sheet_arrange(&s->wanted, kinds, s->n_photos, &l), OK, "%s", p[i].id);
        for (size_t k = 0; k < s->n_photos; k++)
            cr_expect_eq(l.placed[k], s->photos[k].count, "%s: %d of %d", p[i].id, l.placed[k],
                         s->photos[k].count);
        sheets++;
    }
    cr_expect_eq(sheets, 3);
    catalogue_free(c);
}

Test(config_files, a_sheet_that_cannot_be_is_refused)
{
    static const char *const sheets[] = {
        "{}",
        "{\"layout\": \"B5\"}",
        "{\"layout\": \"4R\", \"photos\": []}",
        "{\"layout\": \"4R\", \"photos\": [{\"width_mm\": 25}]}",
        "{\"layout\": \"4R\", \"photos\": [{\"count\": -1}]}",
        "{\"layout\": \"4R\", \"photos\": [{}, {}, {}, {}, {}]}",
        "{\"layout\": \"4R\", \"paper\": \"4R\"}",
    };
    for (size_t i = 0; i < sizeof sheets / sizeof *sheets; i++) {
        char text[300], why[200];
        struct catalogue *c = NULL;
        int n =
            snprintf(text, sizeof text,
                     "{\"products\": [{\"id\": \"p\", \"kind\": \"print\", \"name_zh\": \"z\","
                     " \"name_en\": \"e\", \"price_fen\": 1, \"per\": \"sheet\", \"sheet\": %s}]}",
                     sheets[i]);
        const struct memory_file f = memory_file(text, (size_t)n);
        cr_expect_eq(catalogue_load(f.path, &c, why, sizeof why), INVALID, "%s", sheets[i]);
        catalogue_free(c);
        memory_file_close(&f);
    }
}

/* Constitution of the PRC, article 30, and GB/T 2260: 23 provinces, 5 autonomous regions, 4
 * municipalities, 2 special administrative regions. */
Test(config_files, the_provinces_are_the_34_divisions_and_no_name_means_two)
{
    static const struct {
        const char *ending;
        size_t count;
    } kinds[] = {{"省", 23}, {"自治区", 5}, {"市", 4}, {"特别行政区", 2}};
    size_t seen[4] = {0}, i, j, n_names = 0;
    const char *all[128];
    json_t *root = file("config/provinces.json"), *entry, *alias;
    json_array_foreach(json_object_get(root, "provinces"), i, entry)
    {
        const char *name = all[n_names++] = member(entry, "name");
        for (size_t k = 0; k < 4; k++) {
            size_t n = strlen(name), m = strlen(kinds[k].ending);
            seen[k] += n > m && strcmp(name + n - m, kinds[k].ending) == 0;
        }
        json_array_foreach(json_object_get(entry, "short"), j, alias)
        {
            all[n_names] = json_string_value(alias);
            cr_assert_eq(strncmp(name, all[n_names], strlen("北京")), 0, "%s", name);
            n_names++;
        }
        cr_assert_gt(j, 0);
    }
    for (size_t k = 0; k < 4; k++)
        cr_assert_eq(seen[k], kinds[k].count, "%s: %zu", kinds[k].ending, seen[k]);
    for (i = 0; i < n_names; i++)
        for (j = 0; j < i; j++)
            cr_assert_str_neq(all[i], all[j]);
    json_decref(root);
}
