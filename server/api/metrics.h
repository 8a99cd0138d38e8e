/* SPDX-License-Identifier: MIT */
/*
 * What GET /metrics tells, beside what is counted where it happens
 * (base/metrics.h): queues, process, build, and the database's figures.
 */
#ifndef IDPHOTOD_API_METRICS_H
#define IDPHOTOD_API_METRICS_H

/* Names the values that only this room knows: routes, jobs, the build. Before threads start. */
void metrics_define(void);

#endif
