/* SPDX-License-Identifier: MIT */
#include "core/palette.hpp"

#include <opencv2/imgproc.hpp>

namespace core
{

/* Steps of 12 in luma and of 6 in chroma, of which the middle 192 of 256 are told apart. */
constexpr int LUMAS = 22, CHROMAS = 32, CELLS = LUMAS * CHROMAS * CHROMAS;
constexpr int LUMA_STEP = 12, CHROMA_STEP = 6, CHROMA_FIRST = 32;

static int chroma(uchar sample)
{
    return std::clamp((sample - CHROMA_FIRST) / CHROMA_STEP, 0, CHROMAS - 1);
}

void cells_of(const cv::Mat &rgb, cv::Mat &out)
{
    secret_mat ycc;
    cv::cvtColor(rgb, ycc, cv::COLOR_RGB2YCrCb);
    out.create(rgb.size(), CV_16U);
    for (int y = 0; y < rgb.rows; y++)
        for (int x = 0; x < rgb.cols; x++) {
            const cv::Vec3b c = ycc.at<cv::Vec3b>(y, x);
            out.at<uint16_t>(y, x) =
                (uint16_t)((c[0] / LUMA_STEP * CHROMAS + chroma(c[1])) * CHROMAS + chroma(c[2]));
        }
}

palette::palette() : count(CELLS, 0.0f)
{
}

palette::~palette()
{
    explicit_bzero(count.data(), count.size() * sizeof(float));
}

/* 1 2 1 along one axis. */
static void spread(std::vector<float> &v, int step, int length)
{
    for (int first = 0; first < CELLS; first++) {
        if (first / step % length != 0)
            continue;
        float before = v[(size_t)first];
        for (int k = 0; k < length; k++) {
            float &here = v[(size_t)(first + k * step)];
            const float own = here,
                        after = k + 1 < length ? v[(size_t)(first + (k + 1) * step)] : own;
            here = 0.25f * before + 0.5f * own + 0.25f * after;
            before = own;
        }
    }
}

void palette::settle()
{
    constexpr float UNSEEN = 0.5f; /* share of the likelihood that every colour has */
    spread(count, 1, CHROMAS);
    spread(count, CHROMAS, CHROMAS);
    spread(count, CHROMAS * CHROMAS, LUMAS);
    double total = 0;
    for (const float c : count)
        total += (double)c;
    const float scale = total > 0 ? (float)(CELLS / total) : 0;
    for (float &c : count)
        c = c * scale + UNSEEN;
}

} // namespace core
