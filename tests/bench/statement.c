/* SPDX-License-Identifier: MIT */
/* Prints the SQL of a prepared statement of the server: bench-statement NAME. */
#include <stdio.h>
#include <string.h>

#include "store/store.h"

static const struct statement *find(const char *name)
{
    for (size_t l = 0; l < all_statements_count; l++)
        for (size_t i = 0; i < all_statements[l]->count; i++)
            if (strcmp(all_statements[l]->items[i]->name, name) == 0)
                return all_statements[l]->items[i];
    return NULL;
}

int main(int argc, char **argv)
{
    const struct statement *found = argc == 2 ? find(argv[1]) : NULL;
    if (!found) {
        fprintf(stderr, "usage: bench-statement NAME, of a statement that there is\n");
        return 64;
    }
    puts(found->sql);
    return 0;
}
