/* SPDX-License-Identifier: MIT */
/*
 * Keeps the providers' verification keys up to date.
 *
 * A thread in every process that serves (keys live in its memory, so this is
 * no matter of one instance for all): WeChat Pay's platform certificates at
 * the start, twice a day, and when something names one that is not held. Who
 * meets an unknown name only says so and goes on: a callback is refused, the
 * provider repeats it, and by then the key may be there. One download at a
 * time, each at least five minutes after the last, so that forged names
 * cannot make a storm. Sources: design notes, sections 1.6 and 5.7.
 */
#ifndef IDPHOTOD_JOBS_CERTIFICATES_H
#define IDPHOTOD_JOBS_CERTIFICATES_H

#include "jobs/service.h"

/* Returns owned; certificates_start starts the thread. service is borrowed. */
struct certificates *certificates_new(void);
void certificates_start(struct certificates *c, const struct service *service);
/* Waits for a download that goes on. NULL is allowed. */
void certificates_free(struct certificates *c);

/* An operator's word (SIGHUP): downloads now, and forgets which Alipay certificates were asked for.
 */
void certificates_renew(struct certificates *c);

/* Something named a WeChat Pay certificate that is not held. Returns at once; any thread. c
 * may be NULL: nobody keeps keys up to date. */
void certificates_want(struct certificates *c);
/* An application of ours was told of an Alipay certificate that is not held. alipay_cert_sn is
 * believed for nothing but asking. Returns at once; any thread. */
void certificates_want_alipay(struct certificates *c, const struct alipay *app,
                              const char *alipay_cert_sn);

#endif
