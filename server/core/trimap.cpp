/* SPDX-License-Identifier: MIT */
#include <vector>

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

/* Of all people the one whose eyes are nearest. */
class widths
{
  public:
    widths(const people &who, float share) : scale(share)
    {
        for (size_t k = 0; k < who.count; k++)
            eyes.emplace_back(who.face[k]);
    }
    float at(cv::Point2f p, bool inside) const
    {
        const eye_line *best = eyes.data();
        for (const eye_line &e : eyes)
            if (cv::norm(e.middle - p) < cv::norm(best->middle - p))
                best = &e;
        const float h = hairiness(*best, p);
        return best->distance * (inside ? BODY.inside + h * (HAIR.inside - BODY.inside)
                                        : BODY.outside + h * (HAIR.outside - BODY.outside));
    }
    float most(bool inside) const
    {
        float out = 0;
        for (const eye_line &e : eyes)
            out = std::max(out, scale * e.distance * (inside ? HAIR.inside : HAIR.outside));
        return out;
    }

  private:
    float scale;
    std::vector<eye_line> eyes;
    /* 1 where hair may be (above the chin), 0 from the shoulders on, falling between */
    static float hairiness(const eye_line &e, cv::Point2f p)
    {
        const float v = (p - e.middle).dot(e.down) / e.distance;
        return std::clamp((2.6f - v) / 1.2f, 0.0f, 1.0f);
    }
};

/* 0 before a plain wall, where colours tell all; 1 where the background has many edges of its own,
 * which look like hair. */
static float busyness(const cv::Mat &rgb, const cv::Mat &mask)
{
    constexpr float PLAIN = 3, BUSY = 12; /* steps of 255 per cell */
    constexpr int CELLS = 48;
    const float scale = (float)CELLS / (float)std::max(rgb.cols, rgb.rows);
    secret_mat small, dx, dy;
    cv::Mat around;
    cv::resize(rgb, small, cv::Size(), scale, scale, cv::INTER_AREA);
    cv::cvtColor(small, small, cv::COLOR_RGB2GRAY);
    cv::Sobel(small, dx, CV_16S, 1, 0, 1);
    cv::Sobel(small, dy, CV_16S, 0, 1, 1);
    cv::resize(mask, around, small.size(), 0, 0, cv::INTER_AREA);
    cv::dilate(around, around, cv::Mat::ones(5, 5, CV_8U)); /* nor the edge of the person itself */
    around = around == 0;
    if (cv::countNonZero(around) == 0)
        return 1;
    const float step =
        (float)(cv::mean(cv::abs(dx), around)[0] + cv::mean(cv::abs(dy), around)[0]) / 2;
    return std::clamp((step - PLAIN) / (BUSY - PLAIN), 0.0f, 1.0f);
}

/* How much the mask weighs at the ends of the band, against the 49 windows that hold a pixel. */
constexpr float WEIGHT_PLAIN = 2, WEIGHT_BUSY = 13, NARROWER = 0.35f;

cv::Mat trimap_of(const cv::Mat &rgb, const cv::Mat &mask, const people &who, cv::Mat &trust)
{
    secret_mat padded, away[2]; /* the person goes on beyond the picture */
    cv::copyMakeBorder(mask >= 128, padded, 1, 1, 1, 1, cv::BORDER_REPLICATE);
    cv::distanceTransform(255 - padded, away[0], cv::DIST_L2, 3);
    cv::distanceTransform(padded, away[1], cv::DIST_L2, 3);
    const float busy = busyness(rgb, mask), weight = WEIGHT_PLAIN + busy * WEIGHT_BUSY;
    const widths width(who, 1 - NARROWER * busy);
    const float most[2] = {width.most(false), width.most(true)};
    cv::Mat trimap(mask.size(), CV_8U);
    trust = cv::Mat::zeros(mask.size(), CV_32F);
    for (int y = 0; y < mask.rows; y++)
        for (int x = 0; x < mask.cols; x++) {
            const bool inside = mask.at<uchar>(y, x) >= 128;
            const float d = away[inside].at<float>(y + 1, x + 1);
            uchar &known = trimap.at<uchar>(y, x);
            known = inside ? 255 : 0;
            if (d > most[inside])
                continue;
            const float share = d / width.at(cv::Point2f((float)x, (float)y), inside);
            if (share > 1)
                continue;
            known = 128;
            trust.at<float>(y, x) = weight * share * share;
        }
    return trimap;
}

} // namespace core
