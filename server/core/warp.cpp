/* SPDX-License-Identifier: MIT */
#include "core/warp.hpp"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

namespace core
{

cv::Point2f apply(const cv::Matx23f &m, cv::Point2f p)
{
    return {m(0, 0) * p.x + m(0, 1) * p.y + m(0, 2), m(1, 0) * p.x + m(1, 1) * p.y + m(1, 2)};
}

cv::Matx23f chained(const cv::Matx23f &first, const cv::Matx23f &then)
{
    const cv::Matx33f a(first(0, 0), first(0, 1), first(0, 2), first(1, 0), first(1, 1),
                        first(1, 2), 0, 0, 1);
    return then * a;
}

cv::Matx23f turning(cv::Point2f about, float lean_deg, float scale, cv::Point2f place)
{
    const float a = -lean_deg * (float)CV_PI / 180, c = std::cos(a) * scale,
                s = std::sin(a) * scale;
    return {c, -s, place.x - c * about.x + s * about.y, s, c, place.y - s * about.x - c * about.y};
}

cv::Rect2f bounds_of(const cv::Matx23f &m, const cv::Rect2f &r)
{
    cv::Point2f low(1e9F, 1e9F), high(-1e9F, -1e9F);
    for (int corner = 0; corner < 4; corner++) {
        const cv::Point2f p =
            apply(m, {r.x + (corner & 1 ? r.width : 0), r.y + (corner & 2 ? r.height : 0)});
        low = {std::min(low.x, p.x), std::min(low.y, p.y)};
        high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
    return {low, high};
}

cv::Matx23f as_opencv(const cv::Matx23f &m)
{
    cv::Matx23f out = m;
    out(0, 2) += 0.5F * (m(0, 0) + m(0, 1)) - 0.5F;
    out(1, 2) += 0.5F * (m(1, 0) + m(1, 1)) - 0.5F;
    return out;
}

float scale_of(const cv::Matx23f &m)
{
    return std::hypot(m(0, 0), m(1, 0));
}

/* The part of the picture that the map shows, with some margin for what filters see. */
static cv::Rect part_shown(const cv::Mat &picture, const cv::Matx23f &map, const cv::Size &size)
{
    cv::Matx23f back;
    cv::invertAffineTransform(map, back);
    const cv::Rect2f all(0, 0, (float)size.width, (float)size.height);
    const cv::Rect2f seen = bounds_of(back, all);
    const float margin = 4 / std::min(1.0F, scale_of(map));
    const float left = std::clamp(std::floor(seen.x - margin), 0.0F, (float)picture.cols - 1),
                top = std::clamp(std::floor(seen.y - margin), 0.0F, (float)picture.rows - 1);
    const float right = std::clamp(std::ceil(seen.x + seen.width + margin), left + 1,
                                   (float)picture.cols),
                bottom = std::clamp(std::ceil(seen.y + seen.height + margin), top + 1,
                                    (float)picture.rows);
    return {(int)left, (int)top, (int)(right - left), (int)(bottom - top)};
}

void warp_picture(const cv::Mat &picture, const cv::Matx23f &map, const cv::Size &size,
                  cv::Mat &out)
{
    const cv::Rect part = part_shown(picture, map, size);
    const float scale = std::min(1.0F, scale_of(map));
    const cv::Size small(std::max(1, (int)std::lround((float)part.width * scale)),
                         std::max(1, (int)std::lround((float)part.height * scale)));
    const float sx = (float)part.width / (float)small.width,
                sy = (float)part.height / (float)small.height;
    const cv::Matx23f widen = {sx, 0, (float)part.x, 0, sy, (float)part.y};
    secret_mat reduced;
    cv::resize(picture(part), reduced, small, 0, 0, cv::INTER_AREA);
    cv::warpAffine(reduced, out, as_opencv(chained(widen, map)), size, cv::INTER_CUBIC,
                   cv::BORDER_REPLICATE);
}

} // namespace core
