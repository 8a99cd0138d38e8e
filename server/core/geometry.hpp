/* SPDX-License-Identifier: MIT */
/*
 * Where the photo's frame lies on an upright picture: scale and place from the heads, inside the
 * bands of the specification. Pure arithmetic; any thread.
 */
#ifndef IDPHOTO_GEOMETRY_HPP
#define IDPHOTO_GEOMETRY_HPP

#include <vector>

#include "core/inside.hpp"

namespace core
{

/* Heads in an upright picture, pixels of it; the mean of two for a couple. */
struct heads {
    cv::Point2f eyes; /* the point between the pupils (between the people, for two) */
    float eye_distance_px;
    float crown_y, chin_y;
    float width_px; /* of the head at the ears */
    /* Of two: between their middles, and how far the higher crown and the lower chin are from the
     * mean; 0 for one. */
    float span_px, above_px, below_px;
};

/* Where the picture ends. The frame may show nothing of the person beyond, and nothing at all when
 * the background is kept. */
struct edges {
    std::vector<cv::Point2f> cut; /* points of the person on the picture's edge */
    std::vector<cv::Point2f>
        corner; /* of the picture, clockwise; empty unless all is to be shown */
};

struct placement {
    float scale;      /* of the picture */
    cv::Point2f move; /* photo = scale * picture + move */

    cv::Point2f operator()(cv::Point2f p) const
    {
        return p * scale + move;
    }
};

/* This much of the photo's height may be made up beyond the picture's edge, by repeating it. */
constexpr float MADE_UP = 0.012F;

/* The best there is: inside all bands if that can be; otherwise nearest to them, the eyes and the
 * size of the head first. CUT_OFF when the picture ends where the photo must not. */
placement place_frame(const heads &h, const edges &e, const idphoto_wanted &wanted);

/* What the points come to in the photo. */
idphoto_reached reached_by(const heads &in_photo, const idphoto_wanted &wanted);

} // namespace core

#endif
