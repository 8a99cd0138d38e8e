/* SPDX-License-Identifier: MIT */
/* ISO/IEC 29794-5, as its reference implementation OFIQ 1.0.3 computes it, where not said
 * otherwise. The face region is an ellipse from the brows to the chin, so that its values are the
 * same with and without landmarks. */
#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/faces.hpp"
#include "core/patch.hpp"
#include "core/tones.hpp"

namespace core
{

/* OFIQ looks at faces with this distance between the eyes. */
static constexpr float aligned_eyes_px = 113;

/* From the middle of the eyes to the mouth, in distances between the eyes: OFIQ's reference points.
 */
static constexpr float mouth_of_eyes = 130.0F / 113;

namespace
{
struct subject {
    const cv::Mat &rgb;
    const idphoto_face &face;
    eye_line eyes;
    float chin_px; /* T */

    subject(const cv::Mat &picture, const idphoto_face &f)
        : rgb(picture), face(f), eyes(f), chin_px((float)cv::norm(point_of(f.chin) - eyes.middle))
    {
    }
};
} // namespace

static cv::Point2f landmark(const idphoto_face &f, int k)
{
    return point_of(f.landmark[k]);
}

static bool inside(cv::Point2f p, const cv::Mat &picture)
{
    return p.x >= 0 && p.y >= 0 && p.x < (float)picture.cols && p.y < (float)picture.rows;
}

/* ---------------------------------------------------------------- geometry */

static void measure_geometry(const subject &s, float *v)
{
    const idphoto_face &f = s.face;
    const float left = std::min(f.eye[0].x_px, f.eye[1].x_px);
    const float right = std::max(f.eye[0].x_px, f.eye[1].x_px);
    const float width = (float)s.rgb.cols, height = (float)s.rgb.rows;
    const float turned = std::isnan(f.yaw_deg) ? 0 : std::min(std::fabs(f.yaw_deg), 60.0F);
    v[IDPHOTO_INTER_EYE_DISTANCE] = s.eyes.distance / std::cos(turned * (float)CV_PI / 180);
    v[IDPHOTO_HEAD_SIZE] = s.chin_px / height;
    v[IDPHOTO_LEFT_MARGIN] = left / s.eyes.distance;
    v[IDPHOTO_RIGHT_MARGIN] = (width - right) / s.eyes.distance;
    v[IDPHOTO_TOP_MARGIN] = s.eyes.middle.y / s.chin_px;
    v[IDPHOTO_BOTTOM_MARGIN] = (height - s.eyes.middle.y) / s.chin_px;
    v[IDPHOTO_ROLL] = std::fabs(f.roll_deg);
    v[IDPHOTO_YAW] = std::fabs(f.yaw_ratio);
    v[IDPHOTO_PITCH] = f.pitch_deg;
}

/* The widest of the distances between the two of a pair, over T. */
template <size_t N> static float widest(const subject &s, const int (&pairs)[N][2])
{
    float most = 0;
    for (const auto &pair : pairs)
        most =
            std::max(most, (float)cv::norm(landmark(s.face, pair[0]) - landmark(s.face, pair[1])));
    return most / s.chin_px;
}

/* Upper and lower points of the 468: lids, and the inner rim of the lips. */
static void measure_openings(const subject &s, float *v)
{
    static const int right_lids[3][2] = {{160, 144}, {159, 145}, {158, 153}};
    static const int left_lids[3][2] = {{385, 380}, {386, 374}, {387, 373}};
    static const int lips[5][2] = {{13, 14}, {82, 87}, {312, 317}, {81, 178}, {311, 402}};
    if (!s.face.has_landmarks)
        return;
    v[IDPHOTO_EYES_OPEN] = std::min(widest(s, right_lids), widest(s, left_lids));
    v[IDPHOTO_MOUTH_OPEN] = widest(s, lips);
}

/* ---------------------------------------------------------------- face region */

namespace
{
/* The face, level, with the eyes aligned_eyes_px apart. */
struct aligned {
    static constexpr int side_px = 352;
    static constexpr float eye_y = 0.5F * side_px - 0.7F * aligned_eyes_px;
    patch rgb;
    secret_mat light; /* luminance */
    float chin_y;

