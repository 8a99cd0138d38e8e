/* SPDX-License-Identifier: MIT */
/*
 * The matting Laplacian (Levin, Lischinski, Weiss 2008) with windows of (2r+1)^2 pixels, never
 * written down: box filters apply it (He, Sun, Tang, Fast matting using large kernel matting
 * Laplacian matrices, CVPR 2010). Any thread.
 */
#ifndef IDPHOTO_LAPLACIAN_HPP
#define IDPHOTO_LAPLACIAN_HPP

#include "core/matting.hpp"

namespace core
{

class laplacian
{
  public:
    laplacian(const cv::Mat &rgb, int radius_px);

    /* For each pixel the sum, over the windows that hold it, of p less the best linear function of
     * the window's colours. p and out are CV_32F. */
    void apply(const cv::Mat &p, cv::Mat &out) const;

    /* Those linear functions, the mean of all that hold a pixel: CV_32FC4 of red, green, blue and
     * 1. */
    void fit(const cv::Mat &p, cv::Mat &out) const;

  private:
    int radius;
    secret_mat colour, mean;    /* CV_32FC4: red, green, blue, 1 */
    secret_mat inverse[2];      /* of the covariance: rr rg rb gg, gb bb 0 0 */
    mutable secret_mat work[2]; /* CV_32FC4 */

    void fit_windows(const cv::Mat &p) const; /* into work[1] */
    float windows(int y, int x) const;        /* pixels of one, windows that hold one */
    void invert_covariance();
};

/* Applies linear functions, which may be fewer, to the colours of a picture; 0..1. */
void upscale(const cv::Mat &coefficients, const cv::Mat &rgb, cv::Mat &out);

/* Conjugate gradients on the unknown pixels; the known ones stay as they are in alpha. */
void descend(const laplacian &l, const hint &doubt, const cv::Mat &unknown, int turns,
             cv::Mat &alpha);

} // namespace core

#endif
