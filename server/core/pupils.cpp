/* SPDX-License-Identifier: MIT */
/*
 * Pupils in the patch of a face: the eye cascade tells about where, the gradients tell exactly. A
 * pupil is the point at which the gradients of the iris' dark disc meet (Timm and Barth, Accurate
 * Eye Centre Localisation by Means of Gradients, 2011).
 */
#include <algorithm>
#include <array>

#include <opencv2/imgproc.hpp>

#include "core/faces.hpp"

namespace core
{

/* Where eyes are in the box of the frontal cascades, as shares of its side. */
static const cv::Point2f usual[2] = {{0.31f, 0.39f}, {0.69f, 0.39f}};

struct gradient {
    cv::Point2f at, direction;
};

/* The strongest gradients of the window: those over the mean and 0.3 of the deviation. */
static std::vector<gradient> gradients_of(const cv::Mat &window)
{
    cv::Mat dx, dy, strength;
    cv::Sobel(window, dx, CV_32F, 1, 0);
    cv::Sobel(window, dy, CV_32F, 0, 1);
    cv::magnitude(dx, dy, strength);
    cv::Scalar mean, deviation;
    cv::meanStdDev(strength, mean, deviation);
    const float least = (float)(mean[0] + 0.3 * deviation[0]);
    std::vector<gradient> out;
    for (int y = 1; y + 1 < window.rows; y++)
        for (int x = 1; x + 1 < window.cols; x++) {
            const float s = strength.at<float>(y, x);
            if (s > least)
                out.push_back({cv::Point2f((float)x, (float)y),
                               cv::Point2f(dx.at<float>(y, x), dy.at<float>(y, x)) / s});
        }
    return out;
}

/* How well the gradients meet at the point: those that lead away from it, as those of a dark disc
 * do. */
static float meeting(const std::vector<gradient> &gradients, cv::Point2f at)
{
    float sum = 0;
    for (const gradient &g : gradients) {
        const cv::Point2f d = g.at - at;
        const float length2 = d.dot(d);
        const float along = d.dot(g.direction);
        if (along > 0 && length2 > 1)
            sum += along * along / length2;
    }
    return sum;
}

/* The best point of the window, the darker the better. */
static cv::Point2f centre_of(const cv::Mat &grey, const cv::Rect &where)
{
    cv::Mat window;
    cv::GaussianBlur(grey(where), window, cv::Size(5, 5), 0);
    const std::vector<gradient> gradients = gradients_of(window);
    cv::Point2f best((float)where.width / 2, (float)where.height / 2);
    float best_score = 0;
    for (int y = 2; y + 2 < window.rows; y++)
        for (int x = 2; x + 2 < window.cols; x++) {
            const cv::Point2f at((float)x, (float)y);
            /* a mild leaning to the middle: brows are dark too */
            const float far_x = 2 * at.x / (float)window.cols - 1,
                        far_y = 2 * at.y / (float)window.rows - 1;
            const float lean = 1 - 0.35f * (far_x * far_x + far_y * far_y);
            const float score =
                meeting(gradients, at) * (float)(255 - window.at<uchar>(y, x)) * lean;
            if (score > best_score) {
                best_score = score;
                best = at;
            }
        }
    return cv::Point2f((float)where.x, (float)where.y) + best + cv::Point2f(0.5f, 0.5f);
}

/* The eye cascade in one half of the upper face; false when it sees none there. */
static bool look(idphoto &i, const cv::Mat &grey, int side, cv::Point2f &at)
{
    const float w = (float)grey.cols, h = (float)grey.rows;
    const cv::Rect half((int)(side == 0 ? 0.04f * w : 0.5f * w), (int)(0.14f * h), (int)(0.46f * w),
                        (int)(0.46f * h));
    std::vector<cv::Rect> eyes;
    i.eyes.detectMultiScale(grey(half), eyes, 1.1, 2, 0,
                            cv::Size((int)(0.13f * w), (int)(0.13f * w)),
                            cv::Size((int)(0.42f * w), (int)(0.42f * w)));
    float nearest = 0.2f * w;
    bool found = false;
    for (const cv::Rect &e : eyes) {
        const cv::Point2f centre((float)(half.x + e.x) + (float)e.width / 2,
                                 (float)(half.y + e.y) + (float)e.height / 2);
        const float away =
            (float)cv::norm(centre - cv::Point2f(usual[side].x * w, usual[side].y * h));
        if (away < nearest) {
            nearest = away;
            at = centre;
            found = true;
        }
    }
    return found;
}

static cv::Rect window_around(cv::Point2f at, float half_width, const cv::Size &all)
{
    const cv::Rect r((int)(at.x - half_width), (int)(at.y - 0.75f * half_width),
                     (int)(2 * half_width), (int)(1.5f * half_width));
    return r & cv::Rect(cv::Point(), all);
}

bool find_pupils(idphoto &i, const cv::Mat &patch, cv::Point2f pupil[2])
{
    const float w = (float)patch.cols;
    bool seen[2];
    for (int side = 0; side < 2; side++) {
        pupil[side] = cv::Point2f(usual[side].x * w, usual[side].y * w);
        seen[side] = look(i, patch, side, pupil[side]);
    }
    /* one eye tells where the other is */
    for (int side = 0; side < 2; side++)
        if (!seen[side] && seen[1 - side])
            pupil[side].y = pupil[1 - side].y;
    for (int side = 0; side < 2; side++) {
        const cv::Rect where =
            window_around(pupil[side], (seen[side] ? 0.10f : 0.13f) * w, patch.size());
        if (where.width > 8 && where.height > 8)
            pupil[side] = centre_of(patch, where);
    }
    return seen[0] || seen[1];
}

} // namespace core
