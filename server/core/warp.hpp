/* SPDX-License-Identifier: MIT */
/* Pictures moved, scaled and turned at once. Maps lead from one picture's places to another's,
 * pixels from the outer corner of the first. Any thread. */
#ifndef IDPHOTO_WARP_HPP
#define IDPHOTO_WARP_HPP

#include "core/inside.hpp"

namespace core
{

cv::Point2f apply(const cv::Matx23f &m, cv::Point2f p);

/* What would do first `first`, then `then`. */
cv::Matx23f chained(const cv::Matx23f &first, const cv::Matx23f &then);

/* Turned counter-clockwise by lean_deg and scaled about a point, which comes to a place. */
cv::Matx23f turning(cv::Point2f about, float lean_deg, float scale, cv::Point2f place);

/* By how much it enlarges; it skews nothing. */
float scale_of(const cv::Matx23f &m);

/* The bounds of a rectangle's image. */
cv::Rect2f bounds_of(const cv::Matx23f &m, const cv::Rect2f &r);

/* An 8-bit picture through a map: reduced by areas, then turned by cubic pieces; what lies beyond
 * its edge repeats the edge. */
void warp_picture(const cv::Mat &picture, const cv::Matx23f &map, const cv::Size &size,
                  cv::Mat &out);

/* The map as cv::warpAffine has it, whose places count from the middle of the first pixel. */
cv::Matx23f as_opencv(const cv::Matx23f &m);

} // namespace core

#endif
