/* SPDX-License-Identifier: MIT */
/* Where the pupils of one upright face are, told without a network. */
#ifndef IDPHOTO_EYES_HPP
#define IDPHOTO_EYES_HPP

#include "core/detectors.hpp"
#include "core/patch.hpp"

namespace core
{

struct eyes {
    cv::Point2f pupil[2]; /* in the picture; image left of the upright face first */
    int seen;             /* how many the eye cascade found where eyes can be: 0..2 */
};

/* face is the box of a face cascade, leaning by up to 25 degrees more or less than it says. The
 * cascade for eyes tells about where they are (where it is silent, the proportions of the box do);
 * gradients then vote for the middle of the iris. */
eyes find_eyes(cv::CascadeClassifier &cascade, const cv::Mat &grey, const place &face);

/* The box that a face cascade would have put about these eyes. */
place place_of_eyes(const eyes &e);

/* The middle of dark round things in an 8-bit grey Mat, by the means of gradients: Timm and Barth,
 * Accurate eye centre localisation by means of gradients, VISAPP 2011. Votes far from `about` count
 * less: half at `doubt_px`. */
cv::Point2f vote_pupil(const cv::Mat &grey, cv::Point2f about, float doubt_px);

} // namespace core

#endif
