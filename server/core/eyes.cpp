/* SPDX-License-Identifier: MIT */
#include "core/eyes.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <opencv2/imgproc.hpp>

namespace core
{

/* The patch is the cascade's box, grown by a tenth on each side. */
static constexpr int patch_px = 168;
static constexpr float patch_grown = 1.2F;
static constexpr float box_px = patch_px / patch_grown;
static constexpr float box_from = (patch_px - box_px) / 2;

/* Where the cascade alt2 was trained to have the eyes in its box; the mean over upright portraits
 * differs from it by less than 0.02. */
static constexpr float usual_x = 0.31F, usual_y = 0.39F;

static cv::Point2f in_patch(float x, float y)
{
    return {box_from + x * box_px, box_from + y * box_px};
}

/* ---------------------------------------------------------------- pupils */

namespace
{
struct slope {
    cv::Point2f at, direction;
};
} // namespace

/* The steep places: lids, and the rim of the iris. */
static std::vector<slope> slopes(const cv::Mat &grey)
{
    secret_mat soft, gx, gy, size;
    cv::GaussianBlur(grey, soft, {0, 0}, 1.0);
    cv::Sobel(soft, gx, CV_32F, 1, 0);
    cv::Sobel(soft, gy, CV_32F, 0, 1);
    cv::magnitude(gx, gy, size);
    cv::Scalar mean, deviation;
    cv::meanStdDev(size, mean, deviation);
    const float steep = (float)(mean[0] + 0.3 * deviation[0]);
    std::vector<slope> found;
    for (int y = 1; y < grey.rows - 1; y++)
        for (int x = 1; x < grey.cols - 1; x++) {
            const float length = size.at<float>(y, x);
            if (length > steep && length > 0)
                found.push_back({{(float)x, (float)y},
                                 {gx.at<float>(y, x) / length, gy.at<float>(y, x) / length}});
        }
    return found;
}

/* How well the slopes point away from c, which is dark inside. */
static float votes_for(cv::Point2f c, const std::vector<slope> &from)
{
    float votes = 0;
    for (const slope &s : from) {
        const cv::Point2f d = s.at - c;
        const float length2 = d.dot(d);
        if (length2 < 1)
            continue;
        const float along = d.dot(s.direction);
        if (along > 0)
            votes += along * along / length2;
    }
    return votes;
}

/* The vertex of the parabola through three values, -0.5..0.5. */
static float vertex(float before, float at, float after)
{
    const float bend = before - 2 * at + after;
    return bend < 0 ? std::clamp((before - after) / (2 * bend), -0.5F, 0.5F) : 0;
}

cv::Point2f vote_pupil(const cv::Mat &grey, cv::Point2f about, float doubt_px)
{
    const std::vector<slope> from = slopes(grey);
    secret_mat soft;
    cv::GaussianBlur(grey, soft, {0, 0}, 1.5);
    cv::normalize(soft, soft, 0, 255, cv::NORM_MINMAX);
    const double middle = cv::mean(soft)[0];
    cv::Mat1f votes(grey.size(), 0.0F);
    for (int y = 0; y < grey.rows; y++)
        for (int x = 0; x < grey.cols; x++) {
            if (soft.at<uint8_t>(y, x) > middle)
                continue;
            const cv::Point2f c((float)x, (float)y), off = c - (about - cv::Point2f(0.5F, 0.5F));
            const float near = 1 / (1 + off.dot(off) / (doubt_px * doubt_px));
            const float dark = 255.0F - (float)soft.at<uint8_t>(y, x);
            votes(y, x) = votes_for(c, from) * dark * near;
        }
    cv::Point best;
    cv::minMaxLoc(votes, nullptr, nullptr, nullptr, &best);
    cv::Point2f at((float)best.x + 0.5F, (float)best.y + 0.5F);
    if (best.x > 0 && best.x < votes.cols - 1)
        at.x += vertex(votes(best.y, best.x - 1), votes(best), votes(best.y, best.x + 1));
    if (best.y > 0 && best.y < votes.rows - 1)
        at.y += vertex(votes(best.y - 1, best.x), votes(best), votes(best.y + 1, best.x));
    return at;
}

/* ---------------------------------------------------------------- both eyes */

static constexpr float eyes_of_side = 1 - 2 * usual_x;

place place_of_eyes(const eyes &e)
{
    const cv::Point2f across = e.pupil[1] - e.pupil[0];
    const float distance = std::max((float)cv::norm(across), 1.0F);
    const cv::Point2f down = cv::Point2f(-across.y, across.x) / distance;
    const float side = distance / eyes_of_side;
    return {(e.pupil[0] + e.pupil[1]) / 2 + down * (side * (0.5F - usual_y)), side,
            std::atan2(across.y, across.x) * 180 / (float)CV_PI};
}

/* The eye cascade about the usual place of one eye; false when it sees none there. */
static bool look(cv::CascadeClassifier &cascade, const cv::Mat &patch, cv::Point2f usual,
                 cv::Point2f *out)
{
    const int half = (int)(0.25F * box_px);
    const int least = (int)(0.18F * box_px), most = (int)(0.42F * box_px);
    const cv::Rect window = cv::Rect((int)usual.x - half, (int)usual.y - half, 2 * half, 2 * half) &
                            cv::Rect(0, 0, patch.cols, patch.rows);
    std::vector<cv::Rect> found;
    cascade.detectMultiScale(patch(window), found, 1.15, 2, 0, {least, least}, {most, most});
    float nearest = 0.16F * box_px;
    bool any = false;
    for (const cv::Rect &r : found) {
        const cv::Point2f c((float)(window.x + r.x) + (float)r.width / 2,
                            (float)(window.y + r.y) + (float)r.height / 2);
        const float off = (float)cv::norm(c - usual);
        if (off < nearest) {
            nearest = off;
            *out = c;
            any = true;
        }
    }
    return any;
}

/* The pupil near a point of the patch. */
static cv::Point2f refine(const cv::Mat &patch, cv::Point2f about, float doubt_px)
{
    const cv::Size half((int)(0.16F * box_px), (int)(0.11F * box_px));
    const cv::Rect window = cv::Rect((int)about.x - half.width, (int)about.y - half.height,
                                     2 * half.width, 2 * half.height) &
                            cv::Rect(0, 0, patch.cols, patch.rows);
    const cv::Point2f corner((float)window.x, (float)window.y);
    return corner + vote_pupil(patch(window), about - corner, doubt_px);
}

static void cut_face(const cv::Mat &grey, const place &face, patch &out)
{
    cut_patch(grey, {face.centre, face.side_px * patch_grown, face.roll_deg}, patch_px, out);
}

eyes find_eyes(cv::CascadeClassifier &cascade, const cv::Mat &grey, const place &face)
{
    patch p;
    cut_face(grey, face, p);
    secret_mat even;
    cv::equalizeHist(p.pixels, even);
    eyes e = {};
    for (int k = 0; k < 2; k++) {
        const cv::Point2f usual = in_patch(k ? 1 - usual_x : usual_x, usual_y);
        cv::Point2f about = usual;
        const bool seen = look(cascade, even, usual, &about);
        e.seen += seen;
        e.pupil[k] = p.point_in_picture(refine(p.pixels, about, (seen ? 0.05F : 0.08F) * box_px));
    }
    return e;
}

} // namespace core
