/* SPDX-License-Identifier: MIT */
/*
 * Writes a drawn portrait as a JPEG, for tests and the demo that need a face and may ship none. A
 * FILE that ends in .ppm gets the pixels alone (binary PPM), for tests that make files of their
 * own.
 *
 *   draw-portrait --out FILE [--faces N] [--width PX] [--height PX] [--quality Q]
 *                 [--background plain|gradient|textured|busy] [--hair short|long|bald|curly]
 *                 [--light even|left|dark|bright]
 *
 * N is 0 to 2; 0 is the wall alone. Q is that of the JPEG, 95. The same arguments give the same
 * picture.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vips/vips.h>

#include "../unit/render_portrait.h"

enum { SIDE_LEAST_PX = 64, SIDE_MOST_PX = 4000, FACES_MOST = 2 };

static bool read_number(const char *text, int least, int most, int *out)
{
    char *end;
    long v = strtol(text, &end, 10);
    if (end == text || *end || v < least || v > most)
        return false;
    *out = (int)v;
    return true;
}

struct drawing {
    const char *out;
    int faces, width_px, height_px, quality;
    int background, hair, light;
};

/* In the order of the renderer's enums. */
static const char *const backgrounds[] = {"plain", "gradient", "textured", "busy", NULL};
static const char *const hairs[] = {"short", "long", "bald", "curly", NULL};
static const char *const lights[] = {"even", "left", "dark", "bright", NULL};

static bool read_name(const char *text, const char *const names[], int *out)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return true;
        }
    return false;
}

static int save(VipsImage *image, const char *path, int quality)
{
    const char *dot = strrchr(path, '.');
    if (dot && strcmp(dot, ".ppm") == 0)
        return vips_ppmsave(image, path, "strip", TRUE, NULL);
    return vips_jpegsave(image, path, "Q", quality, "strip", TRUE, NULL);
}

static bool write_picture(const struct idphoto_pixels *p, const struct drawing *d)
{
    VipsImage *image =
        vips_image_new_from_memory(p->bytes, p->stride_bytes * (size_t)p->height_px, p->width_px,
                                   p->height_px, p->channels, VIPS_FORMAT_UCHAR);
    bool good = image && save(image, d->out, d->quality) == 0;
    if (!good)
        fprintf(stderr, "%s\n", vips_error_buffer());
    if (image)
        g_object_unref(image);
    return good;
}

/* Two stand beside each other, each as in a picture of half the width. */
static struct render_scene scene_of(const struct drawing *d)
{
    struct render_scene s = render_usual(d->width_px, d->height_px);
    s.noise = 1.5F;
    s.people = d->faces;
    s.background = (enum render_background)d->background;
    s.light = (enum render_light)d->light;
    s.person[0].hair = (enum render_hair)d->hair;
    if (d->faces < 2)
        return s;
    s.person[0].eyes_px *= 0.6F;
    s.person[1] = s.person[0];
    s.person[1].hair = RENDER_LONG;
    s.person[0].x_px = 0.28F * (float)d->width_px;
    s.person[1].x_px = 0.72F * (float)d->width_px;
    return s;
}

static bool read_option(int option, const char *text, struct drawing *d)
{
    switch (option) {
    case 'o': d->out = text; return true;
    case 'f': return read_number(text, 0, FACES_MOST, &d->faces);
    case 'w': return read_number(text, SIDE_LEAST_PX, SIDE_MOST_PX, &d->width_px);
    case 'h': return read_number(text, SIDE_LEAST_PX, SIDE_MOST_PX, &d->height_px);
    case 'q': return read_number(text, 1, 100, &d->quality);
    case 'b': return read_name(text, backgrounds, &d->background);
    case 'a': return read_name(text, hairs, &d->hair);
    case 'l': return read_name(text, lights, &d->light);
    default: return false;
    }
}

static bool draw(const struct drawing *d)
{
    const struct render_scene scene = scene_of(d);
    struct rendered portrait;
    render(&scene, &portrait);
    bool written = write_picture(&portrait.rgb, d);
    rendered_free(&portrait);
    return written;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"out", required_argument, NULL, 'o'},
                                            {"faces", required_argument, NULL, 'f'},
                                            {"width", required_argument, NULL, 'w'},
                                            {"height", required_argument, NULL, 'h'},
                                            {"quality", required_argument, NULL, 'q'},
                                            {"background", required_argument, NULL, 'b'},
                                            {"hair", required_argument, NULL, 'a'},
                                            {"light", required_argument, NULL, 'l'},
                                            {0}};
    struct drawing d = {.faces = 1, .width_px = 900, .height_px = 1200, .quality = 95};
    bool good = true;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        good = read_option(c, optarg, &d) && good;
    if (!good || !d.out || optind != argc) {
        fprintf(stderr, "usage: draw-portrait --out FILE [--faces N] [--width PX] [--height PX] "
                        "[--quality Q] [--background KIND] [--hair KIND] [--light KIND]\n");
        return 64;
    }
    if (VIPS_INIT(argv[0]))
        return 1;
    bool drawn = draw(&d);
    vips_shutdown();
    return drawn ? 0 : 1;
}
