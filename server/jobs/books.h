/* SPDX-License-Identifier: MIT */
/*
 * The jobs that keep the books honest: sealing the ledger, auditing it all.
 */
#ifndef IDPHOTOD_JOBS_BOOKS_H
#define IDPHOTOD_JOBS_BOOKS_H

#include "jobs/scheduler.h"

/* Seals what the ledger has gained, batch after batch; each batch's number and hash are logged
 * (ledger.sealed), so that an archived log can vouch for the chain. */
enum status books_seal(struct job_context *c) MUST_USE;

/* Runs the auditor. What it finds is alarmed by check, without the rest of the line (audit.failed);
 * c->rows is how much that was. `idphotod audit` prints the lines. */
enum status books_audit(struct job_context *c) MUST_USE;

#endif
