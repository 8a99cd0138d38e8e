/* SPDX-License-Identifier: MIT */
/*
 * What the measures of a portrait are held against: config/gates.json.
 *
 * ISO/IEC 29794-5 defines the measures and names no limits; the table holds
 * ours, each with where it is from and what a person can do about it.
 * Immutable once loaded; any thread.
 */
#ifndef IDPHOTOD_IMAGE_GATES_H
#define IDPHOTOD_IMAGE_GATES_H

#include "base/status.h"
#include "core/idphoto.h"

enum verdict { VERDICT_PASS, VERDICT_WARN, VERDICT_FAIL };
const char *verdict_name(enum verdict v); /* "pass", "warn", "fail" */

struct finding {
    enum idphoto_measure_id measure;
    float value;
    enum verdict verdict;
    const char *advice_zh, *advice_en; /* what to do about it; NULL for a pass */
};

struct gates;

/* INVALID with file, measure and rule: not JSON, a measure unknown, twice or not there, a limit
 * that is none, advice missing. Returns owned. */
enum status gates_load(const char *file, struct gates **out, char *why, size_t why_size) MUST_USE;
void gates_free(struct gates *g);

/* A measure that could not be told is left out. A photo that is to show `people` has exactly as
 * many faces, and the second largest is not held against one that shows two. */
size_t gates_judge(const struct gates *g, const struct idphoto_measures *measures, int32_t people,
                   struct finding out[IDPHOTO_MEASURES]);

#endif
