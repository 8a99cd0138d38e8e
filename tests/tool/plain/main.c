/* SPDX-License-Identifier: MIT */
/* Runs the registered tests, each in a child. Arguments choose suites. Exit 1 when one failed. */
#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

static struct plain_test *tests;
static bool failed;

void plain_register(struct plain_test *test)
{
    test->next = tests;
    tests = test;
}

void plain_fail(bool fatal, const char *file, int line, const char *what, const char *format, ...)
{
    va_list ap;
    printf("%s:%d: %s: ", file, line, what);
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    printf("\n");
    fflush(stdout);
    failed = true;
    if (fatal)
        exit(1);
}

static void run(const struct plain_test *test)
{
    if (test->init)
        test->init();
    test->run();
    if (test->fini)
        test->fini();
    exit(failed); /* exit handlers: leak and race reports */
}

static bool passes(const struct plain_test *test)
{
    int status = 1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        run(test);
    waitpid(child, &status, 0);
    printf("%s %s::%s\n", status ? "FAIL" : "ok  ", test->suite, test->name);
    return status == 0;
}

static bool is_chosen(const struct plain_test *test, char **suites)
{
    bool chosen = !*suites;
    for (; *suites; suites++)
        chosen = chosen || strcmp(*suites, test->suite) == 0;
    return chosen;
}

int main(int argc, char **argv)
{
    int n_failed = 0, n = 0;
    (void)argc;
    for (const struct plain_test *test = tests; test; test = test->next)
        if (is_chosen(test, argv + 1)) {
            n++;
            n_failed += !passes(test);
        }
    printf("%d tests, %d failed\n", n, n_failed);
    return n_failed != 0;
}
