/* SPDX-License-Identifier: MIT */
/*
 * As much of Criterion as the unit tests use, without its runner, which does
 * not start under ThreadSanitizer: put this folder first on the include path
 * and compile main.c beside it. Each test runs in a child process.
 */
#ifndef PLAIN_CRITERION_H
#define PLAIN_CRITERION_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plain_test {
    const char *suite, *name;
    void (*run)(void);
    void (*init)(void), (*fini)(void);
    int timeout;
    struct plain_test *next;
};
void plain_register(struct plain_test *test);
void plain_fail(bool fatal, const char *file, int line, const char *what, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#define Test(s, n, ...)                                                                            \
    static void s##_##n##_run(void);                                                               \
    __attribute__((constructor)) static void s##_##n##_register(void)                              \
    {                                                                                              \
        static struct plain_test test = {                                                          \
            .suite = #s, .name = #n, .run = s##_##n##_run __VA_OPT__(, ) __VA_ARGS__};             \
        plain_register(&test);                                                                     \
    }                                                                                              \
    static void s##_##n##_run(void)

#define PLAIN(fatal, ok, what, ...)                                                                \
    ((ok) ? (void)0 : plain_fail(fatal, __FILE__, __LINE__, what, "" __VA_ARGS__))
#define cr_assert(x, ...)              PLAIN(true, x, #x, __VA_ARGS__)
#define cr_expect(x, ...)              PLAIN(false, x, #x, __VA_ARGS__)
#define cr_assert_not(x, ...)          cr_assert(!(x), __VA_ARGS__)
#define cr_expect_not(x, ...)          cr_expect(!(x), __VA_ARGS__)
#define cr_assert_null(x, ...)         cr_assert((x) == NULL, __VA_ARGS__)
#define cr_expect_null(x, ...)         cr_expect((x) == NULL, __VA_ARGS__)
#define cr_assert_not_null(x, ...)     cr_assert((x) != NULL, __VA_ARGS__)
#define cr_expect_not_null(x, ...)     cr_expect((x) != NULL, __VA_ARGS__)
#define cr_assert_eq(a, b, ...)        cr_assert((a) == (b), __VA_ARGS__)
#define cr_expect_eq(a, b, ...)        cr_expect((a) == (b), __VA_ARGS__)
#define cr_assert_neq(a, b, ...)       cr_assert((a) != (b), __VA_ARGS__)
#define cr_expect_neq(a, b, ...)       cr_expect((a) != (b), __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)    cr_assert(strcmp(a, b) == 0, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)    cr_expect(strcmp(a, b) == 0, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...)   cr_assert(strcmp(a, b) != 0, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...)   cr_expect(strcmp(a, b) != 0, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...) cr_assert(memcmp(a, b, n) == 0, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, n, ...) cr_expect(memcmp(a, b, n) == 0, __VA_ARGS__)

#endif
