/* SPDX-License-Identifier: MIT */
/* What the stores of trades, refunds, logins, files and callbacks begin and end with. */
#ifndef SANDBOX_STORE_H
#define SANDBOX_STORE_H

#include <stddef.h>

/* Zeroed memory of a struct whose first member is a pthread_mutex_t, which is ready for use. Its
 * owner destroys that and frees the memory. Running out of memory ends the program. */
void *store_new(size_t bytes);
/* Frees the tree of tsearch, not what it points to, which lies in a pool. */
void store_free_tree(void *root);

#endif
