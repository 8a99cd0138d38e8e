/* SPDX-License-Identifier: MIT */
/*
 * A square of the picture, turned and scaled: what looks at one face looks at it upright and in one
 * size.
 */
#ifndef IDPHOTO_PATCH_HPP
#define IDPHOTO_PATCH_HPP

#include "core/inside.hpp"

namespace core
{

/* A square in the picture whose upper side lies roll_deg clockwise of level. */
struct place {
    cv::Point2f centre;
    float side_px;
    float roll_deg;
};

struct patch {
    secret_mat pixels;
    cv::Matx23f to_picture; /* of points of the patch, outer corners as origins */

    cv::Point2f point_in_picture(cv::Point2f p) const;
};

/* Cuts it out, side_px wide; what lies outside the picture repeats its edge. Smooths before it
 * makes smaller. out is filled in place, since pixels that are secret are not copied about. */
void cut_patch(const cv::Mat &picture, const place &where, int side_px, patch &out);

/* The part of the square that lies in the picture, 0..1. */
float share_inside(const place &where, cv::Size picture);

} // namespace core

#endif
