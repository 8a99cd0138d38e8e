/* SPDX-License-Identifier: MIT */
#include <opencv2/imgproc.hpp>

#include "core/matting.hpp"

namespace core
{

constexpr float EPSILON =
    1e-5f; /* of colours in 0..1: how far a window's colours may leave their line */

/*
 * The matting Laplacian of windows of (2r+1)^2, never written down: to a plane p it gives, for each
 * pixel, the sum over the windows that hold it of p less the best linear function of the window's
 * colours.
 */
class laplacian
{
  public:
    laplacian(const cv::Mat &rgb, int radius) : side(2 * radius + 1, 2 * radius + 1)
    {
        cv::Mat whole;
        rgb.convertTo(whole, CV_32F, 1 / 255.0);
        cv::split(whole, colour);
        sum(cv::Mat::ones(rgb.size(), CV_32F), count);
        for (int c = 0; c < 3; c++) {
            sum(colour[c], mean[c]);
            mean[c] /= count;
        }
        invert_covariance();
    }
    cv::Mat operator()(const cv::Mat &p) const
    {
        cv::Mat p_mean, slope[3], offset, moment;
        sum(p, p_mean);
        p_mean /= count;
        for (int c = 0; c < 3; c++) {
            sum(p.mul(colour[c]), moment);
            slope[c] = moment / count - p_mean.mul(mean[c]); /* covariance with p, for now */
        }
        fit(slope, p_mean, offset);
        cv::Mat out = count.mul(p), part;
        sum(offset, part);
        out -= part;
        for (int c = 0; c < 3; c++) {
            sum(slope[c], part);
            out -= part.mul(colour[c]);
        }
        return out;
    }

  private:
    cv::Size side;
    cv::Mat colour[3], mean[3], count, inverse[6]; /* rr rg rb gg gb bb */

    void sum(const cv::Mat &in, cv::Mat &out) const
    {
        cv::boxFilter(in, out, CV_32F, side, cv::Point(-1, -1), false, cv::BORDER_CONSTANT);
    }
    void invert_covariance()
    {
        cv::Mat covariance[6];
        for (int a = 0, k = 0; a < 3; a++)
            for (int b = a; b < 3; b++, k++) {
                sum(colour[a].mul(colour[b]), covariance[k]);
                covariance[k] = covariance[k] / count - mean[a].mul(mean[b]);
                inverse[k].create(count.size(), CV_32F);
            }
        for (int y = 0; y < count.rows; y++)
            for (int x = 0; x < count.cols; x++)
                invert_at(covariance, y, x);
    }
    void invert_at(const cv::Mat covariance[6], int y, int x)
    {
        double m[6];
        for (int k = 0; k < 6; k++)
            m[k] = (double)covariance[k].at<float>(y, x);
        const double ridge = EPSILON;
        m[0] += ridge;
        m[3] += ridge;
        m[5] += ridge;
        const double a = m[3] * m[5] - m[4] * m[4], b = m[2] * m[4] - m[1] * m[5],
                     c = m[1] * m[4] - m[2] * m[3];
        const double d = 1 / (m[0] * a + m[1] * b + m[2] * c);
        const double out[6] = {a * d,
                               b * d,
                               c * d,
                               (m[0] * m[5] - m[2] * m[2]) * d,
                               (m[1] * m[2] - m[0] * m[4]) * d,
                               (m[0] * m[3] - m[1] * m[1]) * d};
        for (int k = 0; k < 6; k++)
            inverse[k].at<float>(y, x) = (float)out[k];
    }
    /* slope = inverse covariance times covariance with p; offset = mean of p less slope times mean
     * colour */
    void fit(cv::Mat slope[3], const cv::Mat &p_mean, cv::Mat &offset) const
    {
        offset.create(p_mean.size(), CV_32F);
        for (int y = 0; y < p_mean.rows; y++) {
            float *s0 = slope[0].ptr<float>(y), *s1 = slope[1].ptr<float>(y),
                  *s2 = slope[2].ptr<float>(y);
            const float *rr = inverse[0].ptr<float>(y), *rg = inverse[1].ptr<float>(y),
                        *rb = inverse[2].ptr<float>(y);
            const float *gg = inverse[3].ptr<float>(y), *gb = inverse[4].ptr<float>(y),
                        *bb = inverse[5].ptr<float>(y);
            const float *mr = mean[0].ptr<float>(y), *mg = mean[1].ptr<float>(y),
                        *mb = mean[2].ptr<float>(y);
            const float *pm = p_mean.ptr<float>(y);
            float *o = offset.ptr<float>(y);
            for (int x = 0; x < p_mean.cols; x++) {
                const float r = s0[x], g = s1[x], b = s2[x];
                s0[x] = rr[x] * r + rg[x] * g + rb[x] * b;
                s1[x] = rg[x] * r + gg[x] * g + gb[x] * b;
                s2[x] = rb[x] * r + gb[x] * g + bb[x] * b;
                o[x] = pm[x] - s0[x] * mr[x] - s1[x] * mg[x] - s2[x] * mb[x];
            }
        }
    }
};

/* Conjugate gradients on the unknown pixels; the known ones stay as they are in alpha. */
static void descend(const laplacian &l, const cv::Mat &unknown, int turns, cv::Mat &alpha)
{
    cv::Mat known_out;
    unknown.convertTo(known_out, CV_32F, 1 / 255.0);
    cv::Mat residual = -l(alpha).mul(known_out), direction = residual.clone();
    double energy = residual.dot(residual);
    for (int turn = 0; turn < turns && energy > 1e-9; turn++) {
        cv::Mat image = l(direction).mul(known_out);
        const double curvature = direction.dot(image);
        if (curvature <= 0)
            break;
        const double step = energy / curvature;
        cv::scaleAdd(direction, step, alpha, alpha);
        cv::scaleAdd(image, -step, residual, residual);
        const double next = residual.dot(residual);
        cv::scaleAdd(direction, next / energy, residual, direction);
        energy = next;
    }
    cv::min(cv::max(alpha, 0), 1, alpha);
}

static void fix_known(const cv::Mat &trimap, cv::Mat &alpha)
{
    alpha.setTo(0, trimap == 0);
    alpha.setTo(1, trimap == 255);
}

/* Half the size first, since a wide window there sees twice as far for a quarter of the work. */
cv::Mat solve_alpha(const cv::Mat &rgb, const cv::Mat &trimap, const cv::Mat &guess)
{
    constexpr int RADIUS_SMALL = 6, RADIUS = 5, TURNS_SMALL = 15, TURNS = 6, LEAST_PX = 64;
    cv::Mat alpha = guess.clone();
    fix_known(trimap, alpha);
    if (std::min(rgb.cols, rgb.rows) >= LEAST_PX) {
        cv::Mat half, half_trimap, half_alpha;
        cv::resize(rgb, half, cv::Size(), 0.5, 0.5, cv::INTER_AREA);
        cv::resize(trimap, half_trimap, half.size(), 0, 0,
                   cv::INTER_AREA); /* a mixture is unknown */
        cv::resize(alpha, half_alpha, half.size(), 0, 0, cv::INTER_AREA);
        fix_known(half_trimap, half_alpha);
        descend(laplacian(half, RADIUS_SMALL), (half_trimap > 0) & (half_trimap < 255), TURNS_SMALL,
                half_alpha);
        cv::resize(half_alpha, alpha, rgb.size(), 0, 0, cv::INTER_LINEAR);
        fix_known(trimap, alpha);
    }
    descend(laplacian(rgb, RADIUS), (trimap > 0) & (trimap < 255), TURNS, alpha);
    return alpha;
}

} // namespace core
