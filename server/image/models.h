/* SPDX-License-Identifier: MIT */
/*
 * The optional networks of the configuration, and detectors made with them.
 *
 * Read once at the start; a detector (struct idphoto) is made for each worker.
 * Any thread may call once it is loaded.
 */
#ifndef IDPHOTOD_IMAGE_MODELS_H
#define IDPHOTOD_IMAGE_MODELS_H

#include "base/status.h"
#include "core/idphoto.h"

struct models;

/* Each may be NULL: the built-in way. Tries a detector with them. INVALID with why: a file that
 * cannot be read, or a model that does not load. From here on, OpenCV starts no threads of its own:
 * the callers are many already. Returns owned. */
enum status models_load(const char *face_file, const char *landmark_file, const char *matting_file,
                        struct models **out, char *why, size_t why_size) MUST_USE;
void models_free(struct models *m);

/* Returns owned, never NULL: they loaded before. */
struct idphoto *models_open(const struct models *m);

#endif
