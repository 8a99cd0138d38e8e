/* SPDX-License-Identifier: MIT */
/*
 * A contact sheet to look at: a row per picture with the portrait, its matte and the ID photo, and
 * a line each on standard output.
 *
 *   contact-sheet OUT.jpg PICTURE... [--face-model F] [--landmark-model F] [--matting-model F]
 *
 * Exit code 1 when nothing could be drawn. Pictures that are refused have a row too.
 */
#include <getopt.h>
#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vips/vips.h>

#include "image/photo.h"
#include "image/portrait.h"

enum { CELL_WIDTH = 300, CELL_HEIGHT = 420, SIDE_MOST = 1600, COLUMNS = 3 };

/* Two-inch, 35 x 49 mm at 300 dpi, blue: head and eyes as common guides have them. */
static const struct idphoto_wanted two_inch = {
    .width_px = 413,
    .height_px = 579,
    .geometry = {.head_height = {348, 417}, .eye_y = {174, 243}, .crown_y = {29, 80}},
    .colour = {0x43, 0x8e, 0xdb},
    .people = 1,
};

static bool read_model(const char *path, struct idphoto_blob *out)
{
    gchar *bytes;
    gsize n;
    if (!path)
        return true;
    if (!g_file_get_contents(path, &bytes, &n, NULL)) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    *out = (struct idphoto_blob){bytes, n};
    return true;
}

static VipsImage *as_image(const struct idphoto_pixels *p)
{
    return vips_image_new_from_memory_copy(p->bytes, p->stride_bytes * (size_t)p->height_px,
                                           p->width_px, p->height_px, p->channels,
                                           VIPS_FORMAT_UCHAR);
}

/* Fitted into a cell of grey; steals the picture. NULL: an empty cell. */
static VipsImage *cell(VipsImage *in)
{
    VipsImage *fitted = NULL, *out = NULL;
    double grey[3] = {224, 224, 224};
    VipsArrayDouble *back = vips_array_double_new(grey, 3);
    if (!in) {
        VipsImage *black;
        vips_black(&black, CELL_WIDTH, CELL_HEIGHT, "bands", 3, NULL);
        in = black;
    }
    double scale = MIN((double)CELL_WIDTH / in->Xsize, (double)CELL_HEIGHT / in->Ysize);
    if (vips_resize(in, &fitted, scale, NULL) == 0)
        vips_gravity(fitted, &out, VIPS_COMPASS_DIRECTION_CENTRE, CELL_WIDTH, CELL_HEIGHT, "extend",
                     VIPS_EXTEND_BACKGROUND, "background", back, NULL);
    vips_area_unref(VIPS_AREA(back));
    g_object_unref(in);
    g_clear_object(&fitted);
    return out;
}

static VipsImage *alpha_of(const struct idphoto_pixels *p)
{
    VipsImage *whole = as_image(p), *alpha = NULL, *grey = NULL;
    if (vips_extract_band(whole, &alpha, 3, NULL) == 0)
        vips_bandjoin((VipsImage *[]){alpha, alpha, alpha}, &grey, 3, NULL);
    g_object_unref(whole);
    g_clear_object(&alpha);
    return grey;
}

static void tell(const char *path, enum idphoto_result r, const struct idphoto_made *made)
{
    const char *name = strrchr(path, '/');
    double cpu_s = 0;
    printf("| %-24s | %-10s |", name ? name + 1 : path, idphoto_result_name(r));
    for (int s = 0; s < IDPHOTO_STAGES; s++)
        cpu_s += (double)made->stage_cpu_ns[s] / 1e9;
    printf(" %2zu face(s) | %5.3f s |", made->faces.count, cpu_s);
    for (int b = 0; r == IDPHOTO_OK && b < IDPHOTO_BANDS; b++)
        if (!isnan(made->reached.value_px[b]))
            printf(" %s %.0f%s", idphoto_band_name((enum idphoto_band_id)b),
                   (double)made->reached.value_px[b], made->reached.inside[b] ? "" : "!");
    printf("\n");
}

/* Three cells of one picture. */
static bool row(struct idphoto *core, const char *path, VipsImage **cells)
{
    gchar *bytes;
    gsize n;
    struct portrait portrait;
    struct idphoto_wanted wanted = two_inch;
    struct idphoto_made made = {0}, clear = {0};
    if (!g_file_get_contents(path, &bytes, &n, NULL))
        return false;
    enum status s = portrait_decode(bytes, n, SIDE_MOST, &portrait);
    g_free(bytes);
    if (s != OK) {
        printf("| %-24s | undecodable |\n", path);
        return false;
    }
    enum idphoto_result r = idphoto_make(core, &portrait.pixels, &wanted, &made);
    wanted.background = IDPHOTO_CLEAR;
    if (r == IDPHOTO_OK && idphoto_make(core, &portrait.pixels, &wanted, &clear) != IDPHOTO_OK)
        r = IDPHOTO_INTERNAL;
    tell(path, r, &made);
    cells[0] = cell(as_image(&portrait.pixels));
    cells[1] = cell(r == IDPHOTO_OK ? alpha_of(&clear.photo) : NULL);
    cells[2] = cell(r == IDPHOTO_OK ? as_image(&made.photo) : NULL);
    idphoto_made_free(&made);
    idphoto_made_free(&clear);
    portrait_free(&portrait);
    return true;
}

static int draw(struct idphoto *core, const char *out, char **paths, int count)
{
    VipsImage **cells = calloc((size_t)count * COLUMNS, sizeof *cells), *sheet = NULL;
    int rows = 0;
    for (int i = 0; i < count; i++)
        if (row(core, paths[i], cells + COLUMNS * rows))
            rows++;
    bool good =
        rows > 0 &&
        vips_arrayjoin(cells, &sheet, rows * COLUMNS, "across", COLUMNS, "shim", 6, NULL) == 0 &&
        vips_jpegsave(sheet, out, "Q", 88, NULL) == 0;
    if (!good)
        fprintf(stderr, "%s\n", vips_error_buffer());
    for (int i = 0; i < rows * COLUMNS; i++)
        g_clear_object(&cells[i]);
    g_clear_object(&sheet);
    free(cells);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"face-model", required_argument, NULL, 'f'},
                                            {"landmark-model", required_argument, NULL, 'l'},
                                            {"matting-model", required_argument, NULL, 'm'},
                                            {0}};
    const char *face = NULL, *landmarks = NULL, *matting = NULL;
    struct idphoto_models models = {0};
    char why[200] = "";
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (c) {
        case 'f': face = optarg; break;
        case 'l': landmarks = optarg; break;
        case 'm': matting = optarg; break;
        default: return 64;
        }
    if (argc - optind < 2) {
        fprintf(stderr,
                "usage: contact-sheet OUT.jpg PICTURE...; make contact-sheet PORTRAITS=dir\n");
        return 64;
    }
    if (image_start() != OK || !read_model(face, &models.face) ||
        !read_model(landmarks, &models.landmarks) || !read_model(matting, &models.matting))
        return 64;
    struct idphoto *core = idphoto_new(&models, why, sizeof why);
    if (!core) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    int code = draw(core, argv[optind], argv + optind + 1, argc - optind - 1);
    idphoto_free(core);
    image_stop();
    return code;
}
