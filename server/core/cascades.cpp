/* SPDX-License-Identifier: MIT */
/*
 * Faces by OpenCV's boosted cascades (Viola and Jones 2001; Lienhart and Maydt 2002). Two cascades
 * of different training vote, the eyes inside confirm, and skin breaks a tie: a hit that only one
 * of them stands for is a curtain or a cat.
 */
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/faces.hpp"

namespace core
{

/* The picture turned clockwise by the angle about its middle, on a canvas that holds all of it;
 * to_turned maps points of the picture there. */
static cv::Mat turned(const cv::Mat &grey, float scale, float angle_deg, cv::Matx23f &to_turned)
{
    const float a = angle_deg * (float)CV_PI / 180;
    const float c = std::cos(a) * scale, s = std::sin(a) * scale;
    const float w = (float)grey.cols, h = (float)grey.rows;
    const cv::Size canvas((int)std::ceil(std::abs(c) * w + std::abs(s) * h),
                          (int)std::ceil(std::abs(s) * w + std::abs(c) * h));
    to_turned = cv::Matx23f(c, -s, 0, s, c, 0);
    to_turned(0, 2) = (float)canvas.width / 2 - (c * w - s * h) / 2;
    to_turned(1, 2) = (float)canvas.height / 2 - (s * w + c * h) / 2;
    cv::Mat out;
    cv::warpAffine(grey, out, to_turned, canvas, cv::INTER_LINEAR, cv::BORDER_REPLICATE);
    return out;
}

static cv::Point2f apply(const cv::Matx23f &m, cv::Point2f p)
{
    return {m(0, 0) * p.x + m(0, 1) * p.y + m(0, 2), m(1, 0) * p.x + m(1, 1) * p.y + m(1, 2)};
}

static float overlap(const cv::Rect2f &a, const cv::Rect2f &b)
{
    const float both = (a & b).area();
    return both / (a.area() + b.area() - both);
}

static std::vector<candidate> run(cv::CascadeClassifier &cascade, const cv::Mat &grey, int least_px,
                                  int neighbours)
{
    std::vector<cv::Rect> boxes;
    std::vector<int> levels;
    std::vector<double> weights;
    cascade.detectMultiScale(grey, boxes, levels, weights, 1.1, neighbours, 0,
                             cv::Size(least_px, least_px), cv::Size(), true);
    std::vector<candidate> out;
    for (size_t k = 0; k < boxes.size(); k++)
        out.push_back({cv::Rect2f(boxes[k]), (float)weights[k]});
    return out;
}

/* Share of the middle of a box that has the colour of skin, light to dark (Chai and Ngan 1999: the
 * range in Cb and Cr that complexions share); 1 in a picture without colour, which cannot tell. */
static float skin_share(const cv::Mat &rgb, cv::Rect2f box)
{
    const cv::Rect middle(cv::Rect2f(box.x + box.width * 0.2f, box.y + box.height * 0.25f,
                                     box.width * 0.6f, box.height * 0.6f));
    const cv::Rect inside = middle & cv::Rect(0, 0, rgb.cols, rgb.rows);
    if (inside.area() < 16)
        return 0;
    cv::Mat ycc, skin;
    cv::cvtColor(rgb(inside), ycc, cv::COLOR_RGB2YCrCb);
    const cv::Scalar mean = cv::mean(ycc);
    if (std::abs(mean[1] - 128) < 4 && std::abs(mean[2] - 128) < 4)
        return 1;
    cv::inRange(ycc, cv::Scalar(20, 131, 70), cv::Scalar(255, 185, 135), skin);
    return (float)cv::countNonZero(skin) / (float)inside.area();
}

/* The upright patch of a candidate, from the finer copy of the picture. */
static cv::Mat patch_of(const cv::Mat &grey, const cv::Matx23f &to_turned, const cv::Rect2f &box,
                        cv::Matx23f &from_patch)
{
    const float scale = (float)EYE_PATCH_PX / box.width;
    cv::Matx23f to_patch = to_turned * scale;
    to_patch(0, 2) -= box.x * scale;
    to_patch(1, 2) -= box.y * scale;
    cv::Matx23f back;
    cv::invertAffineTransform(to_patch, back);
    from_patch = back;
    cv::Mat out;
    cv::warpAffine(grey, out, to_patch, cv::Size(EYE_PATCH_PX, EYE_PATCH_PX), cv::INTER_LINEAR,
                   cv::BORDER_REPLICATE);
    return out;
}

static idphoto_face face_at(const cv::Matx23f &from_patch, const cv::Point2f pupil[2],
                            float confidence)
{
    idphoto_face f = {};
    cv::Point2f low(1e9f, 1e9f), high(-1e9f, -1e9f);
    for (int corner = 0; corner < 4; corner++) {
        const cv::Point2f p = apply(
            from_patch, {(float)(corner % 2) * EYE_PATCH_PX, (float)(corner / 2) * EYE_PATCH_PX});
        low = {std::min(low.x, p.x), std::min(low.y, p.y)};
        high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
    f.box = {low.x, low.y, high.x - low.x, high.y - low.y};
    for (int side = 0; side < 2; side++) {
        const cv::Point2f p = apply(from_patch, pupil[side]);
        f.eye[side] = {p.x, p.y};
    }
    f.confidence = confidence;
    f.yaw_ratio = NAN;
    complete(f);
    return f;
}

/* Eyes where no face has them: too near, too far, too high, too low, too tilted. */
static bool plausible(const cv::Point2f pupil[2])
{
    const cv::Point2f d = (pupil[1] - pupil[0]) / (float)EYE_PATCH_PX;
    const float middle_y = (pupil[0].y + pupil[1].y) / 2 / (float)EYE_PATCH_PX;
    return d.x > 0.24f && d.x < 0.56f && std::abs(d.y) < 0.17f && middle_y > 0.26f &&
           middle_y < 0.54f;
}

struct search {
    idphoto &detectors;
    const cv::Mat &grey, &rgb;
    cv::Matx23f to_turned;
    float copy_scale; /* of rgb, which is the finer copy, against the turned one */
};

/* Confidence in 0..1; 0 when it is none. */
static bool confirm(search &s, const candidate &c, bool both, idphoto_face &out)
{
    cv::Matx23f from_patch;
    cv::Point2f pupil[2];
    cv::Mat patch = patch_of(s.grey, s.to_turned, c.box, from_patch);
    cv::equalizeHist(patch, patch);
    const bool eyes = find_pupils(s.detectors, patch, pupil) && plausible(pupil);
    idphoto_face f = face_at(from_patch, pupil, 0);
    const float skin =
        skin_share(s.rgb, cv::Rect2f(f.box.x_px, f.box.y_px, f.box.width_px, f.box.height_px));
    const int votes = both + eyes + (skin > 0.4f) + (c.weight > 2.5f);
    f.confidence = (float)votes / 4;
    out = f;
    return (eyes && votes >= 2) || (both && votes >= 3 && plausible(pupil));
}

static bool known(const std::vector<idphoto_face> &faces, const idphoto_face &f)
{
    const cv::Rect2f box(f.box.x_px, f.box.y_px, f.box.width_px, f.box.height_px);
    for (const idphoto_face &g : faces) {
        const cv::Rect2f other(g.box.x_px, g.box.y_px, g.box.width_px, g.box.height_px);
        if (overlap(box, other) > 0.25f ||
            (box & other).area() > 0.6f * std::min(box.area(), other.area()))
            return true;
    }
    return false;
}

std::vector<idphoto_face> find_by_cascades(idphoto &i, const cv::Mat &grey, const cv::Mat &rgb,
                                           float side_px, float angle_deg)
{
    const float scale = std::min(1.0f, side_px / (float)std::max(grey.cols, grey.rows));
    search s = {i, grey, rgb, {}, scale};
    cv::Mat reduced = grey;
    if (scale < 1)
        cv::resize(grey, reduced, cv::Size(), scale, scale, cv::INTER_AREA);
    cv::Mat upright = turned(reduced, 1, angle_deg, s.to_turned);
    const float real = (float)reduced.cols / (float)grey.cols;
    for (int row = 0; row < 2; row++)
        for (int column = 0; column < 2; column++)
            s.to_turned(row, column) *= real;
    cv::equalizeHist(upright, upright);
    const int least_px = std::max(20, std::min(reduced.cols, reduced.rows) / 12);
    std::vector<candidate> first = run(i.face_alt2, upright, least_px, 3);
    const std::vector<candidate> second = run(i.face_default, upright, least_px, 4);
    std::vector<idphoto_face> faces;
    for (const candidate &c : first) {
        bool both = false;
        for (const candidate &d : second)
            both = both || overlap(c.box, d.box) > 0.3f;
        idphoto_face f;
        if (confirm(s, c, both, f) && !known(faces, f))
            faces.push_back(f);
    }
    for (const candidate &d : second) {
        idphoto_face f;
        if (confirm(s, d, false, f) && f.confidence >= 0.75f && !known(faces, f))
            faces.push_back(f);
    }
    return faces;
}

} // namespace core
