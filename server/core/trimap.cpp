/* SPDX-License-Identifier: MIT */
#include <opencv2/imgproc.hpp>

#include "core/faces.hpp"
#include "core/matting.hpp"

namespace core
{

/* Half widths of the band, in distances of the pupils: outside and inside the edge of the mask. */
struct reach {
    float outside, inside;
};
constexpr reach HAIR = {0.42f, 0.30f}, BODY = {0.13f, 0.13f};

/* 1 where hair may be (above the chin), 0 from the shoulders on, falling between. */
static float hairiness(const eye_line &eyes, cv::Point2f p)
{
    const float v = (p - eyes.middle).dot(eyes.down) / eyes.distance;
    return std::clamp((2.6f - v) / 1.2f, 0.0f, 1.0f);
}

static const idphoto_face &nearest(const people &who, cv::Point2f p)
{
    const idphoto_face *best = who.face;
    for (size_t k = 1; k < who.count; k++)
        if (cv::norm(eye_line(who.face[k]).middle - p) < cv::norm(eye_line(*best).middle - p))
            best = &who.face[k];
    return *best;
}

cv::Mat trimap_of(const cv::Mat &mask, const people &who)
{
    cv::Mat inside = mask >= 128, from_edge_in, from_edge_out;
    cv::Mat padded; /* the person goes on beyond the picture */
    cv::copyMakeBorder(inside, padded, 1, 1, 1, 1, cv::BORDER_REPLICATE);
    cv::distanceTransform(padded, from_edge_in, cv::DIST_L2, 3);
    cv::distanceTransform(255 - padded, from_edge_out, cv::DIST_L2, 3);
    cv::Mat trimap(mask.size(), CV_8U);
    for (int y = 0; y < mask.rows; y++)
        for (int x = 0; x < mask.cols; x++) {
            const cv::Point2f p((float)x, (float)y);
            const eye_line eyes(nearest(who, p));
            const float h = hairiness(eyes, p);
            const float out = eyes.distance * (BODY.outside + h * (HAIR.outside - BODY.outside));
            const float in = eyes.distance * (BODY.inside + h * (HAIR.inside - BODY.inside));
            const bool is_in = inside.at<uchar>(y, x) != 0;
            const float away = is_in ? from_edge_in.at<float>(y + 1, x + 1)
                                     : from_edge_out.at<float>(y + 1, x + 1);
            trimap.at<uchar>(y, x) = away <= (is_in ? in : out) ? 128 : (is_in ? 255 : 0);
        }
    return trimap;
}

} // namespace core
