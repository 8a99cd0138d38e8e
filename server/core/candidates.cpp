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

void add_border(search_copy &copy, int border_px)
{
    cv::copyMakeBorder(copy.grey, copy.grey, border_px, border_px, border_px, border_px,
                       cv::BORDER_REPLICATE);
    copy.border_px += border_px;
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

std::vector<candidate> search_turned(idphoto &i, const search_copy &copy, float turn_deg,
                                     float least_px)
{
    secret_mat turned;
    cv::Matx23f to_copy = {1, 0, 0, 0, 1, 0};
    if (turn_deg != 0)
        turn(copy.grey, turn_deg, turned, to_copy);
    const int least = std::max(20, (int)(least_px / copy.per_px));
    std::vector<cv::Rect> found;
    i.face_alt2.detectMultiScale(turn_deg == 0 ? copy.grey : turned, found, 1.2, 3, 0,
                                 {least, least});
    std::vector<candidate> all;
    const auto border = (float)copy.border_px;
    for (const cv::Rect &r : found) {
        const float x = (float)r.x + (float)r.width / 2, y = (float)r.y + (float)r.height / 2;
        const cv::Point2f centre(to_copy(0, 0) * x + to_copy(0, 1) * y + to_copy(0, 2),
                                 to_copy(1, 0) * x + to_copy(1, 1) * y + to_copy(1, 2));
        candidate c = {};
        c.box = {(centre - cv::Point2f(border, border)) * copy.per_px, (float)r.width * copy.per_px,
                 turn_deg};
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
    cascade.detectMultiScale(p.pixels, found, votes, 1.1, 2, 0, {least, least}, {most, most});
    return votes.empty() ? 0 : *std::max_element(votes.begin(), votes.end());
}

static int windows_upside_down(idphoto &i, const cv::Mat &grey, const place &box)
{
    return windows(i.face_alt2, grey, {box.centre, box.side_px, box.roll_deg + 180});
}

bool stands_on_head(idphoto &i, const cv::Mat &grey, const std::vector<place> &places)
{
    int upright = 0, upside = 0;
    for (const place &p : places) {
        upright = std::max(upright, windows(i.face_alt2, grey, p));
        upside = std::max(upside, windows_upside_down(i, grey, p));
    }
    return upside > upright;
}

void forget_pictures(idphoto &i, int side_px)
{
    const cv::Mat blank(side_px, side_px, CV_8UC1, cv::Scalar(0));
    std::vector<cv::Rect> none;
    i.face_alt2.detectMultiScale(blank, none, 1.2, 3, 0, {20, 20});
    for (cv::CascadeClassifier *small : {&i.face_default, &i.eyes})
        small->detectMultiScale(blank(cv::Rect(0, 0, 64, 64)), none, 1.1, 3, 0);
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

bool plausible(const eyes &e, const place &box)
{
    const cv::Point2f across = e.pupil[1] - e.pupil[0];
    const float apart = (float)cv::norm(across) / box.side_px;
    const float lean = std::remainder(degrees(across) - box.roll_deg, 360.0F);
    return apart > 0.28F && apart < 0.52F && std::fabs(lean) < 25;
}

/* Weighed so that real portraits, also dark, blurred and tinted ones, stand clear of folds and
 * animals. */
static float score_of(const candidate &c)
{
    if (c.upside > c.alt2 || !plausible(c.e, c.box))
        return 0;
    const float skin = std::isnan(c.skin) ? 0.5F : c.skin;
    return 0.4F * (float)std::min(c.alt2, 12) / 12 + 0.25F * (float)std::min(c.second, 12) / 12 +
           0.1F * (float)c.e.seen + 0.15F * skin;
}

void judge(idphoto &i, const cv::Mat &rgb, const cv::Mat &grey, candidate &c)
{
    c.alt2 = windows(i.face_alt2, grey, c.box);
    if (c.alt2 < 3)
        return;
    c.upside = windows_upside_down(i, grey, c.box);
    c.second = windows(i.face_default, grey, c.box);
    c.skin = skin_share(rgb, c.box);
    c.e = find_eyes(i.eyes, grey, c.box);
    c.score = score_of(c);
    const place level = place_of_eyes(c.e);
    /* Leaning much, cascade and gradients are less sure. */
    if (c.score < enough || std::fabs(std::remainder(level.roll_deg - c.box.roll_deg, 360)) < 5)
        return;
    const eyes again = find_eyes(i.eyes, grey, level);
    if (again.seen >= c.e.seen && plausible(again, level))
        c.e = again;
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
