/* SPDX-License-Identifier: MIT */
#include "core/heads.hpp"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/faces.hpp"

namespace core
{

constexpr uchar SOLID = 128;

static bool is_solid(const cv::Mat &alpha, int x, int y)
{
    return x >= 0 && y >= 0 && x < alpha.cols && y < alpha.rows && alpha.at<uchar>(y, x) >= SOLID;
}

/* The first row in which hair or scalp is, over the middle of the face; single hairs are not. A
 * bald head is as wide as that a hundredth of the distance of the pupils below its top. */
static float crown_of(const cv::Mat &alpha, const eye_line &eyes)
{
    const int left = std::max(0, (int)(eyes.middle.x - 0.9F * eyes.distance)),
              right = std::min(alpha.cols - 1, (int)(eyes.middle.x + 0.9F * eyes.distance));
    const int least = std::max(2, (right - left) / 5);
    int y = std::clamp((int)eyes.middle.y, 0, alpha.rows - 1);
    for (; y > 0; y--) {
        int solid = 0;
        for (int x = left; x <= right; x++)
            solid += is_solid(alpha, x, y - 1);
        if (solid < least)
            break;
    }
    return (float)y;
}

/* To the outer edge of a head at the height of the ears, just below the eyes. */
static float half_width_of(const cv::Mat &alpha, const eye_line &eyes, int direction)
{
    const int y = (int)(eyes.middle.y + 0.25F * eyes.distance), begin = (int)eyes.middle.x;
    const float most = eyes.distance * WIDTH_OF_EYES / 2;
    int x = begin;
    while (std::abs(x - begin) < (int)most && is_solid(alpha, x + direction, y))
        x += direction;
    const float edge = (float)x + (direction > 0 ? 1.0F : 0.0F);
    return std::min(most, std::abs(edge - eyes.middle.x));
}

/* The mean of what each face has. */
template <class Crown, class Width>
static heads mean_of(const idphoto_face *faces, int32_t count, Crown crown, Width width)
{
    const float n = (float)count;
    float highest = INFINITY, lowest = -INFINITY;
    heads h = {};
    for (int32_t k = 0; k < count; k++) {
        const eye_line eyes(faces[k]);
        const float top = crown(eyes), chin = faces[k].chin.y_px;
        h.eyes += eyes.middle / n;
        h.eye_distance_px += eyes.distance / n;
        h.chin_y += chin / n;
        h.crown_y += top / n;
        h.width_px += width(eyes) / n;
        highest = std::min(highest, top);
        lowest = std::max(lowest, chin);
    }
    h.above_px = h.crown_y - highest;
    h.below_px = lowest - h.chin_y;
    if (count == 2)
        h.span_px = std::abs(eye_line(faces[1]).middle.x - eye_line(faces[0]).middle.x);
    return h;
}

heads guessed_heads(const idphoto_face *faces, int32_t count)
{
    return mean_of(
        faces, count,
        [](const eye_line &eyes) { return eyes.middle.y - CROWN_OF_EYES * eyes.distance; },
        [](const eye_line &eyes) { return WIDTH_OF_EYES * eyes.distance; });
}

heads measured_heads(const cv::Mat &alpha, const idphoto_face *faces, int32_t count)
{
    return mean_of(
        faces, count, [&alpha](const eye_line &eyes) { return crown_of(alpha, eyes); },
        [&alpha](const eye_line &eyes) {
            return half_width_of(alpha, eyes, -1) + half_width_of(alpha, eyes, 1);
        });
}

bool hair_is_cut(const cv::Mat &alpha, const idphoto_face &face,
                 const std::vector<cv::Point2f> &corner)
{
    constexpr float WIDE = 1.3F, NEAR_PX = 2;
    const eye_line eyes(face);
    const float crown = crown_of(alpha, eyes);
    const cv::Point2f top(eyes.middle.x, crown);
    if (cv::pointPolygonTest(corner, top, true) > (double)NEAR_PX)
        return false;
    int solid = 0;
    const int reach = (int)eyes.distance, y = (int)crown + 1;
    for (int x = (int)top.x - reach; x <= (int)top.x + reach; x++)
        solid += is_solid(alpha, x, y);
    return (float)solid > WIDE * eyes.distance;
}

/* The last row that has a good part of the widest one's pixels. */
static bool find_lowest(const cv::Mat &alpha, cv::Point2f &out)
{
    for (int y = alpha.rows - 1; y >= 0; y--) {
        int solid = 0, sum = 0;
        for (int x = 0; x < alpha.cols; x++)
            if (is_solid(alpha, x, y)) {
                solid++;
                sum += x;
            }
        if (solid >= std::max(4, alpha.cols / 10)) {
            out = {(float)sum / (float)solid + 0.5F, (float)y + 1};
            return true;
        }
    }
    return false;
}

std::vector<cv::Point2f> cut_edges(const cv::Mat &alpha, const std::vector<cv::Point2f> &corner)
{
    constexpr int STEPS = 64;
    constexpr float INSIDE_PX = 2;
    std::vector<cv::Point2f> out;
    for (size_t k = 0; k < corner.size(); k++) {
        const cv::Point2f a = corner[k], along = corner[(k + 1) % corner.size()] - a,
                          in = cv::Point2f(-along.y, along.x) * (INSIDE_PX / cv::norm(along));
        for (int s = 0; s <= STEPS; s++) {
            const cv::Point2f p = a + along * ((float)s / STEPS), q = p + in;
            if (is_solid(alpha, (int)std::floor(q.x), (int)std::floor(q.y)))
                out.push_back(p);
        }
    }
    cv::Point2f lowest;
    if (find_lowest(alpha, lowest))
        out.push_back(lowest);
    return out;
}

} // namespace core
