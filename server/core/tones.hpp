/* SPDX-License-Identifier: MIT */
/* Light and colour of 8-bit sRGB samples (IEC 61966-2-1). Pure functions; any thread. */
#ifndef IDPHOTO_TONES_HPP
#define IDPHOTO_TONES_HPP

#include <array>
#include <cstdint>

#include <opencv2/core.hpp>

namespace core
{

/* Linear light of a sample, 0..1. */
float linear(uint8_t sample);

/* Relative luminance (ISO/IEC 29794-5, ITU-R BT.709 primaries), scaled to 0..255 and rounded. out
 * is of one channel. */
void luminance(const cv::Mat &rgb, cv::Mat &out);

/* What a histogram of luminance says; n 0: all NAN. */
struct luminance_figures {
    float mean, variance; /* of luminance 0..1 */
    float under, over;    /* shares with 0..25 and 247..255 */
    float entropy_bits;
};
luminance_figures figures_of(const std::array<uint32_t, 256> &histogram);

/* CIELAB of linear RGB, against D50 (sRGB adapted by Bradford, as ICC profiles do). */
cv::Vec3f lab(const cv::Vec3f &linear_rgb);

/* How far a and b lie from where skin is, a 5..25 and b 5..35; 100 where either is negative
 * (ISO/IEC 29794-5, natural colour). */
float distance_from_skin(const cv::Vec3f &lab);

} // namespace core

#endif
