/* SPDX-License-Identifier: MIT */
#include "core/compose.hpp"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/faces.hpp"

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

/* The person as lightness and two colour differences, 0..255, and alpha, 0..1. */
namespace
{
struct planes {
    secret_mat light, cr, cb, alpha;
};
} // namespace

/* ITU-R BT.601, full range, as JPEG has it. */
static void split(const cv::Mat &rgba, planes &out)
{
    for (cv::Mat *m :
         {(cv::Mat *)&out.light, (cv::Mat *)&out.cr, (cv::Mat *)&out.cb, (cv::Mat *)&out.alpha})
        m->create(rgba.size(), CV_32F);
    for (int y = 0; y < rgba.rows; y++) {
        const cv::Vec4b *p = rgba.ptr<cv::Vec4b>(y);
        float *light = out.light.ptr<float>(y), *cr = out.cr.ptr<float>(y),
              *cb = out.cb.ptr<float>(y), *alpha = out.alpha.ptr<float>(y);
        for (int x = 0; x < rgba.cols; x++) {
            light[x] = 0.299F * (float)p[x][0] + 0.587F * (float)p[x][1] + 0.114F * (float)p[x][2];
            cr[x] = ((float)p[x][0] - light[x]) * 0.713F;
            cb[x] = ((float)p[x][2] - light[x]) * 0.564F;
            alpha[x] = (float)p[x][3] / 255;
        }
    }
}

static void join(const planes &in, cv::Mat &rgba)
{
    for (int y = 0; y < rgba.rows; y++) {
        cv::Vec4b *p = rgba.ptr<cv::Vec4b>(y);
        const float *light = in.light.ptr<float>(y), *cr = in.cr.ptr<float>(y),
                    *cb = in.cb.ptr<float>(y);
        for (int x = 0; x < rgba.cols; x++) {
            const float r = light[x] + cr[x] / 0.713F, b = light[x] + cb[x] / 0.564F;
            p[x][0] = cv::saturate_cast<uchar>(r);
            p[x][1] = cv::saturate_cast<uchar>((light[x] - 0.299F * r - 0.114F * b) / 0.587F);
            p[x][2] = cv::saturate_cast<uchar>(b);
        }
    }
}

/* ---------------------------------------------------------------- skin */

namespace
{
struct tone_of {
    tone_of(const cv::Mat &plane, const cv::Mat &mask)
    {
        cv::Scalar m, s;
        cv::meanStdDev(plane, m, s, mask);
        mean = (float)m[0];
        spread = (float)s[0];
    }
    float mean, spread;
};
} // namespace

/* How near the colour of each pixel is to that of the cheeks, 0..1; of several faces the nearest.
 */
static void add_skin_of(const planes &p, const eye_line &eyes, cv::Mat &out)
{
    cv::Mat cheeks = cv::Mat::zeros(p.light.size(), CV_8U);
    for (const float side : {-0.5F, 0.5F})
        cv::circle(cheeks,
                   eyes.middle + side * eyes.distance * eyes.along +
                       0.65F * eyes.distance * eyes.down,
                   std::max(2, (int)(0.2F * eyes.distance)), cv::Scalar(255), cv::FILLED);
    const tone_of light(p.light, cheeks), cr(p.cr, cheeks), cb(p.cb, cheeks);
    /* of dark skin the colour is as close to that of hair as it is to grey */
    const float width =
        2 + 0.15F * std::hypot(cr.mean, cb.mean) + 2 * std::max(cr.spread, cb.spread);
    const float dark = std::min(0.8F * light.mean, light.mean - 1.5F * light.spread);
    for (int y = 0; y < out.rows; y++)
        for (int x = 0; x < out.cols; x++) {
            const float r = (p.cr.at<float>(y, x) - cr.mean) / width,
                        b = (p.cb.at<float>(y, x) - cb.mean) / width;
            const float d =
                std::min(0.0F, p.light.at<float>(y, x) - dark) / (0.1F * light.mean + 1);
            float &s = out.at<float>(y, x);
            s = std::max(s, std::exp(-(r * r + b * b + d * d) / 2));
        }
}

