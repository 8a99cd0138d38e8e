/* SPDX-License-Identifier: MIT */
#include "base/version.h"

#ifndef COMMIT /* the Makefile gives it */
#define COMMIT "unknown"
#endif

const char program_version[] = "0.1.0";
const char program_commit[] = COMMIT;
