/* SPDX-License-Identifier: MIT */
/*
 * Real portraits (IDPHOTOD_REFERENCE_PORTRAITS) cut out, the built-in way and with the network for
 * matting (IDPHOTOD_REFERENCE_MODELS), which knows nothing of the built-in way: both show the same
 * person.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/idphoto.h"
#include "image/photo.h"
#include "image/portrait.h"
#include "reference.h"

static struct idphoto *core_with(const struct buf *matting)
{
    const struct idphoto_models models = {.matting = {matting->bytes, matting->size}};
    char why[200];
    struct idphoto *core = idphoto_new(&models, why, sizeof why);
    cr_assert(core, "%s", why);
    return core;
}

static struct idphoto_pixels cut(struct idphoto *core, const struct idphoto_pixels *rgb,
                                 const struct idphoto_faces *faces)
{
    struct idphoto_pixels out = {0};
    cr_assert_eq(idphoto_cut_out(core, rgb, faces->face, faces->count, &out), IDPHOTO_OK);
    return out;
}

static uint8_t alpha_at(const struct idphoto_pixels *p, int x, int y)
{
    return p->bytes[(size_t)y * p->stride_bytes + 4 * (size_t)x + 3];
}

static void expect_sense(const char *name, const struct idphoto_pixels *cut_out,
                         const struct idphoto_faces *faces)
{
    for (size_t k = 0; k < faces->count; k++) {
        const struct idphoto_face *f = &faces->face[k];
        for (int e = 0; e < 2; e++)
            cr_expect_eq(alpha_at(cut_out, (int)f->eye[e].x_px, (int)f->eye[e].y_px), 255,
                         "%s: an eye", name);
    }
    cr_expect_eq(alpha_at(cut_out, 1, 1), 0, "%s: the corner above", name);
    cr_expect_eq(alpha_at(cut_out, cut_out->width_px - 2, 1), 0, "%s: the corner above", name);
}

/* Intersection over union of what is more person than background, of head and shoulders: what
 * somebody holds in their hands is nobody's business here. */
static double agreement(const struct idphoto_pixels *a, const struct idphoto_pixels *b,
                        const struct idphoto_face *f)
{
    const float below = 1.2F * (f->eye[1].x_px - f->eye[0].x_px);
    const int rows = (int)fminf(f->chin.y_px + below, (float)a->height_px);
    int both = 0, either = 0;
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < a->width_px; x++) {
            const bool in_a = alpha_at(a, x, y) >= 128, in_b = alpha_at(b, x, y) >= 128;
            both += in_a && in_b;
            either += in_a || in_b;
        }
    return (double)both / either;
}

static double try_image(struct idphoto *plain, struct idphoto *trained, const char *folder,
                        const char *name)
{
    static struct idphoto_faces faces;
    struct buf bytes = reference_file(folder, name);
    struct portrait p = {0};
    cr_assert_eq(portrait_decode(bytes.bytes, bytes.size, 700, &p), OK);
    buf_free(&bytes);
    cr_assert_eq(idphoto_find_faces(plain, &p.pixels, &faces), IDPHOTO_OK);
    cr_assert_gt(faces.count, 0, "%s", name);
    struct idphoto_pixels a = cut(plain, &p.pixels, &faces), b = cut(trained, &p.pixels, &faces);
    expect_sense(name, &a, &faces);
    expect_sense(name, &b, &faces);
    const double same = agreement(&a, &b, &faces.face[0]);
    fprintf(stderr, "cut out, %-22s %4d x %4d: %.1f %% the same\n", name, a.width_px, a.height_px,
            100 * same);
    idphoto_pixels_free(&a);
    idphoto_pixels_free(&b);
    portrait_free(&p);
    return same;
}

Test(core_portraits, are_cut_out_alike_the_built_in_way_and_by_the_network, .timeout = 240)
{
    static const char *const names[] = {
        "astronaut.png",      "obama_2012.jpg",  "biden_vp.jpg",    "hivision_test1.webp",
        "hivision_test3.jpg", "obama_small.jpg", "syn_bluecast.jpg"};
    enum { NAMES = sizeof names / sizeof *names };
    const char *portraits = reference_folder("IDPHOTOD_REFERENCE_PORTRAITS");
    const char *models = portraits ? reference_folder("IDPHOTOD_REFERENCE_MODELS") : NULL;
    if (!models)
        return;
    cr_assert_eq(image_start(), OK);
    struct buf net = reference_file(models, "selfie_segmentation_256_cv46.onnx"), none = {0};
    struct idphoto *plain = core_with(&none), *trained = core_with(&net);
    double sum = 0;
    for (int k = 0; k < NAMES; k++) {
        const double same = try_image(plain, trained, portraits, names[k]);
        cr_expect_gt(same, 0.93, "%s", names[k]);
        sum += same / NAMES;
    }
    fprintf(stderr, "cut out, %.2f %% the same in the mean\n", 100 * sum);
    cr_expect_gt(sum, 0.97);
    idphoto_free(plain);
    idphoto_free(trained);
    buf_free(&net);
}