/* Brows, eyes and mouth are not to be evened, whatever their colour. */
static void spare_features(const eye_line &e, cv::Mat &skin)
{
    const auto d = (double)e.distance;
    const auto spare = [&](float across, float down, double half_width, double half_height) {
        const cv::Point2f at = e.middle + e.distance * (across * e.along + down * e.down);
        cv::ellipse(skin,
                    cv::RotatedRect(
                        at, cv::Size2f((float)(2 * half_width * d), (float)(2 * half_height * d)),
                        e.roll_deg),
                    cv::Scalar(0), cv::FILLED);
    };
    for (const float side : {-0.5F, 0.5F})
        spare(side, -0.15F, 0.42, 0.34);
    spare(0, 1.12F, 0.48, 0.2);
    cv::GaussianBlur(skin, skin, cv::Size(), std::max(0.8, 0.04 * d));
}

static void find_skin(const planes &p, const idphoto_face *faces, int32_t count, cv::Mat &out)
{
    out = cv::Mat::zeros(p.light.size(), CV_32F);
    for (int32_t k = 0; k < count; k++)
        add_skin_of(p, eye_line(faces[k]), out);
    cv::GaussianBlur(out, out, cv::Size(),
                     std::max(0.8, 0.03 * (double)eye_line(faces[0]).distance));
}

/* ---------------------------------------------------------------- the edits */

/* Brightness, contrast, saturation: on lightness and on the distance from grey. */
static void tone(planes &p, const idphoto_edit &e)
{
    const double contrast = 1 + (double)e.contrast / 100,
                 saturation = 1 + (double)e.saturation / 100;
    p.light.convertTo(p.light, -1, contrast, 128 - 128 * contrast + (double)e.brightness);
    cv::min(cv::max(p.light, 0), 255, p.light);
    p.cr *= saturation;
    p.cb *= saturation;
}

/* A mean that the old background has no part in. */
static void blur_person(const cv::Mat &plane, const cv::Mat &alpha, double sigma, cv::Mat &out)
{
    secret_mat weight, sum;
    cv::GaussianBlur(alpha, weight, cv::Size(), sigma);
    cv::multiply(plane, alpha, sum);
    cv::GaussianBlur(sum, sum, cv::Size(), sigma);
    weight += 1e-3F;
    cv::divide(sum, weight, out);
    plane.copyTo(out, alpha < 0.02F);
}

/* Evens what is neither edge nor dark: a bilateral filter (Tomasi, Manduchi 1998) whose result
 * counts only where skin is. */
static void smooth(planes &p, const cv::Mat &skin, float eye_distance, float strength)
{
    secret_mat even;
    cv::bilateralFilter(p.light, even, std::clamp((int)(eye_distance / 7) | 1, 3, 15), 24,
                        (double)eye_distance / 12);
    for (int y = 0; y < skin.rows; y++)
        for (int x = 0; x < skin.cols; x++) {
            float &v = p.light.at<float>(y, x);
            v += 0.085F * strength * skin.at<float>(y, x) * (even.at<float>(y, x) - v);
        }
}

/* Lifts the middle of the scale, where skin is; black and white stay. */
static void whiten(planes &p, const cv::Mat &skin, float strength)
{
    for (int y = 0; y < skin.rows; y++)
        for (int x = 0; x < skin.cols; x++) {
            float &light = p.light.at<float>(y, x);
            const float v = std::clamp(light / 255, 0.0F, 1.0F),
                        share = 0.045F * strength * skin.at<float>(y, x);
            light += 255 * share * v * (1 - v);
            p.cr.at<float>(y, x) *= 1 - 0.15F * share;
            p.cb.at<float>(y, x) *= 1 - 0.15F * share;
        }
}

static void sharpen(planes &p, float strength)
{
    secret_mat soft;
    blur_person(p.light, p.alpha, 1.2, soft);
    cv::addWeighted(p.light, 1 + 0.25 * (double)strength, soft, -0.25 * (double)strength, 0,
                    p.light);
    cv::min(cv::max(p.light, 0), 255, p.light);
}

void edit_person(cv::Mat &person, const idphoto_face *faces, int32_t count, const idphoto_edit &e)
{
    planes p;
    split(person, p);
    if (e.smoothing > 0 || e.whitening > 0) {
        secret_mat skin;
        find_skin(p, faces, count, skin);
        if (e.whitening > 0)
            whiten(p, skin, e.whitening);
        if (e.smoothing > 0) {
            for (int32_t k = 0; k < count; k++)
                spare_features(eye_line(faces[k]), skin);
            smooth(p, skin, eye_line(faces[0]).distance, e.smoothing);
        }
    }
    tone(p, e);
    if (e.sharpness > 0)
        sharpen(p, e.sharpness);
    join(p, person);
}

} // namespace core
