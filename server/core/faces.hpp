/* SPDX-License-Identifier: MIT */
/* What the eyes of a face tell about the rest of it. */
#ifndef IDPHOTO_FACES_HPP
#define IDPHOTO_FACES_HPP

#include "core/inside.hpp"

namespace core
{

/* Points as OpenCV has them, and as they are told. */
inline cv::Point2f point_of(const idphoto_point &p)
{
    return {p.x_px, p.y_px};
}

inline idphoto_point told(cv::Point2f p)
{
    return {p.x, p.y};
}

inline float box_area(const idphoto_face &f)
{
    return f.box.width_px * f.box.height_px;
}

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
