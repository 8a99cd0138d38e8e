/* SPDX-License-Identifier: MIT */
#include "image/gates.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* One side of a gate: below `least` or above `most` of what is good. NAN: no such limit. */
struct side {
    double warn, fail;
    const char *advice_zh, *advice_en;
};

struct gate_row {
    bool there;
    struct side low, high;
};

struct gates {
    json_t *root; /* owns the texts */
    struct gate_row rows[IDPHOTO_MEASURES];
};

const char *verdict_name(enum verdict v)
{
    switch (v) {
    case VERDICT_PASS: return "pass";
    case VERDICT_WARN: return "warn";
    case VERDICT_FAIL: return "fail";
    }
    return "";
}

/* ---- the table ---- */

static bool find_measure(const char *name, enum idphoto_measure_id *out)
{
    for (int i = 0; i < IDPHOTO_MEASURES; i++)
        if (strcmp(idphoto_measure_name((enum idphoto_measure_id)i), name) == 0) {
            *out = (enum idphoto_measure_id)i;
            return true;
        }
    return false;
}

/* order: +1 where more is worse. A warning comes before the failure. */
static bool read_side(json_t *side, int order, struct side *out)
{
    *out = (struct side){.warn = NAN, .fail = NAN};
    if (!side)
        return true;
    if (json_unpack(side, "{s?F, s?F, s:s, s:s !}", "warn", &out->warn, "fail", &out->fail,
                    "advice_zh", &out->advice_zh, "advice_en", &out->advice_en) != 0)
        return false;
    bool in_order = isnan(out->warn) || isnan(out->fail) || order * (out->fail - out->warn) > 0;
    return in_order && !(isnan(out->warn) && isnan(out->fail)) && *out->advice_zh &&
           *out->advice_en;
}

static bool read_row(struct gates *g, json_t *entry)
{
    const char *measure, *source;
    json_t *low = NULL, *high = NULL;
    enum idphoto_measure_id id;
    if (json_unpack(entry, "{s:s, s:s, s?o, s?o !}", "measure", &measure, "source", &source, "low",
                    &low, "high", &high) != 0 ||
        !find_measure(measure, &id) || g->rows[id].there || !*source)
        return false;
    g->rows[id].there = true;
    return read_side(low, -1, &g->rows[id].low) && read_side(high, 1, &g->rows[id].high);
}

static enum status read_rows(struct gates *g, const char *file, char *why, size_t why_size)
{
    json_t *list = json_object_get(g->root, "gates");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!read_row(g, json_array_get(list, i))) {
            const char *name =
                json_string_value(json_object_get(json_array_get(list, i), "measure"));
            snprintf(why, why_size,
                     "%s: gate %zu (%s): expected a measure that is not there yet, source, and low "
                     "and high with warn before fail and both advices",
                     file, i, name ? name : "?");
            return INVALID;
        }
    for (int i = 0; i < IDPHOTO_MEASURES; i++)
        if (!g->rows[i].there) {
            snprintf(why, why_size, "%s: no gate for %s", file,
                     idphoto_measure_name((enum idphoto_measure_id)i));
            return INVALID;
        }
    return OK;
}

enum status gates_load(const char *file, struct gates **out, char *why, size_t why_size)
{
    json_error_t error;
    struct gates *g = calloc(1, sizeof *g);
    CHECK_PEER(g);
    g->root = json_load_file(file, JSON_REJECT_DUPLICATES, &error);
    if (!g->root)
        snprintf(why, why_size, "%s:%d: %s", file, error.line, error.text);
    enum status s = g->root ? read_rows(g, file, why, why_size) : INVALID;
    if (s == OK)
        *out = g;
    else
        gates_free(g);
    return s;
}

void gates_free(struct gates *g)
{
    if (!g)
        return;
    json_decref(g->root);
    free(g);
}

/* ---- judging ---- */

static enum verdict against(const struct side *side, int order, double value)
{
    if (!isnan(side->fail) && order * (value - side->fail) > 0)
        return VERDICT_FAIL;
    return !isnan(side->warn) && order * (value - side->warn) > 0 ? VERDICT_WARN : VERDICT_PASS;
}

static struct finding judge(const struct gate_row *row, enum idphoto_measure_id id, double value,
                            double wanted)
{
    struct finding f = {.measure = id, .value = (float)value};
    enum verdict low = against(&row->low, -1, value / wanted);
    enum verdict high = against(&row->high, 1, value / wanted);
    const struct side *side = low > high ? &row->low : &row->high;
    f.verdict = low > high ? low : high;
    if (f.verdict != VERDICT_PASS) {
        f.advice_zh = side->advice_zh;
        f.advice_en = side->advice_en;
    }
    return f;
}

size_t gates_judge(const struct gates *g, const struct idphoto_measures *measures, int32_t people,
                   struct finding out[IDPHOTO_MEASURES])
{
    size_t n = 0;
    for (int i = 0; i < IDPHOTO_MEASURES; i++) {
        enum idphoto_measure_id id = (enum idphoto_measure_id)i;
        double value = measures->value[i];
        if (isnan(value) || (id == IDPHOTO_SECOND_FACE && people > 1))
            continue;
        out[n++] = judge(&g->rows[i], id, value, id == IDPHOTO_FACES ? people : 1);
    }
    return n;
}
