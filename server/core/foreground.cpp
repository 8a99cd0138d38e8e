/* SPDX-License-Identifier: MIT */
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/matting.hpp"

namespace core
{

constexpr float REGULAR = 1e-5f;   /* weight of a neighbour, besides the difference of alpha */
constexpr float FLAT = 1 / 512.0f; /* less than half a step of 8 bits: nothing mixes */
constexpr int SMALL_PX = 32, SWEEPS_SMALL = 10, SWEEPS = 2;

/* One step of the ladder of sizes. */
struct layers {
    cv::Mat image; /* 8-bit RGB */
    cv::Mat alpha;
    secret_mat front, back; /* CV_32FC3, 0..1 */
};

static cv::Vec3f colour_at(const layers &l, int y, int x)
{
    return cv::Vec3f(l.image.at<cv::Vec3b>(y, x)) * (1 / 255.0f);
}

/* One pixel: the colours F and B that mix to the picture and are like their neighbours'. The normal
 * equations of a*F + (1-a)*B = I and of the smoothness are 2 x 2, alike for the three channels. */
static void solve_pixel(layers &l, int y, int x)
{
    static const int dx[] = {-1, 1, 0, 0}, dy[] = {0, 0, -1, 1};
    const float a = l.alpha.at<float>(y, x), b = 1 - a;
    const cv::Vec3f i = colour_at(l, y, x);
    cv::Vec3f f_sum = a * i, b_sum = b * i;
    float weights = 0;
    for (int k = 0; k < 4; k++) {
        const int yy = std::clamp(y + dy[k], 0, l.alpha.rows - 1),
                  xx = std::clamp(x + dx[k], 0, l.alpha.cols - 1);
        const float w = REGULAR + std::abs(a - l.alpha.at<float>(yy, xx));
        weights += w;
        f_sum += w * l.front.at<cv::Vec3f>(yy, xx);
        b_sum += w * l.back.at<cv::Vec3f>(yy, xx);
    }
    const float ff = a * a + weights, fb = a * b, bb = b * b + weights;
    const float d = 1 / (ff * bb - fb * fb);
    cv::Vec3f f = d * (bb * f_sum - fb * b_sum), g = d * (ff * b_sum - fb * f_sum);
    for (int c = 0; c < 3; c++) {
        f[c] = std::clamp(f[c], 0.0f, 1.0f);
        g[c] = std::clamp(g[c], 0.0f, 1.0f);
    }
    l.front.at<cv::Vec3f>(y, x) = f;
    l.back.at<cv::Vec3f>(y, x) = g;
}

static void sweep_all(layers &l)
{
    for (int y = 0; y < l.alpha.rows; y++)
        for (int x = 0; x < l.alpha.cols; x++)
            solve_pixel(l, y, x);
}

/* At full size what does not mix shows itself, and need not be solved. */
static void sweep_mixed(layers &l, bool first)
{
    for (int y = 0; y < l.alpha.rows; y++)
        for (int x = 0; x < l.alpha.cols; x++) {
            const float a = l.alpha.at<float>(y, x);
            if (a > FLAT && a < 1 - FLAT)
                solve_pixel(l, y, x);
            else if (first && a >= 1 - FLAT)
                l.front.at<cv::Vec3f>(y, x) = colour_at(l, y, x);
        }
}

/* What was in out is overwritten; at full size it becomes the input itself. */
static void resize_to(const cv::Size &size, const cv::Mat &in, cv::Mat &out)
{
    if (out.data != in.data)
        wipe(out);
    if (in.size() == size)
        out = in;
    else
        cv::resize(in, out, size, 0, 0, cv::INTER_NEAREST);
}

/* The same in place. */
static void resize_to(const cv::Size &size, secret_mat &m)
{
    cv::Mat larger;
    cv::resize(m, larger, size, 0, 0, cv::INTER_NEAREST);
    wipe(m);
    m = larger;
}

static cv::Mat mean_where(const cv::Mat &rgb, const cv::Mat &where)
{
    const cv::Scalar m = cv::countNonZero(where) ? cv::mean(rgb, where) : cv::mean(rgb);
    return cv::Mat(1, 1, CV_32FC3, m / 255);
}

cv::Mat foreground_of(const cv::Mat &rgb, const cv::Mat &alpha)
{
    layers l;
    l.front = mean_where(rgb, alpha > 0.9f);
    l.back = mean_where(rgb, alpha < 0.1f);
    const int levels = std::max(1, (int)std::ceil(std::log2(std::max(rgb.cols, rgb.rows))));
    for (int level = 1; level <= levels; level++) {
        const double share = (double)level / levels;
        const cv::Size size((int)std::lround(std::pow(rgb.cols, share)),
                            (int)std::lround(std::pow(rgb.rows, share)));
        resize_to(size, rgb, l.image);
        resize_to(size, alpha, l.alpha);
        resize_to(size, l.front);
        resize_to(size, l.back);
        const int sweeps = std::max(size.width, size.height) <= SMALL_PX ? SWEEPS_SMALL : SWEEPS;
        for (int sweep = 0; sweep < sweeps; sweep++) {
            if (level < levels)
                sweep_all(l);
            else
                sweep_mixed(l, sweep == 0);
        }
    }
    cv::Mat out = l.front;
    l.front.release();
    return out;
}

} // namespace core
