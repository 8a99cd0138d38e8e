/* SPDX-License-Identifier: MIT */
/* What the eyes of faces say about where the people are. Pure; any thread. */
#ifndef IDPHOTO_EXPECT_HPP
#define IDPHOTO_EXPECT_HPP

#include "core/matting.hpp"

namespace core
{

/* Log odds beyond which a pixel is settled. */
constexpr float SURELY = 50, SURELY_NOT = -7;

struct expectation {
    cv::Mat odds;  /* CV_32F: log odds that a pixel shows a person; SURELY_NOT and SURELY at ends */
    cv::Mat torso; /* CV_32F: 0 head, 1 shoulders and below, between about the neck */
};

/* For a copy of the picture that is `scale` of its size. */
void expect(const people &who, float scale, const cv::Size &size, expectation &out);

} // namespace core

#endif
