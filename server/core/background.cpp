/* SPDX-License-Identifier: MIT */
#include "core/compose.hpp"

#include <cmath>

namespace core
{

/* How far a pixel is on the way from the first colour to the second, 0..1. */
static float progress(idphoto_background kind, float x, float y, float width, float height)
{
    if (kind == IDPHOTO_GRADIENT_DOWN)
        return y / height;
    if (kind == IDPHOTO_GRADIENT_CENTRE)
        return std::min(1.0f, std::hypot(x / width - 0.5f, y / height - 0.5f) / std::sqrt(0.5f));
    return 0;
}

cv::Mat background_of(const idphoto_wanted &w)
{
    cv::Mat out(w.height_px, w.width_px, CV_32FC3);
    for (int y = 0; y < out.rows; y++)
        for (int x = 0; x < out.cols; x++) {
            const float t = progress(w.background, (float)x + 0.5f, (float)y + 0.5f,
                                     (float)out.cols, (float)out.rows);
            cv::Vec3f &p = out.at<cv::Vec3f>(y, x);
            for (int c = 0; c < 3; c++)
                p[c] = (1 - t) * (float)w.colour[c] + t * (float)w.colour_to[c];
        }
    return out;
}

} // namespace core
