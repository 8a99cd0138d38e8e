/* SPDX-License-Identifier: MIT */
/*
 * The privacy policy's versions: texts, hashes, purposes (config/policy).
 *
 * Policy section 4: a major change asks everybody again. Immutable; any thread.
 */
#ifndef IDPHOTOD_API_POLICIES_H
#define IDPHOTOD_API_POLICIES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct policy {
    const char *version;
    int64_t effective_us;
    bool major;
    json_t *document; /* the answer of GET /v1/policy, borrowed */
};

struct policies;

/* Reads policies.json and the texts it names: the policy's, and supplements that belong to one
 * purpose. INVALID with file and reason: not JSON, a member
 * missing or wrong, a version twice, a text missing or not UTF-8. */
enum status policies_load(const char *dir, struct policies **out, char *why,
                          size_t why_size) MUST_USE;
void policies_free(struct policies *p);

/* The newest version in force; before any is, the first. */
const struct policy *policy_current(const struct policies *p, int64_t now_us);
/* NULL: no such version. */
const struct policy *policy_find(const struct policies *p, const char *version);
/* True when no major version came into force after `version`. */
bool policy_is_enough(const struct policies *p, const char *version, int64_t now_us);
/* Whether the current policy names the purpose. */
bool policy_has_purpose(const struct policies *p, const char *purpose, int64_t now_us);

#endif
