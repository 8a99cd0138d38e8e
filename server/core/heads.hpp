/* SPDX-License-Identifier: MIT */
/* Heads and where a person ends, measured on a matte. Any thread. */
#ifndef IDPHOTO_HEADS_HPP
#define IDPHOTO_HEADS_HPP

#include "core/geometry.hpp"

namespace core
{

/* Before the matte is there: crown to pupils and width at the ears over the distance of the pupils,
 * hair included (head height 3.6 to 3.7 of it and bitragion with ears 2.5 to 2.8, ANSUR II). */
constexpr float CROWN_OF_EYES = 2.0F, WIDTH_OF_EYES = 2.55F;

/* What the eyes and the chin alone tell of upright faces (1 or 2). */
heads guessed_heads(const idphoto_face *faces, int32_t count);

/* alpha: CV_8UC1, the size of the picture of the faces. Of hair that is wider than a head can be,
 * WIDTH_OF_EYES is taken. */
heads measured_heads(const cv::Mat &alpha, const idphoto_face *faces, int32_t count);

/* The picture's edge (its corners, clockwise) runs through the head where that is broad: more than
 * about a twentieth of it is missing. */
bool hair_is_cut(const cv::Mat &alpha, const idphoto_face &face,
                 const std::vector<cv::Point2f> &corner);

/* Where the matte meets the edge of what the picture shows (its corners, clockwise), and the lowest
 * of it. */
std::vector<cv::Point2f> cut_edges(const cv::Mat &alpha, const std::vector<cv::Point2f> &corner);

} // namespace core

#endif
