/* SPDX-License-Identifier: MIT */
/* Calls that are given up. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "base/clock.h"
#include "http/client.h"
#include "provider_stub.h"

static atomic_bool give_up;

static void set_up(void)
{
    stub_start(&(struct stub_answer){0});
}

TestSuite(give_up, .init = set_up, .fini = stub_stop, .timeout = 120);

static enum status ask(int64_t timeout_us)
{
    struct arena *a = arena_new();
    struct client *client = client_new();
    struct client_answer answer;
    const struct client_call call = {
        .method = "GET", .url = stub_url(), .timeout_us = timeout_us, .give_up = &give_up};
    enum status s = client_send(client, &call, a, &answer);
    client_free(client);
    arena_free(a);
    return s;
}

static void *ask_patiently(void *arg)
{
    *(enum status *)arg = ask(90 * SECOND_US);
    return NULL;
}

Test(give_up, a_call_to_a_server_that_is_silent_can_be_given_up)
{
    pthread_t thread;
    enum status s = OK;
    cr_assert(pthread_create(&thread, NULL, ask_patiently, &s) == 0);
    cr_assert(stub_await(1, 10));
    int64_t begun_us = clock_boot_us();
    atomic_store(&give_up, true);
    pthread_join(thread, NULL);
    cr_expect_eq(s, UNAVAILABLE);
    cr_expect_lt(clock_boot_us() - begun_us, 20 * SECOND_US, "it went on to its timeout");
}

Test(give_up, a_call_that_is_not_given_up_goes_on_to_its_answer)
{
    stub_answers(&(struct stub_answer){200, NULL, "{}"});
    cr_expect_eq(ask(0), OK);
}
