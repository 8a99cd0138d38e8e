/* SPDX-License-Identifier: MIT */
/* POST /v1/qr: what a provider wants shown as a QR code (ISO/IEC 18004), as a picture. */
#include <qrencode.h>

#include "api/handlers.h"
#include "base/buf.h"
#include "http/body.h"
#include "http/problem.h"

enum { QR_TEXT_MOST = 256, QUIET_ZONE = 4 };

struct qr_body {
    const char *text;
};
static const struct json_member members[] = {
    {.name = "text",
     .kind = JSON_KIND_TEXT,
     .required = true,
     .offset = offsetof(struct qr_body, text),
     .least = 1,
     .most = QR_TEXT_MOST},
};
static const struct json_shape qr_shape = {members, 1, sizeof(struct qr_body)};

/* Dark modules as one path, a run of them a step. */
static void draw(const QRcode *qr, struct buf *svg)
{
    int side = qr->width + 2 * QUIET_ZONE;
    buf_printf(svg,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
               "shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path d=\"",
               side, side, side, side);
    for (int y = 0; y < qr->width; y++)
        for (int x = 0, run; x < qr->width; x += run) {
            const unsigned char *module = qr->data + y * qr->width + x;
            run = 1;
            while (x + run < qr->width && (module[run] & 1) == (module[0] & 1))
                run++;
            if (module[0] & 1)
                buf_printf(svg, "M%d %dh%dv1h-%dz", x + QUIET_ZONE, y + QUIET_ZONE, run, run);
        }
    buf_printf(svg, "\"/></svg>");
}

void qr_post(struct request *r)
{
    struct qr_body body;
    if (!body_parse(r, &qr_shape, &body))
        return;
    QRcode *qr = QRcode_encodeString8bit(body.text, 0, QR_ECLEVEL_M);
    if (!qr) {
        reply_status(r, UNAVAILABLE);
        return;
    }
    struct buf *svg = arena_buf(r->arena);
    draw(qr, svg);
    QRcode_free(qr);
    reply_add_header(r, "Cache-Control", "no-store");
    reply_bytes(r, 200, "image/svg+xml", svg->bytes, svg->size);
}
