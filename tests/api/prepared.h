/* SPDX-License-Identifier: MIT */
/* Callbacks that the sandbox signs and leaves to us to send, as they are or spoilt. One thread. */
#ifndef API_PREPARED_H
#define API_PREPARED_H

#include "http.h"

/* The callback about the trade number kept under NAME: url, headers and body are members of its
 * JSON. To be freed in any case. */
struct answer callback_prepared(const char *name, const char *fault);
/* Its headers as lines, without the one that is named (NULL: all). To be freed. */
char *callback_headers(const struct answer *prepared, const char *without);
/* Sends it to its address with that appended. The answer is to be freed in any case. */
struct answer callback_send(const struct answer *prepared, const char *path_more);

#endif
