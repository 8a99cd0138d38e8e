/* SPDX-License-Identifier: MIT */
/*
 * The steps of matting: coarse mask, trimap, alpha, colours of the person.
 *
 * Pictures are RGB of 8 bits; masks 8-bit, alpha CV_32F in 0..1. Any thread.
 */
#ifndef IDPHOTO_MATTING_HPP
#define IDPHOTO_MATTING_HPP

#include <opencv2/dnn.hpp>

#include "core/inside.hpp"

namespace core
{

struct people {
    const idphoto_face *face;
    size_t count;
};

/* Where the people are, about: 0..255, the size of the picture. By GrabCut (Rother, Kolmogorov,
 * Blake 2004) on a small copy, with what a face tells about head and shoulders; or by the network.
 */
cv::Mat coarse_mask(const cv::Mat &rgb, const people &who, cv::dnn::Net &net);

/* 0 background, 255 person, 128 to be found: a band around the edge of the mask, wide about hair
 * and narrow about shoulders. */
cv::Mat trimap_of(const cv::Mat &rgb, const cv::Mat &mask, const people &who, cv::Mat &trust);

/* What is thought of alpha beforehand, and how much that weighs against what the colours say; trust
 * may be empty: it is then a place to begin. Both CV_32F. */
struct hint {
    cv::Mat alpha, trust;
};

/* Alpha of what the trimap does not know: the matting Laplacian (Levin, Lischinski, Weiss 2008)
 * with large windows, applied by box filters (He, Sun, Tang 2010), by conjugate gradients. */
cv::Mat solve_alpha(const cv::Mat &rgb, const cv::Mat &trimap, const hint &doubt);

/* Colours of the person where alpha mixes them with the background: the multi-level method (Germer,
 * Uelwer, Conrad, Harmeling 2020). CV_32FC3 in 0..1. */
cv::Mat foreground_of(const cv::Mat &rgb, const cv::Mat &alpha);

} // namespace core

#endif
