/* SPDX-License-Identifier: MIT */
/*
 * Two exports of YuNet are read. The one with twelve outputs (class, object, box and five points at
 * strides of 8, 16 and 32 px) has one anchor per cell; that of February 2022 (loc, conf and iou)
 * has two or three anchor boxes per cell, with the variances of SSD.
 */
#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/faces.hpp"
#include "core/networks.hpp"
#include "core/patch.hpp"

namespace core
{

static constexpr int net_px = 320;

namespace
{
/* In pixels of the network's picture. Points: right eye, left eye, tip of the nose, right and left
 * corner of the mouth. */
struct sighting {
    cv::Rect2f box;
    cv::Point2f point[5];
    float score;
};
} // namespace

static bool is_of_2022(const std::vector<cv::Mat> &outputs)
{
    return outputs.size() == 3 && outputs[0].dims == 2 && outputs[0].size[0] == 5875 &&
           outputs[0].size[1] == 2 && outputs[1].total() == 5875 &&
           outputs[2].total() == (size_t)14 * 5875;
}

/* In the order of getUnconnectedOutLayersNames, which sorts: bbox_16, bbox_32, bbox_8, cls_16, ...
 */
static bool is_of_twelve(const std::vector<cv::Mat> &outputs)
{
    static const size_t cells[3] = {400, 100, 1600}, width[4] = {4, 1, 10, 1};
    if (outputs.size() != 12)
        return false;
    for (size_t k = 0; k < 12; k++)
        if (outputs[k].total() != cells[k % 3] * width[k / 3])
            return false;
    return true;
}

bool is_yunet(const std::vector<cv::Mat> &outputs)
{
    return is_of_2022(outputs) || is_of_twelve(outputs);
}

/* ---------------------------------------------------------------- decoding */

static float within_one(float v)
{
    return std::clamp(v, 0.0F, 1.0F);
}

static cv::Rect2f box_about(cv::Point2f centre, float width, float height)
{
    return {centre.x - width / 2, centre.y - height / 2, width, height};
}

static void decode_stride(const std::vector<cv::Mat> &outputs, size_t k, int stride, float least,
                          std::vector<sighting> &all)
{
    const int columns = net_px / stride;
    const auto *box = outputs[k].ptr<float>(), *cls = outputs[3 + k].ptr<float>();
    const auto *points = outputs[6 + k].ptr<float>(), *object = outputs[9 + k].ptr<float>();
    const auto step = (float)stride;
    for (int cell = 0; cell < columns * columns; cell++) {
        const float score = std::sqrt(within_one(cls[cell]) * within_one(object[cell]));
        if (score < least)
            continue;
        const int x = cell % columns, y = cell / columns;
        const cv::Point2f corner((float)x, (float)y);
        const float *b = box + (ptrdiff_t)cell * 4, *p = points + (ptrdiff_t)cell * 10;
        sighting s = {};
        s.score = score;
        s.box = box_about((corner + cv::Point2f(b[0], b[1])) * step, std::exp(b[2]) * step,
                          std::exp(b[3]) * step);
        for (int n = 0; n < 5; n++)
            s.point[n] = (corner + cv::Point2f(p[2 * n], p[2 * n + 1])) * step;
        all.push_back(s);
    }
}

namespace
{
struct anchor {
    cv::Point2f centre;
    float side;
};
} // namespace

static std::vector<anchor> anchors_of_2022()
{
    static const std::vector<float> sides[4] = {{10, 16, 24}, {32, 48}, {64, 96}, {128, 192, 256}};
    std::vector<anchor> all;
    for (int level = 0; level < 4; level++) {
        const int step = 8 << level, cells = net_px / step;
        for (int y = 0; y < cells; y++)
            for (int x = 0; x < cells; x++)
                for (const float side : sides[level])
                    all.push_back(
                        {cv::Point2f((float)x + 0.5F, (float)y + 0.5F) * (float)step, side});
    }
    return all;
}

static void decode_2022(const std::vector<cv::Mat> &outputs, float least,
                        std::vector<sighting> &all)
{
    constexpr float centre_variance = 0.1F, size_variance = 0.2F;
    const std::vector<anchor> anchors = anchors_of_2022();
    for (size_t k = 0; k < anchors.size(); k++) {
        const float cls = outputs[0].ptr<float>()[2 * k + 1];
        const float score = std::sqrt(within_one(cls) * within_one(outputs[1].ptr<float>()[k]));
        if (score < least)
            continue;
        const anchor &a = anchors[k];
        const float *loc = outputs[2].ptr<float>() + 14 * k;
        const float step = centre_variance * a.side;
        sighting s = {};
        s.score = score;
        s.box = box_about(a.centre + cv::Point2f(loc[0], loc[1]) * step,
                          a.side * std::exp(loc[2] * size_variance),
                          a.side * std::exp(loc[3] * size_variance));
        for (int n = 0; n < 5; n++)
            s.point[n] = a.centre + cv::Point2f(loc[4 + 2 * n], loc[5 + 2 * n]) * step;
        all.push_back(s);
    }
}

static float overlap(const cv::Rect2f &a, const cv::Rect2f &b)
{
    const float both = (a & b).area();
    return both / (a.area() + b.area() - both);
}

static std::vector<sighting> strongest(std::vector<sighting> all)
{
    std::sort(all.begin(), all.end(),
              [](const sighting &a, const sighting &b) { return a.score > b.score; });
    std::vector<sighting> kept;
    for (const sighting &s : all)
        if (std::none_of(kept.begin(), kept.end(),
                         [&s](const sighting &k) { return overlap(k.box, s.box) > 0.3F; }))
            kept.push_back(s);
    return kept;
}

/* ---------------------------------------------------------------- faces */

/* The export of 2022 is sure of a few things that are none, up to 0.87. */
static constexpr float enough_of_twelve = 0.7F, enough_of_2022 = 0.9F;

static std::vector<sighting> look(idphoto &i, const cv::Mat &square)
{
    secret_mat input = {};
    cv::dnn::blobFromImage(square, input, 1, {}, {}, true);
    const std::vector<cv::Mat> outputs =
        run_network(i.face_net, input, i.face_net.getUnconnectedOutLayersNames());
    std::vector<sighting> all;
    if (is_of_2022(outputs)) {
        decode_2022(outputs, enough_of_2022, all);
    } else if (is_of_twelve(outputs)) {
        static const int strides[3] = {16, 32, 8};
        for (size_t k = 0; k < 3; k++)
            decode_stride(outputs, k, strides[k], enough_of_twelve, all);
    }
    return strongest(all);
}

/* How far the tip of the nose is from the middle of the eyes, across the face, in half distances
 * between the eyes: about 0 in front, towards 1 in profile. */
static float yaw_of(const cv::Point2f point[5])
{
    const cv::Point2f across = point[1] - point[0], middle = (point[0] + point[1]) * 0.5F;
    const float length2 = across.dot(across);
    return length2 > 0 ? std::clamp(2 * (point[2] - middle).dot(across) / length2, -1.0F, 1.0F)
                       : NAN;
}

static idphoto_face face_of(const sighting &s, const patch &p)
{
    idphoto_face f = {};
    cv::Point2f point[5];
    for (int n = 0; n < 5; n++)
        point[n] = p.point_in_picture(s.point[n]);
    const cv::Point2f a = p.point_in_picture(s.box.tl()), b = p.point_in_picture(s.box.br());
    f.box = {std::min(a.x, b.x), std::min(a.y, b.y), std::fabs(b.x - a.x), std::fabs(b.y - a.y)};
    for (int k = 0; k < 2; k++)
        f.eye[k] = told(point[k]);
    f.yaw_ratio = yaw_of(point);
    f.yaw_deg = f.pitch_deg = NAN;
    f.confidence = s.score;
    complete(f);
    return f;
}

std::vector<idphoto_face> find_by_yunet(idphoto &i, const cv::Mat &rgb, float turn_deg)
{
    const cv::Point2f middle((float)rgb.cols / 2, (float)rgb.rows / 2);
    patch p;
    cut_patch(rgb, {middle, (float)std::max(rgb.cols, rgb.rows), turn_deg}, net_px, p);
    std::vector<idphoto_face> faces;
    for (const sighting &s : look(i, p.pixels))
        faces.push_back(face_of(s, p));
    return faces;
}

} // namespace core
