/* SPDX-License-Identifier: MIT */
#include "core/compose.hpp"

#include <algorithm>
#include <cmath>

namespace core
{

/* How far a place is on the way from the first colour to the second, 0..1; shares of the photo. */
static float progress(idphoto_background kind, float x, float y)
{
    if (kind == IDPHOTO_GRADIENT_DOWN)
        return y;
    if (kind == IDPHOTO_GRADIENT_CENTRE)
        return std::min(1.0F, std::hypot(x - 0.5F, y - 0.5F) / std::sqrt(0.5F));
    return 0;
}

void background_row(const idphoto_wanted &w, int y, cv::Mat &row)
{
    row.create(1, w.width_px, CV_32FC3);
    const float down = ((float)y + 0.5F) / (float)w.height_px;
    for (int x = 0; x < w.width_px; x++) {
        const float t = progress(w.background, ((float)x + 0.5F) / (float)w.width_px, down);
        cv::Vec3f &p = row.at<cv::Vec3f>(0, x);
        for (int c = 0; c < 3; c++)
            p[c] = (1 - t) * (float)w.colour[c] + t * (float)w.colour_to[c];
    }
}

} // namespace core
