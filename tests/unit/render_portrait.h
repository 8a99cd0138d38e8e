/* SPDX-License-Identifier: MIT */
/*
 * Portraits drawn from shapes, whose truth is known: alpha with single hairs, the colours of the
 * person without the background, pupils, chin, crown, width of the head. Detectors find their
 * faces. The same scene is the same pixels everywhere, but for the last bit of libm. Plain C, for
 * any test program. Any thread.
 *
 * Proportions follow ANSUR II (2012): the chin lies 1.8 distances of the pupils below them, the
 * scalp 1.75 above; hair comes on top.
 */
#ifndef IDPHOTOD_TESTS_RENDER_PORTRAIT_H
#define IDPHOTOD_TESTS_RENDER_PORTRAIT_H

#include "core/idphoto.h"

enum render_hair {
    RENDER_SHORT,
    RENDER_LONG, /* over the shoulders */
    RENDER_BALD,
    RENDER_CURLY, /* wide, with hundreds of curled single hairs */
    RENDER_TALL
};
enum { RENDER_HAIRS = RENDER_TALL + 1 };
enum render_clothes { RENDER_SUIT, RENDER_SHIRT, RENDER_COLLARLESS };
enum render_background {
    RENDER_PLAIN,    /* colour */
    RENDER_GRADIENT, /* colour above, colour_to below */
    RENDER_TEXTURED, /* wallpaper: between the two */
    RENDER_BUSY      /* things of any colour with sharp edges */
};
enum render_light { RENDER_EVEN, RENDER_FROM_LEFT, RENDER_DARK, RENDER_OVEREXPOSED };
enum { RENDER_SKINS = 6, RENDER_PEOPLE_MAX = 3 };

struct render_person {
    float x_px, y_px;     /* the middle of the eyes */
    float eyes_px;        /* between the pupils */
    float roll_deg;       /* of the head, clockwise */
    float torso_roll_deg; /* of the body about the neck: roll_deg when the camera leans */
    int skin;             /* Fitzpatrick 1..6 */
    enum render_hair hair;
    enum render_clothes clothes;
    uint8_t hair_colour[3], clothes_colour[3];
    bool eyes_closed;
    float gaze; /* the irises are this far aside, in distances of the pupils; up to 0.1 */
};

struct render_scene {
    int width_px, height_px;
    enum render_background background;
    uint8_t colour[3], colour_to[3];
    enum render_light light;
    float noise; /* standard deviation of the camera's, in samples */
    uint64_t seed;
    int people; /* drawn in this order */
    struct render_person person[RENDER_PEOPLE_MAX];
};

struct render_truth {
    struct idphoto_point pupil[2]; /* the person's right one first */
    struct idphoto_point chin;
    struct idphoto_point crown; /* on the axis of the face, at the height of the topmost hair or
                                   skin, single hairs not counted */
    float head_width_px;        /* ears or hair at a quarter of the pupils' distance below them */
};

struct rendered {
    struct idphoto_pixels rgb;   /* what a camera sees */
    struct idphoto_pixels alpha; /* 1 channel */
    struct idphoto_pixels front; /* RGB of the person alone; black where alpha is 0 */
    struct render_truth truth[RENDER_PEOPLE_MAX];
};

/* One person of light skin and short dark hair in a suit, upright before a grey wall, as large as
 * in a common portrait. */
struct render_scene render_usual(int width_px, int height_px);

/* Ends the program when there is no memory. Owned: rendered_free. */
void render(const struct render_scene *s, struct rendered *out);
void rendered_free(struct rendered *r);

#endif
