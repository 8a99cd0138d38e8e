/* SPDX-License-Identifier: MIT */
/* Answers that are made while they are sent: request.h, reply_pieces. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/exchange.h"

enum { BLOCK_BYTES = 32 * 1024 };

static void suspend(struct job *job)
{
    struct exchange *x = (struct exchange *)job; /* its first member */
    connection_expect(x->connection, PHASE_HANDLER, INT64_MAX);
    MHD_suspend_connection(x->mhd);
}

static ssize_t await_piece(struct exchange *x)
{
    enum lane lane = x->job.lane;
    buf_free(&x->piece);
    x->piece_sent = 0;
    x->job =
        (struct job){.lane = lane,
                     .deadline_us = clock_boot_us() + x->site->server->options.handler_deadline_us};
    x->r.deadline_us = x->job.deadline_us;
    if (executor_submit(x->site->server->executor, &x->job, suspend))
        return 0;
    x->pieces_broken = true;
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t read_piece(void *exchange, uint64_t position, char *out, size_t most)
{
    struct exchange *x = exchange;
    size_t left = x->piece.size - x->piece_sent;
    (void)position;
    if (x->pieces_broken)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (left == 0)
        return x->pieces_over ? MHD_CONTENT_READER_END_OF_STREAM : await_piece(x);
    size_t n = left < most ? left : most;
    memcpy(out, x->piece.bytes + x->piece_sent, n);
    x->piece_sent += n;
    x->r.reply_size += n; /* the log tells how much was sent */
    return (ssize_t)n;
}

struct MHD_Response *pieces_response(struct exchange *x, void (*drop)(void *x))
{
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_piece, x, drop);
}

static enum status make_piece(struct exchange *x, void *worker)
{
    struct request *r = &x->r;
    bool last = false;
    r->worker = worker;
    log_set_request_id(r->request_id);
    enum status s = r->reply_next(r, r->reply_with, &x->piece, &last);
    if (s != OK)
        log_error("http.broken-off", LOG_STR("route", r->route->path),
                  LOG_STR("status", status_name(s)));
    log_set_request_id(NULL);
    x->pieces_over = last;
    return s;
}

/* An empty piece is no end: the reader asks for the next one. */
void pieces_turn(struct exchange *x, enum job_end end, void *worker)
{
    x->pieces_broken = end != JOB_RUN || make_piece(x, worker) != OK;
    connection_expect(x->connection, PHASE_ANSWER, exchange_answer_deadline_us(x, x->piece.size));
    MHD_resume_connection(x->mhd);
}
