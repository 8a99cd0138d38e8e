/* SPDX-License-Identifier: MIT */
/*
 * What a text about a person may be: rules for struct json_member. NULL: it
 * holds; else the code of what is wrong. Any thread.
 */
#ifndef IDPHOTOD_API_RULES_H
#define IDPHOTOD_API_RULES_H

/* Something besides blanks, also those of Chinese keyboards. */
const char *rule_not_blank(const char *text);

/* Chinese mobile (11 digits, 13x to 19x) or landline numbers (area code 0xx or 0xxx, optional
 * hyphen, 7 or 8 digits, optional -extension), each with or without +86 or 86. Source: Chinese
 * numbering plan; number portability keeps the form. */
const char *rule_phone(const char *text);

#endif
