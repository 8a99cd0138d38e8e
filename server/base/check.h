/* SPDX-License-Identifier: MIT */
/*
 * Two assertions that stay on in production.
 *
 * CHECK(x)      our own bug: an invariant of this program does not hold.
 * CHECK_PEER(x) a library or the system broke its contract (out of memory, a
 *               primitive that cannot fail failed).
 * Both log the expression's text and place, no value, and abort. Neither is
 * ever applied to input.
 */
#ifndef IDPHOTOD_BASE_CHECK_H
#define IDPHOTOD_BASE_CHECK_H

#ifdef __cplusplus
extern "C"
#endif
    void
    check_failed(const char *who, const char *expression, const char *file, int line)
        __attribute__((noreturn, cold));

#define CHECK(x)      ((x) ? (void)0 : check_failed("bug", #x, __FILE__, __LINE__))
#define CHECK_PEER(x) ((x) ? (void)0 : check_failed("peer", #x, __FILE__, __LINE__))

#endif
