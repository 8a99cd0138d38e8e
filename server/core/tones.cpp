/* SPDX-License-Identifier: MIT */
#include "core/tones.hpp"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

namespace core
{

static float decode(float v)
{
    return v <= 0.04045F ? v / 12.92F : std::pow((v + 0.055F) / 1.055F, 2.4F);
}

static const std::array<float, 256> &table()
{
    static const std::array<float, 256> values = [] {
        std::array<float, 256> t = {};
        for (size_t k = 0; k < t.size(); k++)
            t[k] = decode((float)k / 255);
        return t;
    }();
    return values;
}

float linear(uint8_t sample)
{
    return table()[sample];
}

void luminance(const cv::Mat &rgb, cv::Mat &out)
{
    const std::array<float, 256> &light = table();
    out.create(rgb.size(), CV_8UC1);
    for (int y = 0; y < rgb.rows; y++) {
        const auto *from = rgb.ptr<cv::Vec3b>(y);
        auto *to = out.ptr<uint8_t>(y);
        for (int x = 0; x < rgb.cols; x++) {
            const float l = 0.2126F * light[from[x][0]] + 0.7152F * light[from[x][1]] +
                            0.0722F * light[from[x][2]];
            to[x] = cv::saturate_cast<uint8_t>(l * 255);
        }
    }
}

luminance_figures figures_of(const std::array<uint32_t, 256> &histogram)
{
    double n = 0, sum = 0, squares = 0, under = 0, over = 0, entropy = 0;
    for (size_t k = 0; k < histogram.size(); k++) {
        const double h = histogram[k], v = (double)k / 255;
        n += h;
        sum += h * v;
        squares += h * v * v;
        under += k <= 25 ? h : 0;
        over += k >= 247 ? h : 0;
    }
    if (n <= 0)
        return {NAN, NAN, NAN, NAN, NAN};
    for (const uint32_t h : histogram)
        entropy -= h > 0 ? h / n * std::log2(h / n) : 0;
    const double mean = sum / n;
    return {(float)mean, (float)std::max(0.0, squares / n - mean * mean), (float)(under / n),
            (float)(over / n), (float)entropy};
}

static float lab_curve(float t)
{
    constexpr float bend = 6.0F / 29;
    return t > bend * bend * bend ? std::cbrt(t) : t / (3 * bend * bend) + 4.0F / 29;
}

cv::Vec3f lab(const cv::Vec3f &c)
{
    const float x = 0.4360747F * c[0] + 0.3850649F * c[1] + 0.1430804F * c[2];
    const float y = 0.2225045F * c[0] + 0.7168786F * c[1] + 0.0606169F * c[2];
    const float z = 0.0139322F * c[0] + 0.0971045F * c[1] + 0.7141733F * c[2];
    const float fx = lab_curve(x / 0.96422F), fy = lab_curve(y), fz = lab_curve(z / 0.82521F);
    return {116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)};
}

float distance_from_skin(const cv::Vec3f &lab)
{
    const float a = lab[1], b = lab[2];
    constexpr float rounding = 0.01F; /* grey is 0, 0 */
    if (a < -rounding || b < -rounding)
        return 100;
    return std::hypot(a - std::clamp(a, 5.0F, 25.0F), b - std::clamp(b, 5.0F, 35.0F));
}

} // namespace core
