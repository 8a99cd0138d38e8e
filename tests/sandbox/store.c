/* SPDX-License-Identifier: MIT */
#include "store.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>

void *store_new(size_t bytes)
{
    void *store = calloc(1, bytes);
    if (!store || pthread_mutex_init(store, NULL) != 0)
        abort();
    return store;
}

static void leave_alone(void *node)
{
    (void)node;
}

void store_free_tree(void *root)
{
    tdestroy(root, leave_alone);
}
