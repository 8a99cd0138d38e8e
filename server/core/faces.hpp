/* SPDX-License-Identifier: MIT */
/* What the eyes of a face tell about the rest of it. */
#ifndef IDPHOTO_FACES_HPP
#define IDPHOTO_FACES_HPP

#include "core/inside.hpp"

namespace core
{

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

} // namespace core

#endif
