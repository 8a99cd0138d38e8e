/* SPDX-License-Identifier: MIT */
/*
 * One request and its answer on their way through libmicrohttpd. For this
 * room only.
 *
 * An exchange belongs to the I/O thread of its connection, except between
 * suspension and resumption, when it belongs to the executor, or after
 * request_defer to whoever was given the request.
 */
#ifndef IDPHOTOD_HTTP_EXCHANGE_H
#define IDPHOTOD_HTTP_EXCHANGE_H

#include "base/buf.h"
#include "http/site.h"
#include "http/transport.h"

enum stage {
    STAGE_NEW,      /* nothing of the headers was seen */
    STAGE_BODY,     /* the body is read in */
    STAGE_DISCARD,  /* answered already; a small body is read off */
    STAGE_QUEUED,   /* suspended: queued, running or deferred */
    STAGE_ANSWERED, /* resumed, the answer is ready */
    STAGE_PIECES,   /* sent piece by piece: suspended while one is made */
    STAGE_SENT,
};

struct exchange {
    struct job job;
    struct transport transport;
    struct request r;
    struct site *site;
    struct connection *connection;
    struct MHD_Connection *mhd;
    const char *raw;        /* request target, as it came */
    const char *raw_origin; /* where libmicrohttpd keeps it */
    struct target target;
    enum stage stage;
    struct buf body;
    int64_t counted;       /* of its room */
    size_t content_length; /* 0 for a chunked body */
    bool has_body, expects_continue;
    bool odd_headers; /* one of them could be read in more than one way */
    size_t header_bytes;
    bool close; /* the connection ends with this answer */
    int64_t started_us;
    const char *trace_id;
    struct buf piece; /* of an answer in pieces: what is being sent */
    size_t piece_sent;
    bool pieces_over, pieces_broken;
    bool deferred, passed;
    _Atomic unsigned turns; /* the handler's and, of a deferred request, its holder's */
    _Atomic unsigned holds;
};

/* admission.c: all that is checked before a body is read. Answers by a reply_ function, or leaves
 * the request unanswered with its route filled in. */
void exchange_admit(struct exchange *x, const char *version);

/* Takes room for a body of n bytes altogether; what it has already stays. False: there is none. */
bool exchange_take_room(struct exchange *x, size_t n);

/* How long a client may take to read so many bytes: until then, by clock_boot_us. */
int64_t exchange_answer_deadline_us(const struct exchange *x, size_t bytes);

/* pieces.c: an answer that is made while it is sent. The response holds x (drop) until it is gone.
 */
struct MHD_Response *pieces_response(struct exchange *x, void (*drop)(void *x));
/* A worker's turn, or the end of waiting for one. */
void pieces_turn(struct exchange *x, enum job_end end, void *worker);

/* Cross-origin headers of the answer, when the listener gives any to this origin. */
void exchange_add_cors(struct exchange *x, struct MHD_Response *response);

#endif
