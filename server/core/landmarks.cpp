/* SPDX-License-Identifier: MIT */
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "core/faces.hpp"
#include "core/networks.hpp"
#include "core/patch.hpp"

namespace core
{

static constexpr int net_px = 192;

/* Indices of MediaPipe's face mesh. */
enum { FOREHEAD = 10, NOSE_TIP = 1, MENTON = 152 };

bool is_landmarks(const std::vector<cv::Mat> &outputs)
{
    return outputs.size() == 2 && outputs[0].total() == (size_t)3 * IDPHOTO_LANDMARKS &&
           outputs[1].total() == 1;
}

static float degrees(float y, float x)
{
    return std::atan2(y, x) * 180 / (float)CV_PI;
}

/* The network was trained on crops of one and a half times a detector's box, with the eyes level.
 */
static place crop_of(const idphoto_face &f)
{
    const eye_line eyes(f);
    return {eyes.middle + eyes.down * (0.55F * eyes.distance), 3.6F * eyes.distance, eyes.roll_deg};
}

static cv::Point3f mean(const cv::Point3f *points, std::initializer_list<int> which)
{
    cv::Point3f sum = {};
    for (const int k : which)
        sum += points[k];
    return sum * (1.0F / (float)which.size());
}

/* The corners tell where an eye is across, its lids where it is in height: a gaze aside moves
 * the pupil, which the mesh does not have. */
static cv::Point2f eye_of(const cv::Point3f *points, bool left)
{
    const cv::Point3f corners = left ? mean(points, {263, 362}) : mean(points, {33, 133});
    const cv::Point3f lids = left ? mean(points, {386, 374, 385, 380, 387, 373})
                                  : mean(points, {159, 145, 160, 144, 158, 153});
    return {(corners.x + lids.x) / 2, (corners.y + lids.y) / 2};
}

static void set_pose(const cv::Point3f *points, idphoto_face &f)
{
    const cv::Point3f across = mean(points, {263, 362}) - mean(points, {33, 133});
    const cv::Point3f down = points[MENTON] - points[FOREHEAD];
    f.yaw_deg = degrees(across.z, across.x);
    f.pitch_deg = degrees(down.z, down.y);
    const cv::Point2f a = eye_of(points, false), b = eye_of(points, true), d = b - a;
    const cv::Point2f nose(points[NOSE_TIP].x, points[NOSE_TIP].y);
    f.yaw_ratio = std::min(1.0F, std::max(-1.0F, 2 * (nose - (a + b) * 0.5F).dot(d) / d.dot(d)));
}

static idphoto_point in_picture(const patch &p, cv::Point2f at)
{
    return told(p.point_in_picture(at));
}

/* The face network's score before the sigmoid. */
static constexpr float enough = 5;

static std::vector<cv::Mat> run(idphoto &i, const cv::Mat &rgb)
{
    secret_mat input;
    const int shape[4] = {1, net_px, net_px, 3};
    input.create(4, shape, CV_32F);
    cv::Mat rows(net_px, net_px, CV_32FC3, input.data);
    rgb.convertTo(rows, CV_32F, 1.0 / 255);
    return run_network(i.landmark_net, input, i.landmark_net.getUnconnectedOutLayersNames());
}

bool add_landmarks(idphoto &i, const cv::Mat &rgb, idphoto_face &f)
{
    patch p;
    cut_patch(rgb, crop_of(f), net_px, p);
    const std::vector<cv::Mat> outputs = run(i, p.pixels);
    if (!is_landmarks(outputs) || outputs[1].ptr<float>()[0] < enough)
        return false;
    const auto *points = outputs[0].ptr<cv::Point3f>();
    for (int k = 0; k < IDPHOTO_LANDMARKS; k++)
        f.landmark[k] = in_picture(p, {points[k].x, points[k].y});
    f.has_landmarks = true;
    f.eye[0] = in_picture(p, eye_of(points, false));
    f.eye[1] = in_picture(p, eye_of(points, true));
    f.chin = f.landmark[MENTON];
    set_pose(points, f);
    complete(f);
    return true;
}

} // namespace core
