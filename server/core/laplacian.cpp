/* SPDX-License-Identifier: MIT */
#include "core/laplacian.hpp"

#include <opencv2/imgproc.hpp>

namespace core
{

namespace
{

/* How far a window's colours, in 0..1, may leave their line. */
constexpr float EPSILON = 1e-5f;

/* Red, green, blue, 1; or slopes and offset. */
typedef float quad __attribute__((vector_size(16)));

/* Colours around 0, so that single precision does for their covariance. */
quad quad_of(const cv::Vec3b &rgb)
{
    return quad{(float)rgb[0] / 255 - 0.5f, (float)rgb[1] / 255 - 0.5f, (float)rgb[2] / 255 - 0.5f,
                1};
}

float dot(const quad &a, const quad &b)
{
    const quad p = a * b;
    return (p[0] + p[1]) + (p[2] + p[3]);
}

/* Sums of windows, cut at the edges. */
void box_sum(const cv::Mat &in, int radius, cv::Mat &out)
{
    const int w = in.cols, h = in.rows;
    std::vector<quad> column((size_t)w, quad{});
    const auto add = [&](int y, float sign) {
        const quad *row = in.ptr<quad>(y);
        for (int x = 0; x < w; x++)
            column[(size_t)x] += row[x] * sign;
    };
    for (int y = 0; y < std::min(radius, h); y++)
        add(y, 1);
    for (int y = 0; y < h; y++) {
        if (y + radius < h)
            add(y + radius, 1);
        if (y - radius > 0)
            add(y - radius - 1, -1);
        quad sum = {}, *o = out.ptr<quad>(y);
        for (int x = 0; x < std::min(radius, w); x++)
            sum += column[(size_t)x];
        for (int x = 0; x < w; x++) {
            if (x + radius < w)
                sum += column[(size_t)(x + radius)];
            if (x - radius > 0)
                sum -= column[(size_t)(x - radius - 1)];
            o[x] = sum;
        }
    }
}

int covered(int at, int radius, int length)
{
    return std::min(at + radius, length - 1) - std::max(at - radius, 0) + 1;
}

/* Symmetric 3 x 3: rr rg rb gg gb bb. */
void invert(const float in[6], float out[6])
{
    double m[6];
    for (int k = 0; k < 6; k++)
        m[k] = (double)in[k];
    const double a = m[3] * m[5] - m[4] * m[4], b = m[2] * m[4] - m[1] * m[5],
                 c = m[1] * m[4] - m[2] * m[3];
    const double d = 1 / (m[0] * a + m[1] * b + m[2] * c);
    const double inverse[6] = {
        a, b, c, m[0] * m[5] - m[2] * m[2], m[1] * m[2] - m[0] * m[4], m[0] * m[3] - m[1] * m[1]};
    for (int k = 0; k < 6; k++)
        out[k] = (float)(inverse[k] * d);
}

} // namespace

laplacian::laplacian(const cv::Mat &rgb, int radius_px) : radius(radius_px)
{
    for (cv::Mat *m : {(cv::Mat *)&colour, (cv::Mat *)&mean, (cv::Mat *)&inverse[0],
                       (cv::Mat *)&inverse[1], (cv::Mat *)&work[0], (cv::Mat *)&work[1]})
        m->create(rgb.size(), CV_32FC4);
    for (int y = 0; y < rgb.rows; y++)
        for (int x = 0; x < rgb.cols; x++)
            colour.ptr<quad>(y)[x] = quad_of(rgb.at<cv::Vec3b>(y, x));
    box_sum(colour, radius, mean);
    for (int y = 0; y < rgb.rows; y++)
        for (int x = 0; x < rgb.cols; x++)
            mean.ptr<quad>(y)[x] /= windows(y, x);
    invert_covariance();
}

float laplacian::windows(int y, int x) const
{
    return (float)(covered(y, radius, colour.rows) * covered(x, radius, colour.cols));
}

void laplacian::invert_covariance()
{
    for (int half = 0; half < 2; half++) {
        for (int y = 0; y < colour.rows; y++)
            for (int x = 0; x < colour.cols; x++) {
                const quad c = colour.ptr<quad>(y)[x];
                work[0].ptr<quad>(y)[x] =
                    half ? quad{c[1] * c[2], c[2] * c[2], 0, 0}
                         : quad{c[0] * c[0], c[0] * c[1], c[0] * c[2], c[1] * c[1]};
            }
        box_sum(work[0], radius, inverse[half]);
    }
    for (int y = 0; y < colour.rows; y++)
        for (int x = 0; x < colour.cols; x++) {
            const quad m = mean.ptr<quad>(y)[x];
            quad &first = inverse[0].ptr<quad>(y)[x], &second = inverse[1].ptr<quad>(y)[x];
            const float n = windows(y, x);
            const float covariance[6] = {
                first[0] / n - m[0] * m[0] + EPSILON, first[1] / n - m[0] * m[1],
                first[2] / n - m[0] * m[2],           first[3] / n - m[1] * m[1] + EPSILON,
                second[0] / n - m[1] * m[2],          second[1] / n - m[2] * m[2] + EPSILON};
            float out[6];
            invert(covariance, out);
            first = quad{out[0], out[1], out[2], out[3]};
            second = quad{out[4], out[5], 0, 0};
        }
}

void laplacian::fit_windows(const cv::Mat &p) const
{
    const int w = colour.cols;
    for (int y = 0; y < colour.rows; y++)
        for (int x = 0; x < w; x++)
            work[0].ptr<quad>(y)[x] = colour.ptr<quad>(y)[x] * p.ptr<float>(y)[x];
    box_sum(work[0], radius, work[1]);
    for (int y = 0; y < colour.rows; y++) {
        quad *fitted = work[1].ptr<quad>(y);
        const quad *m = mean.ptr<quad>(y), *first = inverse[0].ptr<quad>(y),
                   *second = inverse[1].ptr<quad>(y);
        for (int x = 0; x < w; x++) {
            const quad sums = fitted[x] / windows(y, x);
            const quad c = sums - sums[3] * m[x]; /* covariance with p */
            const quad i = first[x], j = second[x];
            const quad slope = {i[0] * c[0] + i[1] * c[1] + i[2] * c[2],
                                i[1] * c[0] + i[3] * c[1] + j[0] * c[2],
                                i[2] * c[0] + j[0] * c[1] + j[1] * c[2], 0};
            fitted[x] = slope + quad{0, 0, 0, sums[3] - dot(slope, m[x])};
        }
    }
}

void laplacian::apply(const cv::Mat &p, cv::Mat &out) const
{
    fit_windows(p);
    box_sum(work[1], radius, work[0]);
    out.create(p.size(), CV_32F);
    for (int y = 0; y < p.rows; y++)
        for (int x = 0; x < p.cols; x++)
            out.ptr<float>(y)[x] = windows(y, x) * p.ptr<float>(y)[x] -
                                   dot(work[0].ptr<quad>(y)[x], colour.ptr<quad>(y)[x]);
}

void laplacian::fit(const cv::Mat &p, cv::Mat &out) const
{
    fit_windows(p);
    out.create(p.size(), CV_32FC4);
    box_sum(work[1], radius, out);
    for (int y = 0; y < p.rows; y++)
        for (int x = 0; x < p.cols; x++)
            out.ptr<quad>(y)[x] /= windows(y, x);
}

void upscale(const cv::Mat &coefficients, const cv::Mat &rgb, cv::Mat &out)
{
    secret_mat fine;
    cv::resize(coefficients, fine, rgb.size(), 0, 0, cv::INTER_LINEAR);
    out.create(rgb.size(), CV_32F);
    for (int y = 0; y < rgb.rows; y++)
        for (int x = 0; x < rgb.cols; x++)
            out.ptr<float>(y)[x] =
                std::clamp(dot(fine.ptr<quad>(y)[x], quad_of(rgb.at<cv::Vec3b>(y, x))), 0.0f, 1.0f);
}

void descend(const laplacian &l, const hint &doubt, const cv::Mat &unknown, int turns,
             cv::Mat &alpha)
{
    cv::Mat free, image, residual;
    unknown.convertTo(free, CV_32F, 1 / 255.0);
    const auto apply = [&](const cv::Mat &p, cv::Mat &out) {
        l.apply(p, out);
        if (!doubt.trust.empty())
            out += doubt.trust.mul(p);
        cv::multiply(out, free, out);
    };
    apply(alpha, image);
    residual = -image;
    if (!doubt.trust.empty())
        residual += doubt.trust.mul(doubt.alpha).mul(free);
    cv::Mat direction = residual.clone();
    double energy = residual.dot(residual);
    for (int turn = 0; turn < turns && energy > 1e-9; turn++) {
        apply(direction, image);
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

} // namespace core