    explicit aligned(const subject &s)
    {
        const float per_px = s.eyes.distance / aligned_eyes_px;
        cut_patch(s.rgb,
                  {s.eyes.middle + s.eyes.down * (0.7F * s.eyes.distance), side_px * per_px,
                   s.eyes.roll_deg},
                  side_px, rgb);
        luminance(rgb.pixels, light);
        chin_y = std::min(eye_y + s.chin_px / per_px, (float)side_px - 1);
    }
};
} // namespace

/* 255 in the region, as far as the picture reaches. */
static void mask_region(const subject &s, const aligned &a, cv::Mat &out)
{
    const float brows_y = aligned::eye_y - 0.35F * aligned_eyes_px;
    const cv::Point2f middle(aligned::side_px / 2.0F, (brows_y + a.chin_y) / 2);
    const cv::Size2f axes(2.0F * aligned_eyes_px, a.chin_y - brows_y);
    out = cv::Mat(aligned::side_px, aligned::side_px, CV_8UC1, cv::Scalar(0));
    cv::ellipse(out, cv::RotatedRect(middle, axes, 0), cv::Scalar(255), cv::FILLED);
    for (int y = 0; y < out.rows; y++)
        for (int x = 0; x < out.cols; x++)
            if (!inside(a.rgb.point_in_picture({(float)x + 0.5F, (float)y + 0.5F}), s.rgb))
                out.at<uint8_t>(y, x) = 0;
}

static void measure_light(const aligned &a, const cv::Mat &region, float *v)
{
    std::array<uint32_t, 256> histogram = {};
    for (int y = 0; y < region.rows; y++)
        for (int x = 0; x < region.cols; x++)
            if (region.at<uint8_t>(y, x))
                histogram[a.light.at<uint8_t>(y, x)]++;
    const luminance_figures f = figures_of(histogram);
    v[IDPHOTO_LUMINANCE_MEAN] = f.mean;
    v[IDPHOTO_LUMINANCE_VARIANCE] = f.variance;
    v[IDPHOTO_UNDER_EXPOSURE] = f.under;
    v[IDPHOTO_OVER_EXPOSURE] = f.over;
    v[IDPHOTO_DYNAMIC_RANGE] = f.entropy_bits;
}

/* The standard's random forest is not free; the variance of the Laplacian of 8-bit grey orders
 * pictures alike (kernel 2 0 2, 0 -8 0, 2 0 2; J. Pech-Pacheco and others, ICPR 2000). Enlarged
 * over twice, it says nothing. */
static void measure_sharpness(const subject &s, const aligned &a, const cv::Mat &region, float *v)
{
    if (s.eyes.distance < aligned_eyes_px / 2)
        return;
    secret_mat grey, edges;
    cv::cvtColor(a.rgb.pixels, grey, cv::COLOR_RGB2GRAY);
    cv::Laplacian(grey, edges, CV_32F, 3);
    cv::Scalar mean, deviation;
    cv::meanStdDev(edges, mean, deviation, region);
    v[IDPHOTO_SHARPNESS] = (float)(deviation[0] * deviation[0]);
}

static float mouth_distance(const subject &s)
{
    if (!s.face.has_landmarks)
        return mouth_of_eyes;
    const cv::Point2f mouth = (landmark(s.face, 61) + landmark(s.face, 291)) / 2;
    return (float)cv::norm(mouth - s.eyes.middle) / s.eyes.distance;
}

/* Squares outside below the eyes, 0.3 of the distance between these wide. */
static cv::Rect cheek(const subject &s, bool right)
{
    const int side = (int)std::lround(0.3F * aligned_eyes_px);
    const float eye_x = aligned::side_px / 2.0F + (right ? 0.5F : -0.5F) * aligned_eyes_px;
    const float y = aligned::eye_y + mouth_distance(s) * aligned_eyes_px / 2;
    return cv::Rect((int)std::lround(eye_x) - (right ? 0 : side), (int)std::lround(y), side, side) &
           cv::Rect(0, 0, aligned::side_px, aligned::side_px);
}

static cv::Vec3f mean_linear(const cv::Mat &rgb)
{
    cv::Vec3d sum = {};
    for (int y = 0; y < rgb.rows; y++)
        for (int x = 0; x < rgb.cols; x++) {
            const auto &p = rgb.at<cv::Vec3b>(y, x);
            sum += cv::Vec3d(p[0], p[1], p[2]);
        }
    cv::Vec3f mean;
    for (int k = 0; k < 3; k++)
        mean[k] = linear((uint8_t)std::lround(sum[k] / std::max<double>(1, (double)rgb.total())));
    return mean;
}

/* Means instead of the standard's overlap of histograms, which falls to 0 on smooth skin that is
 * lit well. A black cheek counts as one step of 255. */
static void measure_cheeks(const subject &s, const aligned &a, float *v)
{
    const cv::Rect left = cheek(s, false), right = cheek(s, true);
    if (left.empty() || right.empty())
        return;
    const double one = std::max(1.0, cv::mean(a.light(left))[0]);
    const double other = std::max(1.0, cv::mean(a.light(right))[0]);
    v[IDPHOTO_UNEVEN_LIGHT] = (float)(std::max(one, other) / std::min(one, other));
    secret_mat both;
    const cv::Size size(std::min(left.width, right.width), std::min(left.height, right.height));
    cv::hconcat(a.rgb.pixels(cv::Rect(left.tl(), size)), a.rgb.pixels(cv::Rect(right.tl(), size)),
                both);
    v[IDPHOTO_NATURAL_COLOUR] = distance_from_skin(lab(mean_linear(both)));
}

static void measure_face(const subject &s, float *v)
{
    const aligned a(s);
    cv::Mat region;
    mask_region(s, a, region);
    measure_light(a, region, v);
    measure_sharpness(s, a, region, v);
    measure_cheeks(s, a, v);
}

/* ---------------------------------------------------------------- background */

/* Above the hair, and beside the head above the shoulders, for one who has no matte. The point is
 * in distances between the eyes, from their middle. */
static bool usually_background(cv::Point2f p)
{
    return p.y < -1.9F || (std::fabs(p.x) > 1.7F && p.y < 0.9F);
}

static void mask_background(const subject &s, const patch &p, const cv::Mat &matte, cv::Mat &out)
{
    for (int y = 0; y < out.rows; y++)
        for (int x = 0; x < out.cols; x++) {
            const cv::Point2f at = p.point_in_picture({(float)x + 0.5F, (float)y + 0.5F});
            if (!inside(at, s.rgb))
                continue;
            const cv::Point2f off = (at - s.eyes.middle) / s.eyes.distance;
            const bool outside =
                matte.empty() ? usually_background({off.dot(s.eyes.along), off.dot(s.eyes.down)})
                              : matte.at<uint8_t>((int)at.y, (int)at.x) < 128;
            out.at<uint8_t>(y, x) = outside ? 255 : 0;
        }
}

/* OFIQ's window: of the aligned picture of 616 px, columns 62 to 554 and rows 0 to 406, reduced to
 * 354 x 292. */
static void measure_background(const subject &s, const cv::Mat &matte, float *v)
{
    constexpr int width_px = 354, height_px = 292;
    const float side = 492 / aligned_eyes_px, top = -272 / aligned_eyes_px;
    patch p;
    cut_patch(s.rgb,
              {s.eyes.middle + s.eyes.down * ((top + side / 2) * s.eyes.distance),
               side * s.eyes.distance, s.eyes.roll_deg},
              width_px, p);
    secret_mat light, gx, gy, size;
    luminance(p.pixels.rowRange(0, height_px), light);
    cv::Mat mask(height_px, width_px, CV_8UC1, cv::Scalar(0));
    mask_background(s, p, matte, mask);
    cv::erode(mask, mask, cv::Mat::ones(4, 4, CV_8U), {-1, -1}, 1, cv::BORDER_CONSTANT,
              cv::Scalar(255));
    if (cv::countNonZero(mask) < width_px * height_px / 50)
        return;
    cv::Sobel(light, gx, CV_32F, 1, 0);
    cv::Sobel(light, gy, CV_32F, 0, 1);
    cv::magnitude(gx, gy, size);
    v[IDPHOTO_BACKGROUND] = (float)cv::mean(size, mask)[0];
}

/* ---------------------------------------------------------------- whole picture */

/* Mean chroma (CIELAB) of a small copy. */
static float mean_chroma(const cv::Mat &rgb)
{
    const double scale = std::min(1.0, 96.0 / std::max(rgb.cols, rgb.rows));
    secret_mat small;
    cv::resize(rgb, small,
               {std::max(1, (int)(rgb.cols * scale)), std::max(1, (int)(rgb.rows * scale))}, 0, 0,
               cv::INTER_AREA);
    double sum = 0;
    for (int y = 0; y < small.rows; y++)
        for (int x = 0; x < small.cols; x++) {
            const auto &p = small.at<cv::Vec3b>(y, x);
            const cv::Vec3f c = lab({linear(p[0]), linear(p[1]), linear(p[2])});
            sum += std::hypot(c[1], c[2]);
        }
    return (float)(sum / (double)small.total());
}

/* Mean step from each column to the next, by column modulo 8. Steps of real edges are left out:
 * blocks show in smooth places. */
static void steps_by_column(const cv::Mat &grey, double mean[8])
{
    constexpr int edge = 24;
    double sum[8] = {}, n[8] = {};
    for (int y = 0; y < grey.rows; y++) {
        const auto *row = grey.ptr<uint8_t>(y);
        for (int x = 0; x + 1 < grey.cols; x++) {
            const int step = std::abs(row[x + 1] - row[x]);
            sum[x % 8] += step < edge ? step : 0;
            n[x % 8] += step < edge;
        }
    }
    for (int k = 0; k < 8; k++)
        mean[k] = sum[k] / std::max(1.0, n[k]);
}

/* The strongest of the eight phases over the mean of the others, less the noise: a constant in both
 * keeps smooth pictures near 1. */
static double grid(const cv::Mat &grey)
{
    double mean[8], all = 0;
    steps_by_column(grey, mean);
    for (const double m : mean)
        all += m;
    const double most = *std::max_element(mean, mean + 8);
    return (most + 0.05) / ((all - most) / 7 + 0.05);
}

/* After Z. Wang, A. Bovik and B. Evans, Blind measurement of blocking artifacts in images, ICIP
 * 2000, in the domain of pixels. The middle of a large picture stands for it. */
static float compression(const cv::Mat &rgb)
{
    const cv::Size size(std::min(rgb.cols, 512), std::min(rgb.rows, 512));
    const cv::Point corner((rgb.cols - size.width) / 2, (rgb.rows - size.height) / 2);
    secret_mat grey, across;
    cv::cvtColor(rgb(cv::Rect(corner, size)), grey, cv::COLOR_RGB2GRAY);
    cv::transpose(grey, across);
    return (float)((grid(grey) + grid(across)) / 2);
}

/* Finite, and not farther outside than a face can be. */
static bool sane(cv::Point2f p)
{
    constexpr float most = IDPHOTO_SIDE_MAX_PX;
    return p.x >= -most && p.x <= 2 * most && p.y >= -most && p.y <= 2 * most;
}

static void measure(const cv::Mat &rgb, const idphoto_faces &faces, const cv::Mat &matte, float *v)
{
    std::fill(v, v + IDPHOTO_MEASURES, NAN);
    v[IDPHOTO_FACES] = (float)faces.count;
    v[IDPHOTO_GREY] = mean_chroma(rgb);
    v[IDPHOTO_COMPRESSION] = compression(rgb);
    if (faces.count == 0)
        return;
    const idphoto_box &first = faces.face[0].box, &second = faces.face[1].box;
    v[IDPHOTO_SECOND_FACE] =
        faces.count < 2 ? 0
                        : second.width_px * second.height_px / (first.width_px * first.height_px);
    const subject s(rgb, faces.face[0]);
    if (!sane(s.eyes.middle) || !(s.eyes.distance >= 1 && s.eyes.distance <= IDPHOTO_SIDE_MAX_PX) ||
        !(s.chin_px >= 1 && s.chin_px <= 2 * IDPHOTO_SIDE_MAX_PX))
        throw failure{IDPHOTO_INVALID};
    measure_geometry(s, v);
    measure_openings(s, v);
    measure_face(s, v);
    measure_background(s, matte, v);
}

} // namespace core

idphoto_result idphoto_measure(idphoto *, const idphoto_pixels *rgb, const idphoto_faces *faces,
                               const idphoto_pixels *matte, idphoto_measures *out)
{
    return core::guarded([&] {
        const cv::Mat picture = core::view(*rgb, 3);
        const cv::Mat alpha = matte ? core::view(*matte, 1) : cv::Mat();
        if (faces->count > IDPHOTO_FACES_MAX || (matte && alpha.size() != picture.size()))
            throw core::failure{IDPHOTO_INVALID};
        idphoto_measures found;
        core::measure(picture, *faces, alpha, found.value);
        *out = found;
    });
}
