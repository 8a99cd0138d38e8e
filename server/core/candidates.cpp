/* SPDX-License-Identifier: MIT */
#include "core/candidates.hpp"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

namespace core
{

void make_search_copy(const cv::Mat &grey, int side_px, search_copy &out)
{
    /* Small pictures are enlarged: the cascades see nothing under 20 px. */
    const int longer = std::max(grey.cols, grey.rows);
    const float scale = std::min(4.0F, (float)side_px / (float)longer);
    cv::resize(grey, out.grey,
               {std::max(1, (int)std::lround((float)grey.cols * scale)),
                std::max(1, (int)std::lround((float)grey.rows * scale))},
               0, 0, scale < 1 ? cv::INTER_AREA : cv::INTER_CUBIC);
    cv::equalizeHist(out.grey, out.grey);
    out.per_px = (float)longer / (float)std::max(out.grey.cols, out.grey.rows);
}

/* ---------------------------------------------------------------- search */

/* Turned counter-clockwise about its middle, on a canvas that holds all of it, so that what leaned
 * clockwise stands upright. to_copy leads back. */
static void turn(const cv::Mat &grey, float turn_deg, cv::Mat &out, cv::Matx23f &to_copy)
{
    const float angle = turn_deg * (float)CV_PI / 180;
    const float c = std::cos(angle), s = std::sin(angle);
    const float w = (float)grey.cols, h = (float)grey.rows;
    const cv::Size size((int)std::lround(std::fabs(c) * w + std::fabs(s) * h),
                        (int)std::lround(std::fabs(s) * w + std::fabs(c) * h));
    const float mx = (float)size.width / 2, my = (float)size.height / 2;
    to_copy = {c, -s, w / 2 - c * mx + s * my, s, c, h / 2 - s * mx - c * my};
    cv::warpAffine(grey, out, to_copy, size, cv::INTER_LINEAR | cv::WARP_INVERSE_MAP,
                   cv::BORDER_REPLICATE);
}

std::vector<candidate> search_turned(idphoto &i, const search_copy &copy, search by, float turn_deg,
                                     float least_px)
{
    secret_mat turned;
    cv::Matx23f to_copy = {1, 0, 0, 0, 1, 0};
    if (turn_deg == 0)
        turned = static_cast<const cv::Mat &>(copy.grey).clone();
    else
        turn(copy.grey, turn_deg, turned, to_copy);
    const int least = std::max(20, (int)(least_px / copy.per_px));
    std::vector<cv::Rect> found;
    std::vector<int> votes;
    cv::CascadeClassifier &cascade = by == search::alt2 ? i.face_alt2 : i.face_default;
    cascade.detectMultiScale(turned, found, votes, 1.2, 2, 0, {least, least});
    std::vector<candidate> all;
    for (size_t k = 0; k < found.size(); k++) {
        const float x = (float)found[k].x + (float)found[k].width / 2;
        const float y = (float)found[k].y + (float)found[k].height / 2;
        const cv::Point2f centre(to_copy(0, 0) * x + to_copy(0, 1) * y + to_copy(0, 2),
                                 to_copy(1, 0) * x + to_copy(1, 1) * y + to_copy(1, 2));
        candidate c = {};
        c.box = {centre * copy.per_px, (float)found[k].width * copy.per_px, turn_deg};
        c.votes = votes[k];
        all.push_back(c);
    }
    return all;
}

/* ---------------------------------------------------------------- judgement */

/* Windows of the cascade in a patch about the box, of about the box's size. */
static int windows(cv::CascadeClassifier &cascade, const cv::Mat &grey, const place &box)
{
    constexpr int side_px = 64;
    constexpr float grown = 1.5F;
    patch p;
    cut_patch(grey, {box.centre, box.side_px * grown, box.roll_deg}, side_px, p);
    cv::equalizeHist(p.pixels, p.pixels);
    std::vector<cv::Rect> found;
    std::vector<int> votes;
    const int least = (int)(side_px / grown * 0.75F), most = (int)(side_px / grown * 1.4F);
    cascade.detectMultiScale(p.pixels, found, votes, 1.05, 2, 0, {least, least}, {most, most});
    return votes.empty() ? 0 : *std::max_element(votes.begin(), votes.end());
}

/* The share of the middle of the box that has the colour of skin: the box of Cb and Cr of D. Chai
 * and K. Ngan, Face segmentation using skin-color map, IEEE TCSVT 9(4), 1999, which holds for light
 * and dark skin. NAN when there is hardly any colour. */
static float skin_share(const cv::Mat &rgb, const place &box)
{
    constexpr int side_px = 32;
    patch p;
    cut_patch(rgb, {box.centre, box.side_px * 0.7F, box.roll_deg}, side_px, p);
    secret_mat ycc;
    cv::cvtColor(p.pixels, ycc, cv::COLOR_RGB2YCrCb);
    int skin = 0, colourful = 0;
    for (int y = 0; y < side_px; y++)
        for (int x = 0; x < side_px; x++) {
            const auto &v = ycc.at<cv::Vec3b>(y, x);
            skin += v[1] >= 133 && v[1] <= 173 && v[2] >= 77 && v[2] <= 127;
            colourful += std::abs(v[1] - 128) + std::abs(v[2] - 128) > 8;
        }
    return colourful < side_px * side_px / 10 ? NAN : (float)skin / (float)(side_px * side_px);
}

static float degrees(cv::Point2f d)
{
    return std::atan2(d.y, d.x) * 180 / (float)CV_PI;
}

/* The box that a cascade would have put about these eyes. */
static place place_of_eyes(const eyes &e)
{
    const cv::Point2f across = e.pupil[1] - e.pupil[0];
    const float distance = (float)cv::norm(across);
    const cv::Point2f down = cv::Point2f(-across.y, across.x) * (1 / std::max(distance, 1.0F));
    const float side = distance / 0.38F;
    return {(e.pupil[0] + e.pupil[1]) * 0.5F + down * (side * 0.115F), side, degrees(across)};
}

/* Eyes lie across the box, apart as far as eyes are. */
static bool plausible(const eyes &e, const place &box)
{
    const cv::Point2f across = e.pupil[1] - e.pupil[0];
    const float apart = (float)cv::norm(across) / box.side_px;
    const float lean = std::remainder(degrees(across) - box.roll_deg, 360.0F);
    return apart > 0.28F && apart < 0.52F && std::fabs(lean) < 25;
}

static float score_of(const candidate &c)
{
    float s = 0.2F * (float)std::min(c.votes, 8) / 8 + 0.2F * (float)std::min(c.second, 12) / 12 +
              0.25F * (float)c.e.seen;
    s += std::isnan(c.skin) ? 0.05F : 0.1F * c.skin;
    return s;
}

void judge(idphoto &i, const cv::Mat &rgb, const cv::Mat &grey, candidate &c)
{
    c.second = windows(i.face_default, grey, c.box);
    c.skin = skin_share(rgb, c.box);
    c.e = find_eyes(i.eyes, grey, c.box);
    if (!plausible(c.e, c.box)) {
        c.score = 0;
        return;
    }
    c.score = score_of(c);
    /* Once more, level and about the eyes: cascade and gradients are surer there. */
    const place level = place_of_eyes(c.e);
    const eyes again = find_eyes(i.eyes, grey, level);
    if (again.seen >= c.e.seen && plausible(again, level)) {
        c.e = again;
        c.box = place_of_eyes(again);
        c.score = score_of(c);
    }
}

void keep_best(std::vector<candidate> &all)
{
    std::sort(all.begin(), all.end(),
              [](const candidate &a, const candidate &b) { return a.score > b.score; });
    std::vector<candidate> kept;
    for (const candidate &c : all) {
        const auto covers = [&c](const candidate &k) {
            const float apart = (float)cv::norm(k.box.centre - c.box.centre);
            return apart < 0.5F * std::max(k.box.side_px, c.box.side_px);
        };
        if (c.score >= enough && std::none_of(kept.begin(), kept.end(), covers))
            kept.push_back(c);
    }
    all = kept;
}

} // namespace core
