/* SPDX-License-Identifier: MIT */
/* What render_portrait.h draws with: the shapes of a person, and its own chance. Pure functions. */
#ifndef IDPHOTOD_TESTS_RENDER_SHAPES_H
#define IDPHOTOD_TESTS_RENDER_SHAPES_H

#include "render_portrait.h"

/* The next of a sequence, 0..1; and between two values. */
float render_chance(uint64_t *state);
float render_between(uint64_t *state, float least, float most);
/* -1..1, smooth, of about one wave per unit. */
float render_waves(uint64_t seed, float x, float y);

/* Of a head whose eyes are one apart, 0 in their middle, y down. Negative inside. */
typedef float shape_fn(float x, float y);
float shape_ellipse(float x, float y, float half_width, float half_height);
shape_fn shape_skull, shape_ears, shape_neck, shape_torso;
/* What a collar, round or open, leaves bare. */
shape_fn shape_neckline, shape_lapels, shape_tie;

struct shape_hair {
    shape_fn *before, *behind; /* the face, and behind that and before the clothes; or NULL */
    int strands;               /* single hairs */
    float length, curl;        /* of one; its turns in radians */
};
extern const struct shape_hair shape_hairs[RENDER_HAIRS];

/* Of head and hair together, without single hairs. */
float shape_outline(const struct render_person *p, float x, float y);

#endif
