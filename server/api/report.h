/* SPDX-License-Identifier: MIT */
/*
 * The report of a check or a make, as its one answer shows it. It is kept nowhere. Any thread.
 */
#ifndef IDPHOTOD_API_REPORT_H
#define IDPHOTOD_API_REPORT_H

#include <jansson.h>

#include "image/make.h"

/* {qualified, faces, checks[], geometry}; owned. */
json_t *report_json(const struct portrait_report *r);

#endif
