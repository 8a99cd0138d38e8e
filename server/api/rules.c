/* SPDX-License-Identifier: MIT */
#include "api/rules.h"

#include <ctype.h>
#include <regex.h>
#include <stdbool.h>
#include <string.h>

#include "base/check.h"

/* Bytes of the blank that the text begins with, 0 for none. */
static size_t blank_size(const char *text)
{
    static const char ideographic[] = "\u3000", no_break[] = "\u00a0";
    if (isspace((unsigned char)*text))
        return 1;
    if (strncmp(text, ideographic, strlen(ideographic)) == 0)
        return strlen(ideographic);
    return strncmp(text, no_break, strlen(no_break)) == 0 ? strlen(no_break) : 0;
}

const char *rule_not_blank(const char *text)
{
    for (size_t n; *text; text += n)
        if ((n = blank_size(text)) == 0)
            return NULL;
    return "blank";
}

static bool matches(const char *pattern, const char *text)
{
    regex_t re;
    CHECK(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) == 0);
    bool found = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return found;
}

const char *rule_phone(const char *text)
{
    bool good =
        matches("^(\\+?86[- ]?)?1[3-9][0-9]{9}$", text) ||
        matches("^(\\+?86[- ]?)?0(10|2[0-9]|[3-9][0-9]{2})-?[2-9][0-9]{6,7}(-[0-9]{1,6})?$", text);
    return good ? NULL : "not-a-phone-number";
}
