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
constexpr reach HAIR = {0.36f, 0.26f}, BODY = {0.11f, 0.11f};

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

/* How much the mask weighs at the ends of the band, against the 49 windows that hold a pixel:
 * little before a plain wall, where colours tell all, much where the background has edges of its
 * own. */
static float mask_weight(const cv::Mat &rgb, const cv::Mat &inside)
{
    constexpr float LEAST = 2, MOST = 15, PLAIN = 3, BUSY = 12; /* steps of 255 per cell */
    constexpr int CELLS = 48;
    const float scale = (float)CELLS / (float)std::max(rgb.cols, rgb.rows);
    secret_mat small, dx, dy;
    cv::Mat around;
    cv::resize(rgb, small, cv::Size(), scale, scale, cv::INTER_AREA);
    cv::cvtColor(small, small, cv::COLOR_RGB2GRAY);
    cv::Sobel(small, dx, CV_16S, 1, 0, 1);
    cv::Sobel(small, dy, CV_16S, 0, 1, 1);
    cv::resize(inside, around, small.size(), 0, 0, cv::INTER_AREA);
    cv::dilate(around, around, cv::Mat::ones(5, 5, CV_8U)); /* nor the edge of the person itself */
    around = around == 0;
    if (cv::countNonZero(around) == 0)
        return MOST;
    const float step =
        (float)(cv::mean(cv::abs(dx), around)[0] + cv::mean(cv::abs(dy), around)[0]) / 2;
    return LEAST + (MOST - LEAST) * std::clamp((step - PLAIN) / (BUSY - PLAIN), 0.0f, 1.0f);
}

cv::Mat trimap_of(const cv::Mat &rgb, const cv::Mat &mask, const people &who, cv::Mat &trust)
{
    trust = cv::Mat::zeros(mask.size(), CV_32F);
    cv::Mat inside = mask >= 128, from_edge_in, from_edge_out;
    cv::Mat padded; /* the person goes on beyond the picture */
    cv::copyMakeBorder(inside, padded, 1, 1, 1, 1, cv::BORDER_REPLICATE);
    cv::distanceTransform(padded, from_edge_in, cv::DIST_L2, 3);
    cv::distanceTransform(255 - padded, from_edge_out, cv::DIST_L2, 3);
    const float weight = mask_weight(rgb, inside);
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
            const float share = away / (is_in ? in : out);
            trimap.at<uchar>(y, x) = share <= 1 ? 128 : (is_in ? 255 : 0);
            trust.at<float>(y, x) = weight * share * share;
        }
    return trimap;
}

} // namespace core
