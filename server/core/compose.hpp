/* SPDX-License-Identifier: MIT */
/* Backgrounds and edits of a photo. Pictures are CV_32FC3, RGB in 0..255. Any thread. */
#ifndef IDPHOTO_COMPOSE_HPP
#define IDPHOTO_COMPOSE_HPP

#include "core/inside.hpp"

namespace core
{

/* The photo's background alone; of IDPHOTO_KEEP and IDPHOTO_CLEAR it is not used. */
cv::Mat background_of(const idphoto_wanted &w);

bool is_untouched(const idphoto_edit &e);
bool is_in_range(const idphoto_edit &e);

/* Edits the person in place. eyes and their distance are pixels of the photo: the skin's colour is
 * taken from the cheeks below them, whatever complexion that is. */
void edit_person(cv::Mat &person, cv::Point2f eyes, float eye_distance_px, const idphoto_edit &e);

} // namespace core

#endif
