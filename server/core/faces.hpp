/* SPDX-License-Identifier: MIT */
/* Looking for faces: what its files share. */
#ifndef IDPHOTO_FACES_HPP
#define IDPHOTO_FACES_HPP

#include <vector>

#include "core/detectors.hpp"
#include "core/inside.hpp"

namespace core
{

/* A place where a face may be, upright in a copy of the picture that was turned and reduced. */
struct candidate {
    cv::Rect2f box;
    float weight;
};

/* Pupil to chin over pupil to pupil: menton to sellion is 1.84 (women) to 1.92 (men) of the
 * distance of the pupils in ANSUR II (2012), and the pupils lie about 4 mm below the sellion. */
constexpr float CHIN_OF_EYES = 1.8f;

/* Distance of the pupils, the point between them, and the direction from one to the other. */
struct eye_line {
    explicit eye_line(const idphoto_face &f);
    float distance, roll_deg;
    cv::Point2f middle, along, down; /* unit vectors: to the person's left, to the chin */
};

/* Fills roll_deg and, where there are no landmarks, the chin from the eyes. */
void complete(idphoto_face &f);

/* The built-in way: cascades over a copy of at most side_px, the picture turned by the angle. */
std::vector<idphoto_face> find_by_cascades(idphoto &i, const cv::Mat &grey, const cv::Mat &rgb,
                                           float side_px, float angle_deg);

/* The pupils in an upright patch of a face, in pixels of the patch; false when there seem to be
 * none. The patch is about EYE_PATCH_PX wide. */
constexpr int EYE_PATCH_PX = 160;
bool find_pupils(idphoto &i, const cv::Mat &patch, cv::Point2f pupil[2]);

} // namespace core

#endif
