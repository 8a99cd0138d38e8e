/* SPDX-License-Identifier: MIT */
/*
 * Where the photo's frame lies on an upright picture: scale and place from the heads, inside the
 * bands of the specification. Pure arithmetic; any thread.
 */
#ifndef IDPHOTO_GEOMETRY_HPP
#define IDPHOTO_GEOMETRY_HPP

#include "core/inside.hpp"

namespace core
{

/* Heads in an upright picture, pixels of it; the mean of two for a couple. */
struct heads {
    cv::Point2f eyes; /* the point between the pupils (between the people, for two) */
    float eye_distance_px;
    float crown_y, chin_y; /* chin_y NAN: unknown */
    float width_px;        /* of the head at the ears; NAN: unknown */
    float span_px;         /* from the leftmost head's middle to the rightmost's; 0 for one */
};

/* Beyond these the frame would show what the picture does not have; +-INFINITY where it may. */
struct limits {
    float left, right, top, bottom;
};

struct placement {
    float scale;      /* of the picture */
    cv::Point2f move; /* photo = scale * picture + move */
};

/* The best there is: inside all bands if that can be, otherwise nearest to them, the eyes and the
 * size of the head first. The limits hold within half a pixel of the photo; CUT_OFF when none does.
 */
placement place_frame(const heads &h, const limits &l, const idphoto_wanted &wanted);

/* What the points come to in the photo. */
idphoto_reached reached_by(const heads &in_photo, const idphoto_wanted &wanted);

} // namespace core

#endif
