/* SPDX-License-Identifier: MIT */
#include "base/status.h"

const char *status_name(enum status s)
{
    switch (s) {
    case OK: return "ok";
    case NOT_FOUND: return "not-found";
    case CONFLICT: return "conflict";
    case RETRY: return "retry";
    case DENIED: return "denied";
    case INVALID: return "invalid";
    case TOO_LARGE: return "too-large";
    case UNAVAILABLE: return "unavailable";
    case INTERNAL: return "internal";
    }
    return "internal";
}
