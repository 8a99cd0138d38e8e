/* SPDX-License-Identifier: MIT */
#include "core/compose.hpp"

#include <cmath>

#include <opencv2/imgproc.hpp>

namespace core
{

static bool within(float v, float least, float most)
{
    return v >= least && v <= most; /* not so for NAN */
}

bool is_in_range(const idphoto_edit &e)
{
    return within(e.brightness, -20, 20) && within(e.contrast, -50, 50) &&
           within(e.saturation, -50, 50) && within(e.sharpness, 0, 5) &&
           within(e.whitening, 0, 10) && within(e.smoothing, 0, 10);
}

bool is_untouched(const idphoto_edit &e)
{
    return e.brightness == 0 && e.contrast == 0 && e.saturation == 0 && e.sharpness == 0 &&
           e.whitening == 0 && e.smoothing == 0;
}

/* Share of skin in each pixel, 0..1: how near its colour (without lightness) is to that of the
 * cheeks. */
static cv::Mat skin_of(const cv::Mat &ycc, cv::Point2f eyes, float d)
{
    cv::Mat cheeks = cv::Mat::zeros(ycc.size(), CV_8U), out(ycc.size(), CV_32F);
    for (const float side : {-0.5f, 0.5f})
        cv::circle(cheeks, eyes + cv::Point2f(side * d, 0.65f * d), std::max(2, (int)(0.2f * d)),
                   cv::Scalar(255), cv::FILLED);
    cv::Scalar mean, deviation;
    cv::meanStdDev(ycc, mean, deviation, cheeks);
    const float width = 9 + 2 * (float)std::max(deviation[1], deviation[2]),
                spread = 2 * width * width;
    for (int y = 0; y < ycc.rows; y++)
        for (int x = 0; x < ycc.cols; x++) {
            const cv::Vec3f &p = ycc.at<cv::Vec3f>(y, x);
            const float cr = p[1] - (float)mean[1], cb = p[2] - (float)mean[2],
                        dark = std::min(0.0f, p[0] - 0.55f * (float)mean[0]);
            out.at<float>(y, x) = std::exp(-(cr * cr + cb * cb + dark * dark) / spread);
        }
    return out;
}

/* Brightness, contrast, saturation: on lightness and on the distance from grey. */
static void tone(cv::Mat &ycc, const idphoto_edit &e)
{
    const float contrast = 1 + e.contrast / 100, saturation = 1 + e.saturation / 100;
    for (int y = 0; y < ycc.rows; y++)
        for (int x = 0; x < ycc.cols; x++) {
            cv::Vec3f &p = ycc.at<cv::Vec3f>(y, x);
            p[0] = std::clamp((p[0] - 128) * contrast + 128 + e.brightness, 0.0f, 255.0f);
            p[1] = (p[1] - 127.5f) * saturation + 127.5f;
            p[2] = (p[2] - 127.5f) * saturation + 127.5f;
        }
}

/* Evens what is neither edge nor dark: a bilateral filter whose result counts only where skin is.
 */
static void smooth(cv::Mat &ycc, const cv::Mat &skin, float d, float strength)
{
    cv::Mat light, even;
    cv::extractChannel(ycc, light, 0);
    cv::bilateralFilter(light, even, std::clamp((int)(d / 8), 3, 13), 22, (double)d / 14);
    for (int y = 0; y < ycc.rows; y++)
        for (int x = 0; x < ycc.cols; x++) {
            const float share = 0.09f * strength * skin.at<float>(y, x);
            ycc.at<cv::Vec3f>(y, x)[0] += share * (even.at<float>(y, x) - light.at<float>(y, x));
        }
}

/* Lifts the middle of the scale, where skin is; black and white stay. */
static void whiten(cv::Mat &ycc, const cv::Mat &skin, float strength)
{
    for (int y = 0; y < ycc.rows; y++)
        for (int x = 0; x < ycc.cols; x++) {
            cv::Vec3f &p = ycc.at<cv::Vec3f>(y, x);
            const float v = p[0] / 255, share = 0.06f * strength * skin.at<float>(y, x);
            p[0] += 255 * share * v * (1 - v);
            p[1] -= 0.15f * share * (p[1] - 127.5f);
            p[2] -= 0.15f * share * (p[2] - 127.5f);
        }
}

static void sharpen(cv::Mat &ycc, float strength)
{
    cv::Mat light, soft;
    cv::extractChannel(ycc, light, 0);
    cv::GaussianBlur(light, soft, cv::Size(), 1.2);
    light += 0.25f * strength * (light - soft);
    cv::min(cv::max(light, 0), 255, light);
    cv::insertChannel(light, ycc, 0);
}

void edit_person(cv::Mat &person, cv::Point2f eyes, float d, const idphoto_edit &e)
{
    secret_mat ycc;
    person.convertTo(ycc, CV_32F, 1 / 255.0);
    cv::cvtColor(ycc, ycc, cv::COLOR_RGB2YCrCb);
    ycc *= 255;
    if (e.smoothing > 0 || e.whitening > 0) {
        const cv::Mat skin = skin_of(ycc, eyes, d);
        smooth(ycc, skin, d, e.smoothing);
        whiten(ycc, skin, e.whitening);
    }
    tone(ycc, e);
    if (e.sharpness > 0)
        sharpen(ycc, e.sharpness);
    ycc /= 255;
    cv::cvtColor(ycc, person, cv::COLOR_YCrCb2RGB);
    person *= 255;
    cv::min(cv::max(person, 0), 255, person);
}

} // namespace core
