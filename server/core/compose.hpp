/* SPDX-License-Identifier: MIT */
/* The photo's layers: background, person, edits. Any thread. */
#ifndef IDPHOTO_COMPOSE_HPP
#define IDPHOTO_COMPOSE_HPP

#include "core/inside.hpp"

namespace core
{

/* What a photo is made of. Where the person is all there is, the portrait's own pixels are taken,
 * which are scaled once; at soft edges those of the cut-out, which know no old background. */
struct layers {
    const cv::Mat &portrait, &cut_out; /* CV_8UC3; CV_8UC4 of a part of it */
    cv::Matx23f portrait_to_photo, cut_out_to_photo;
};

/* CV_8UC4, straight alpha; with IDPHOTO_KEEP the colours are the portrait's everywhere. */
void draw_person(const layers &l, const idphoto_wanted &w, cv::Mat &out);

/* The person over the background that is wanted. Returns owned pixels. */
idphoto_pixels lay_over(const cv::Mat &person, const layers &l, const idphoto_wanted &w);

/* A row of the background, CV_32FC3 of one row, as wide as the photo; not for KEEP and CLEAR. */
void background_row(const idphoto_wanted &w, int y, cv::Mat &row);

bool is_untouched(const idphoto_edit &e);
bool is_in_range(const idphoto_edit &e);

/* Edits the colours (CV_8UC4) in place; alpha stays. faces, in the photo: the colour of skin is
 * taken from the cheeks below their eyes, whatever complexion that is. */
void edit_person(cv::Mat &person, const idphoto_face *faces, int32_t count, const idphoto_edit &e);

} // namespace core

#endif
