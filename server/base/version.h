/* SPDX-License-Identifier: MIT */
/* Which program this is. Any thread. */
#ifndef IDPHOTOD_BASE_VERSION_H
#define IDPHOTOD_BASE_VERSION_H

extern const char program_version[]; /* "0.1.0": https://semver.org */
extern const char program_commit[];  /* "b431282c0ffe"; "unknown" when built without git */

#endif
