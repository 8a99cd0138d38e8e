/* SPDX-License-Identifier: MIT */
#include "http/text.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

bool text_is_utf8(const char *text, size_t n)
{
    /* jansson takes nothing else into a string */
    json_t *string = json_stringn(text, n);
    json_decref(string);
    return string != NULL;
}

size_t text_code_points(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

bool text_has_control(const char *text, size_t n, bool lines)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < n; i++) {
        if (lines && (s[i] == '\n' || s[i] == '\t'))
            continue;
        if (s[i] < 0x20 || s[i] == 0x7f)
            return true;
        if (s[i] == 0xc2 && i + 1 < n && s[i + 1] < 0xa0)
            return true;
    }
    return false;
}

bool text_is_token(const char *text, size_t most, const char *others)
{
    size_t n = 0;
    for (; text[n]; n++)
        if (n == most || (!isalnum((unsigned char)text[n]) && !strchr(others, text[n])))
            return false;
    return n > 0;
}

bool text_list_holds(const char *list, const char *item)
{
    size_t want = strlen(item);
    while (*list) {
        list += strspn(list, ", \t");
        size_t n = strcspn(list, ",");
        size_t used = n;
        while (used && (list[used - 1] == ' ' || list[used - 1] == '\t'))
            used--;
        if (used && used == want && memcmp(list, item, want) == 0)
            return true;
        list += n;
    }
    return false;
}

static const char *without_weakness(const char *etag)
{
    return strncmp(etag, "W/", 2) == 0 ? etag + 2 : etag;
}

bool text_names_etag(const char *if_none_match, const char *etag)
{
    const char *want = without_weakness(etag), *p = if_none_match, *end;
    if (!p)
        return false;
    p += strspn(p, " \t");
    if (*p == '*')
        return p[1 + strspn(p + 1, " \t")] == '\0';
    /* not by commas: they may stand in a tag */
    for (p += strspn(p, ", \t"); *p; p = end + 1, p += strspn(p, ", \t")) {
        p = without_weakness(p);
        end = *p == '"' ? strchr(p + 1, '"') : NULL;
        if (!end)
            return false;
        if ((size_t)(end + 1 - p) == strlen(want) && memcmp(p, want, strlen(want)) == 0)
            return true;
    }
    return false;
}
