/* SPDX-License-Identifier: MIT */
#include "core/patch.hpp"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

namespace core
{

cv::Point2f patch::point_in_picture(cv::Point2f p) const
{
    const cv::Matx23f &m = to_picture;
    return {m(0, 0) * p.x + m(0, 1) * p.y + m(0, 2), m(1, 0) * p.x + m(1, 1) * p.y + m(1, 2)};
}

static cv::Matx23f patch_to_picture(const place &where, int side_px)
{
    const float scale = where.side_px / (float)side_px;
    const float angle = where.roll_deg * (float)CV_PI / 180;
    const float c = std::cos(angle) * scale, s = std::sin(angle) * scale;
    const float half = (float)side_px / 2;
    return {c, -s, where.centre.x - half * (c - s), s, c, where.centre.y - half * (s + c)};
}

/* The upright rectangle that holds the square, cut to the picture; at least one pixel. */
static cv::Rect bounds(const place &where, cv::Size picture)
{
    const float angle = where.roll_deg * (float)CV_PI / 180;
    const float half =
        where.side_px / 2 * (std::fabs(std::cos(angle)) + std::fabs(std::sin(angle))) + 2;
    const auto clamp = [](float v, int limit) {
        return (int)std::lround(std::min(std::max(v, 0.0F), (float)limit));
    };
    const int left = std::min(clamp(where.centre.x - half, picture.width), picture.width - 1);
    const int top = std::min(clamp(where.centre.y - half, picture.height), picture.height - 1);
    const int right = std::max(clamp(where.centre.x + half, picture.width), left + 1);
    const int bottom = std::max(clamp(where.centre.y + half, picture.height), top + 1);
    return {left, top, right - left, bottom - top};
}

void cut_patch(const cv::Mat &picture, const place &where, int side_px, patch &out)
{
    out.to_picture = patch_to_picture(where, side_px);
    const cv::Rect area = bounds(where, picture.size());
    const float shrink = std::max(1.0F, where.side_px / (float)side_px);
    secret_mat source;
    cv::resize(picture(area), source,
               {std::max(1, (int)std::lround((float)area.width / shrink)),
                std::max(1, (int)std::lround((float)area.height / shrink))},
               0, 0, cv::INTER_AREA);
    const float kx = (float)source.cols / (float)area.width;
    const float ky = (float)source.rows / (float)area.height;
    cv::Matx23f m = out.to_picture;
    /* warpAffine counts from the middles of pixels. */
    m(0, 2) = (m(0, 2) + (m(0, 0) + m(0, 1)) / 2 - (float)area.x) * kx - 0.5F;
    m(1, 2) = (m(1, 2) + (m(1, 0) + m(1, 1)) / 2 - (float)area.y) * ky - 0.5F;
    for (int x = 0; x < 2; x++) {
        m(0, x) *= kx;
        m(1, x) *= ky;
    }
    cv::warpAffine(source, out.pixels, m, {side_px, side_px},
                   cv::INTER_LINEAR | cv::WARP_INVERSE_MAP, cv::BORDER_REPLICATE);
}

float share_inside(const place &where, cv::Size picture)
{
    const float left = where.centre.x - where.side_px / 2, top = where.centre.y - where.side_px / 2;
    const float width = std::min(left + where.side_px, (float)picture.width) - std::max(left, 0.0F);
    const float height = std::min(top + where.side_px, (float)picture.height) - std::max(top, 0.0F);
    return std::max(0.0F, width) * std::max(0.0F, height) / (where.side_px * where.side_px);
}

} // namespace core
