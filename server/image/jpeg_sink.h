/* SPDX-License-Identifier: MIT */
/*
 * Where libjpeg writes to: a buffer of ours, which is wiped. For this room alone. One thread at a
 * time.
 */
#ifndef IDPHOTOD_IMAGE_JPEG_SINK_H
#define IDPHOTOD_IMAGE_JPEG_SINK_H

#include <stdio.h>

#include <jpeglib.h>

#include "base/buf.h"

struct jpeg_sink {
    struct jpeg_destination_mgr manager; /* comes first: libjpeg knows the sink by it */
    struct buf out;                      /* whole when jpeg_finish_compress has returned */
    JOCTET chunk[16384];
};

/* The compressor's from now on; the sink is borrowed. */
void jpeg_sink_set(struct jpeg_sink *s, struct jpeg_compress_struct *dst);

/* Wipes and releases what was written. */
void jpeg_sink_free(struct jpeg_sink *s);

#endif
