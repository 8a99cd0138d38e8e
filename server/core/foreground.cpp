/* SPDX-License-Identifier: MIT */
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/matting.hpp"

namespace core
{

constexpr float REGULAR = 1e-5f;   /* weight of a neighbour, besides the difference of alpha */
constexpr float FLAT = 1 / 512.0f; /* less than half a step of 8 bits */
constexpr int SMALL_PX = 32, SWEEPS_SMALL = 10, SWEEPS = 2;

/* One pixel: the colours F and B that mix to the picture and are like their neighbours'. The normal
 * equations of a*F + (1-a)*B = I and of the smoothness are 2 x 2, alike for the three channels. */
static void solve_pixel(const cv::Mat &image, const cv::Mat &alpha, cv::Mat &front, cv::Mat &back,
                        int y, int x)
{
    static const int dx[] = {-1, 1, 0, 0}, dy[] = {0, 0, -1, 1};
    const float a = alpha.at<float>(y, x), b = 1 - a;
    const cv::Vec3f i = image.at<cv::Vec3f>(y, x);
    cv::Vec3f f_sum = a * i, b_sum = b * i;
    float weights = 0;
    for (int k = 0; k < 4; k++) {
        const int yy = std::clamp(y + dy[k], 0, alpha.rows - 1),
                  xx = std::clamp(x + dx[k], 0, alpha.cols - 1);
        const float w = REGULAR + std::abs(a - alpha.at<float>(yy, xx));
        weights += w;
        f_sum += w * front.at<cv::Vec3f>(yy, xx);
        b_sum += w * back.at<cv::Vec3f>(yy, xx);
    }
    const float ff = a * a + weights, fb = a * b, bb = b * b + weights;
    const float d = 1 / (ff * bb - fb * fb);
    cv::Vec3f f = d * (bb * f_sum - fb * b_sum), g = d * (ff * b_sum - fb * f_sum);
    for (int c = 0; c < 3; c++) {
        f[c] = std::clamp(f[c], 0.0f, 1.0f);
        g[c] = std::clamp(g[c], 0.0f, 1.0f);
    }
    front.at<cv::Vec3f>(y, x) = f;
    back.at<cv::Vec3f>(y, x) = g;
}

cv::Mat foreground_of(const cv::Mat &rgb, const cv::Mat &alpha)
{
    secret_mat whole;
    rgb.convertTo(whole, CV_32F, 1 / 255.0);
    const auto mean_where = [&](const cv::Mat &where) {
        const cv::Scalar m = cv::countNonZero(where) ? cv::mean(whole, where) : cv::mean(whole);
        return cv::Mat(1, 1, CV_32FC3, m);
    };
    cv::Mat front = mean_where(alpha > 0.9f), back = mean_where(alpha < 0.1f);
    const int levels = (int)std::ceil(std::log2(std::max(rgb.cols, rgb.rows)));
    for (int level = 1; level <= levels; level++) {
        const double share = (double)level / levels;
        const cv::Size size((int)std::lround(std::pow(rgb.cols, share)),
                            (int)std::lround(std::pow(rgb.rows, share)));
        cv::Mat image, a;
        cv::resize(whole, image, size, 0, 0, cv::INTER_NEAREST);
        cv::resize(alpha, a, size, 0, 0, cv::INTER_NEAREST);
        cv::resize(front, front, size, 0, 0, cv::INTER_NEAREST);
        cv::resize(back, back, size, 0, 0, cv::INTER_NEAREST);
        const int sweeps =
            size.width <= SMALL_PX && size.height <= SMALL_PX ? SWEEPS_SMALL : SWEEPS;
        /* where nothing mixes, the last step changes nothing that shows */
        if (level == levels)
            image.copyTo(front, a > 1 - FLAT);
        for (int sweep = 0; sweep < sweeps; sweep++)
            for (int y = 0; y < size.height; y++)
                for (int x = 0; x < size.width; x++)
                    if (level < levels ||
                        (a.at<float>(y, x) > FLAT && a.at<float>(y, x) < 1 - FLAT))
                        solve_pixel(image, a, front, back, y, x);
    }
    return front;
}

} // namespace core
