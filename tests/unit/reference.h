/* SPDX-License-Identifier: MIT */
/* Files that are not in the tree, for tests that want more; the environment names their folders. */
#ifndef IDPHOTOD_TESTS_REFERENCE_H
#define IDPHOTOD_TESTS_REFERENCE_H

#include "base/buf.h"

/* The folder that the variable names; NULL after saying so when it names none. Borrowed. */
const char *reference_folder(const char *variable);

/* All of a file; the test fails without it. Free with buf_free. */
struct buf reference_file(const char *folder, const char *name);

#endif
