/* SPDX-License-Identifier: MIT */
/* A face drawn with soft ellipses, real enough for a detector, whose eyes are known. */
#ifndef IDPHOTOD_TESTS_DRAWN_FACE_H
#define IDPHOTOD_TESTS_DRAWN_FACE_H

#include "core/idphoto.h"

struct drawn_face {
    float x_px, y_px; /* the middle of the eyes */
    float eyes_px;    /* between the pupils */
    float roll_deg;   /* clockwise */
    int skin[3];
    float gaze; /* the pupils are this far aside, in distances between them; up to 0.1 */
};

/* A grey wall. Owned; free with free(). */
struct idphoto_pixels drawn_wall(int width_px, int height_px);
void draw_face(struct idphoto_pixels *onto, const struct drawn_face *f);

/* Where it has its eyes; 0: on the left when it stands upright. */
struct idphoto_point drawn_eye(const struct drawn_face *f, int which);

#endif
