/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <cmath>

#include "core/expect.hpp"
#include "core/faces.hpp"

namespace core
{

namespace
{

constexpr float RIM = 8;

/* Places in distances of the pupils from the middle of the eyes: u from the middle line, v to the
 * chin. The pupils of adults are 63 mm apart, heads 155 mm wide and 230 mm high, shoulders 400 to
 * 500 mm wide (ANSUR II, 2012); hair and clothes come on top. */
struct spot {
    float u, v;
};

float ellipse_depth(spot p, float v, float half_width, float half_height)
{
    const float q = std::hypot(p.u / half_width, (p.v - v) / half_height);
    return (1 - q) * std::min(half_width, half_height);
}

/* Where the shoulders begin, below the eyes. */
float shoulder_v(float u)
{
    static const spot line[] = {{0.6f, 1.5f}, {1.2f, 1.9f}, {2.2f, 2.3f}, {3.2f, 3},
                                {4.2f, 4.4f}, {5, 8},       {7, 60}};
    if (u <= line[0].u)
        return line[0].v - 1;
    for (size_t k = 1; k < sizeof line / sizeof *line; k++)
        if (u <= line[k].u)
            return line[k - 1].v +
                   (line[k].v - line[k - 1].v) * (u - line[k - 1].u) / (line[k].u - line[k - 1].u);
    return line[6].v;
}

/* Log odds per distance of the pupils, from the edge of the usual shape outwards and inwards. */
float odds_of_depth(float depth, float inwards, float outwards)
{
    return depth > 0 ? std::min(depth * inwards, 4.0f) : std::max(depth * outwards, SURELY_NOT);
}

float odds_at(spot p)
{
    const float u = std::abs(p.u);
    const float head = odds_of_depth(ellipse_depth(p, -0.1f, 1.42f, 1.95f), 9, 7);
    /* how broad somebody is, and whether arms hang down, is the colours' to tell */
    const float broad = std::clamp(4 - 1.6f * (u - 1.5f), 0.5f, 4.0f);
    const float shoulders = std::min(odds_of_depth((p.v - shoulder_v(u)) * 0.8f, 4, 5), broad);
    const float long_hair =
        p.v > 0 ? odds_of_depth(std::min(1.7f - u, 4 - p.v), 0, 5.5f) - 1 : SURELY_NOT;
    return std::max({head, shoulders, long_hair});
}

/* Inside of the face, neck and chest: nothing else can be there. */
bool is_sure(spot p)
{
    const float u = std::abs(p.u);
    if (ellipse_depth(p, 0.45f, 0.95f, 1.25f) > 0)
        return true;
    return (p.v > 1.4f && u < 0.5f) || (p.v > 2.4f && u < 0.5f + (p.v - 2.4f) && u < 2);
}

spot spot_of(const eye_line &eyes, cv::Point2f p)
{
    const cv::Point2f d = (p - eyes.middle) / eyes.distance;
    return {d.dot(eyes.along), d.dot(eyes.down)};
}

} // namespace

/* A cut along the rim of the picture costs nothing, so that what is beside the head would be kept
 * up to there. */
static bool on_rim(int x, int y, const cv::Size &size)
{
    return y == 0 || x == 0 || x == size.width - 1;
}

void expect(const people &who, float scale, const cv::Size &size, expectation &out)
{
    out.odds = cv::Mat(size, CV_32F, cv::Scalar(SURELY_NOT));
    out.torso = cv::Mat(size, CV_32F, cv::Scalar(0));
    for (size_t k = 0; k < who.count; k++) {
        const eye_line eyes(who.face[k]);
        for (int y = 0; y < size.height; y++)
            for (int x = 0; x < size.width; x++) {
                const cv::Point2f at(((float)x + 0.5f) / scale, ((float)y + 0.5f) / scale);
                const spot p = spot_of(eyes, at);
                float &odds = out.odds.at<float>(y, x);
                const float here = is_sure(p) ? SURELY : odds_at(p);
                if (here < odds)
                    continue;
                odds = here - (on_rim(x, y, size) && p.v < 1 && here < SURELY ? RIM : 0);
                out.torso.at<float>(y, x) = std::clamp((p.v - 1.2f) / 0.8f, 0.0f, 1.0f);
            }
    }
}

} // namespace core
