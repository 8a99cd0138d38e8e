/* SPDX-License-Identifier: MIT */
/*
 * Faces by OpenCV's cascades alone: where one may be, and what speaks for it.
 *
 * P. Viola and M. Jones, Rapid object detection using a boosted cascade of simple features, CVPR
 * 2001. A cascade answers for upright frontal faces and also for a few folds of cloth; the second
 * cascade, the cascade for eyes and the colour of skin tell them apart.
 */
#ifndef IDPHOTO_CANDIDATES_HPP
#define IDPHOTO_CANDIDATES_HPP

#include <vector>

#include "core/detectors.hpp"
#include "core/eyes.hpp"
#include "core/patch.hpp"

namespace core
{

struct candidate {
    place box;
    int alt2, second; /* windows of either cascade about this place */
    int upside; /* windows of alt2 when it stands on its head: more of them say that it does */
    eyes e;
    float skin;  /* share of skin colour, or NAN where the picture has no usable colour */
    float score; /* of them all, 0..1 */
};

/* A grey picture and what it takes to search it: equalised, at most side_px wide and high, with a
 * border that repeats its edge, for faces that leave the picture. */
struct search_copy {
    secret_mat grey;
    float per_px; /* pixels of the picture in one of the copy */
    int border_px = 0;
};
void make_search_copy(const cv::Mat &grey, int side_px, search_copy &out);
void add_border(search_copy &copy, int border_px);

/* Everything that looks like a face which leans turn_deg clockwise, unless it is smaller than
 * least_px of the picture; boxes alone are told. */
std::vector<candidate> search_turned(idphoto &i, const search_copy &copy, float turn_deg,
                                     float least_px);

/* True when a face that something else found at about these places looks more like one with the
 * other end up. */
bool stands_on_head(idphoto &i, const cv::Mat &grey, const std::vector<place> &places);

/* Cascades keep sums of the last pictures that they saw; this writes over them. side_px: of the
 * largest one. */
void forget_pictures(idphoto &i, int side_px);

/* Looks closer: eyes, skin, score; and sets the place upright and about the eyes. */
void judge(idphoto &i, const cv::Mat &rgb, const cv::Mat &grey, candidate &c);

/* What a candidate must reach: real faces of the reference portraits reach 0.6, also dark, blurred
 * and tinted ones, and what is none does not reach 0.35. */
constexpr float enough = 0.45F;

/* Eyes lie across the box, apart as far as eyes are. */
bool plausible(const eyes &e, const place &box);

/* Keeps those with enough of a score, the best of each place. */
void keep_best(std::vector<candidate> &all);

} // namespace core

#endif
