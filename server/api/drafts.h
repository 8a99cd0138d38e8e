/* SPDX-License-Identifier: MIT */
/* Keeping a finished photo as a draft of its account. A worker's thread. */
#ifndef IDPHOTOD_API_DRAFTS_H
#define IDPHOTOD_API_DRAFTS_H

#include <jansson.h>

#include "http/request.h"
#include "store/photo.h"

/* Who is on it, by ?subject=: self when it says nothing. Notes a field error. */
const char *draft_subject(struct request *r);

/* Seals and stores the file and the answer that a repetition gets, in one round trip, within the
 * account's quota, and answers 201 with the photo. report (stolen; may be NULL) goes into this
 * answer alone, never into the one that is stored. */
void draft_keep(struct request *r, struct photo *photo, struct span file, json_t *report);

#endif
