/* SPDX-License-Identifier: MIT */
/* What texts say of a sheet. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "image/sheet.h"

enum { DIGITS_MOST = 5, PLACES_MOST = 3, TEXT_MOST = 120 };

static const struct {
    const char *name;
    double width_mm, height_mm;
} papers[] = {
    {"3R", 89, 127},  {"4R", 102, 152}, {"5R", 127, 178}, {"6R", 152, 203},
    {"A4", 210, 297}, {"A5", 148, 210}, {"A6", 105, 148},
};

struct sheet_wanted sheet_usual(void)
{
    return (struct sheet_wanted){
        .width_mm = 152, .height_mm = 203, .dpi = 300, .gap_mm = 1, .margin_mm = 2};
}

/* Digits, and perhaps a point and more of them: nothing else that strtod takes. */
static bool read_number(const char **at, double *out)
{
    double value = 0, place = 1;
    const char *p = *at;
    for (; isdigit((unsigned char)*p) && p - *at < DIGITS_MOST; p++)
        value = value * 10 + (*p - '0');
    if (p == *at)
        return false;
    if (*p == '.') {
        const char *point = p++;
        for (; isdigit((unsigned char)*p) && p - point <= PLACES_MOST; p++)
            value += (*p - '0') * (place /= 10);
        if (p == point + 1)
            return false;
    }
    *at = p;
    *out = value;
    return true;
}

enum status sheet_paper(const char *text, double *width_mm, double *height_mm)
{
    double w, h;
    for (size_t i = 0; i < sizeof papers / sizeof *papers; i++)
        if (strcasecmp(text, papers[i].name) == 0) {
            *width_mm = papers[i].width_mm;
            *height_mm = papers[i].height_mm;
            return OK;
        }
    if (!read_number(&text, &w) || *text++ != 'x' || !read_number(&text, &h) || *text)
        return INVALID;
    if (w < SHEET_SIDE_LEAST_MM || w > SHEET_SIDE_MOST_MM || h < SHEET_SIDE_LEAST_MM ||
        h > SHEET_SIDE_MOST_MM)
        return INVALID;
    *width_mm = w;
    *height_mm = h;
    return OK;
}

/* "name=NUMBER" */
static bool is_number(const char *word, const char *name, double least, double most, double *out)
{
    size_t n = strlen(name);
    if (strncmp(word, name, n) != 0 || word[n] != '=')
        return false;
    word += n + 1;
    return read_number(&word, out) && !*word && *out >= least && *out <= most;
}

/* Which of the words it is, as a bit; 0: none. Both ways of the paper are one word. */
static unsigned read_word(const char *word, struct sheet_wanted *w)
{
    double dpi;
    if (strcmp(word, "landscape") == 0 || strcmp(word, "portrait") == 0) {
        w->turn = *word == 'l' ? SHEET_LANDSCAPE : SHEET_PORTRAIT;
        return 1;
    }
    if (is_number(word, "gap", 0, SHEET_SPACE_MOST_MM, &w->gap_mm))
        return 2;
    if (is_number(word, "margin", 0, SHEET_SPACE_MOST_MM, &w->margin_mm))
        return 4;
    if (is_number(word, "dpi", SHEET_DPI_LEAST, SHEET_DPI_MOST, &dpi) && dpi == (int32_t)dpi) {
        w->dpi = (int32_t)dpi;
        return 8;
    }
    if (strcmp(word, "lines") == 0) {
        w->cut_lines = true;
        return 16;
    }
    if (strcmp(word, "dense") == 0) {
        w->dense = true;
        return 32;
    }
    return 0;
}

/* Ends the word at the comma; NULL when there is no other. */
static char *next_word(char *word)
{
    char *comma = strchr(word, ',');
    if (comma)
        *comma++ = 0;
    return comma;
}

enum status sheet_parse(const char *text, struct sheet_wanted *out)
{
    struct sheet_wanted w = sheet_usual();
    char words[TEXT_MOST + 1];
    unsigned seen = 0;
    if (strlen(text) > TEXT_MOST)
        return INVALID;
    strcpy(words, text);
    char *rest = next_word(words);
    if (sheet_paper(words, &w.width_mm, &w.height_mm) != OK)
        return INVALID;
    while (rest) {
        char *word = rest;
        rest = next_word(rest);
        unsigned bit = read_word(word, &w);
        if (!bit || seen & bit)
            return INVALID;
        seen |= bit;
    }
    *out = w;
    return OK;
}
