/* SPDX-License-Identifier: MIT */
#include "image/models.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"

enum { MODEL_BYTES_MOST = 256 << 20 };

struct models {
    struct buf face, landmarks, matting;
};

static enum status read_model(const char *file, struct buf *out, char *why, size_t why_size)
{
    char chunk[65536];
    size_t n;
    if (!file)
        return OK;
    FILE *f = fopen(file, "re");
    if (!f) {
        snprintf(why, why_size, "%s: the model cannot be read", file);
        return INVALID;
    }
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && out->size <= MODEL_BYTES_MOST)
        buf_add(out, chunk, n);
    bool good = !ferror(f) && out->size > 0 && out->size <= MODEL_BYTES_MOST;
    fclose(f);
    if (!good)
        snprintf(why, why_size, "%s: the model is empty, too large or cannot be read", file);
    return good ? OK : INVALID;
}

static struct idphoto *open_with(const struct models *m, char *why, size_t why_size)
{
    const struct idphoto_models models = {
        .face = {m->face.bytes, m->face.size},
        .landmarks = {m->landmarks.bytes, m->landmarks.size},
        .matting = {m->matting.bytes, m->matting.size},
    };
    return idphoto_new(&models, why, why_size);
}

static enum status try_out(const struct models *m, char *why, size_t why_size)
{
    char reason[256] = "";
    struct idphoto *core = open_with(m, reason, sizeof reason);
    if (!core)
        snprintf(why, why_size, "[image]: %s", reason);
    idphoto_free(core);
    return core ? OK : INVALID;
}

enum status models_load(const char *face_file, const char *landmark_file, const char *matting_file,
                        struct models **out, char *why, size_t why_size)
{
    struct models *m = calloc(1, sizeof *m);
    CHECK_PEER(m);
    idphoto_use_one_thread();
    enum status s = read_model(face_file, &m->face, why, why_size);
    if (s == OK)
        s = read_model(landmark_file, &m->landmarks, why, why_size);
    if (s == OK)
        s = read_model(matting_file, &m->matting, why, why_size);
    if (s == OK)
        s = try_out(m, why, why_size);
    if (s == OK)
        *out = m;
    else
        models_free(m);
    return s;
}

void models_free(struct models *m)
{
    if (!m)
        return;
    buf_free(&m->face);
    buf_free(&m->landmarks);
    buf_free(&m->matting);
    free(m);
}

struct idphoto *models_open(const struct models *m)
{
    char reason[256] = "";
    struct idphoto *core = open_with(m, reason, sizeof reason);
    CHECK_PEER(core);
    return core;
}
