/* SPDX-License-Identifier: MIT */
/* How often colours occur: a smoothed histogram of YCrCb. Wiped when its owner goes. One thread. */
#ifndef IDPHOTO_PALETTE_HPP
#define IDPHOTO_PALETTE_HPP

#include <vector>

#include "core/inside.hpp"

namespace core
{

/* The cell of each pixel of an RGB picture: CV_16U. */
void cells_of(const cv::Mat &rgb, cv::Mat &out);

class palette
{
  public:
    palette();
    ~palette();
    palette(const palette &) = delete;
    palette &operator=(const palette &) = delete;

    void add(uint16_t cell, float weight)
    {
        count[cell] += weight;
    }
    /* Spreads counts to like colours and turns them into shares; after the last add(). */
    void settle();
    /* How much likelier than if all colours were equally so. */
    float operator[](uint16_t cell) const
    {
        return count[cell];
    }

  private:
    std::vector<float> count;
};

} // namespace core

#endif
