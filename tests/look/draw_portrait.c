/* SPDX-License-Identifier: MIT */
/*
 * Writes a drawn portrait as a JPEG, for tests and the demo that need a face and may ship none. A
 * FILE that ends in .ppm gets the pixels alone (binary PPM), for tests that make files of their
 * own.
 *
 *   draw-portrait --out FILE [--faces N] [--width PX] [--height PX]
 *
 * N is 0 to 2; 0 is the wall alone. The same arguments give the same picture.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vips/vips.h>

#include "../unit/render_portrait.h"

enum { QUALITY = 95, SIDE_LEAST_PX = 64, SIDE_MOST_PX = 4000, FACES_MOST = 2 };

static bool read_number(const char *text, int least, int most, int *out)
{
    char *end;
    long v = strtol(text, &end, 10);
    if (end == text || *end || v < least || v > most)
        return false;
    *out = (int)v;
    return true;
}

static int save(VipsImage *image, const char *path)
{
    const char *dot = strrchr(path, '.');
    if (dot && strcmp(dot, ".ppm") == 0)
        return vips_ppmsave(image, path, "strip", TRUE, NULL);
    return vips_jpegsave(image, path, "Q", QUALITY, "strip", TRUE, NULL);
}

static bool write_picture(const struct idphoto_pixels *p, const char *path)
{
    VipsImage *image =
        vips_image_new_from_memory(p->bytes, p->stride_bytes * (size_t)p->height_px, p->width_px,
                                   p->height_px, p->channels, VIPS_FORMAT_UCHAR);
    bool good = image && save(image, path) == 0;
    if (!good)
        fprintf(stderr, "%s\n", vips_error_buffer());
    if (image)
        g_object_unref(image);
    return good;
}

/* Two stand beside each other, each as in a picture of half the width. */
static struct render_scene scene_of(int width_px, int height_px, int faces)
{
    struct render_scene s = render_usual(width_px, height_px);
    s.noise = 1.5F;
    s.people = faces;
    if (faces < 2)
        return s;
    s.person[0].eyes_px *= 0.6F;
    s.person[1] = s.person[0];
    s.person[1].hair = RENDER_LONG;
    s.person[0].x_px = 0.28F * (float)width_px;
    s.person[1].x_px = 0.72F * (float)width_px;
    return s;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"out", required_argument, NULL, 'o'},
                                            {"faces", required_argument, NULL, 'f'},
                                            {"width", required_argument, NULL, 'w'},
                                            {"height", required_argument, NULL, 'h'},
                                            {0}};
    const char *out = NULL;
    int faces = 1, width_px = 900, height_px = 1200;
    bool good = true;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (c) {
        case 'o': out = optarg; break;
        case 'f': good = good && read_number(optarg, 0, FACES_MOST, &faces); break;
        case 'w': good = good && read_number(optarg, SIDE_LEAST_PX, SIDE_MOST_PX, &width_px); break;
        case 'h':
            good = good && read_number(optarg, SIDE_LEAST_PX, SIDE_MOST_PX, &height_px);
            break;
        default: good = false;
        }
    if (!good || !out || optind != argc) {
        fprintf(stderr, "usage: draw-portrait --out FILE [--faces N] [--width PX] [--height PX]\n");
        return 64;
    }
    if (VIPS_INIT(argv[0]))
        return 1;
    const struct render_scene scene = scene_of(width_px, height_px, faces);
    struct rendered portrait;
    render(&scene, &portrait);
    bool written = write_picture(&portrait.rgb, out);
    rendered_free(&portrait);
    vips_shutdown();
    return written ? 0 : 1;
}
