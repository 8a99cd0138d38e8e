/* SPDX-License-Identifier: MIT */
#include "core/faces.hpp"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

namespace core
{

constexpr float FIRST_SIDE_PX = 320, SECOND_SIDE_PX = 640, COPY_SIDE_PX = 960;

eye_line::eye_line(const idphoto_face &f)
{
    const cv::Point2f a(f.eye[0].x_px, f.eye[0].y_px), b(f.eye[1].x_px, f.eye[1].y_px);
    distance = (float)cv::norm(b - a);
    middle = (a + b) / 2;
    along = distance > 0 ? (b - a) / distance : cv::Point2f(1, 0);
    down = {-along.y, along.x};
    roll_deg = std::atan2(along.y, along.x) * 180 / (float)CV_PI;
}

void complete(idphoto_face &f)
{
    const eye_line eyes(f);
    f.roll_deg = eyes.roll_deg;
    if (f.has_landmarks)
        return;
    const cv::Point2f chin = eyes.middle + CHIN_OF_EYES * eyes.distance * eyes.down;
    f.chin = {chin.x, chin.y};
}

/* The upright picture first; a turned one costs as much again, so it is tried only in vain.
 * Cascades bear about 15 degrees to either side. */
static std::vector<idphoto_face> search_by_cascades(idphoto &i, const cv::Mat &grey,
                                                    const cv::Mat &rgb)
{
    static const float angles[] = {0, -25, 25, 90, -90, 180};
    std::vector<idphoto_face> faces;
    for (const float side : {FIRST_SIDE_PX, SECOND_SIDE_PX}) {
        if (side > FIRST_SIDE_PX && (float)std::max(grey.cols, grey.rows) <= FIRST_SIDE_PX)
            break;
        for (const float angle : angles) {
            faces = find_by_cascades(i, grey, rgb, side, angle);
            if (!faces.empty())
                return faces;
        }
    }
    return faces;
}

static void scale(idphoto_face &f, float by)
{
    f.box = {f.box.x_px * by, f.box.y_px * by, f.box.width_px * by, f.box.height_px * by};
    for (idphoto_point *p : {&f.eye[0], &f.eye[1], &f.chin})
        *p = {p->x_px * by, p->y_px * by};
}

static std::vector<idphoto_face> search_in(idphoto &i, const cv::Mat &rgb)
{
    const float by = std::min(1.0f, COPY_SIDE_PX / (float)std::max(rgb.cols, rgb.rows));
    secret_mat copy, grey;
    if (by < 1)
        cv::resize(rgb, copy, cv::Size(), by, by, cv::INTER_AREA);
    else
        rgb.copyTo(copy);
    cv::cvtColor(copy, grey, cv::COLOR_RGB2GRAY);
    std::vector<idphoto_face> faces = search_by_cascades(i, grey, copy);
    for (idphoto_face &f : faces)
        scale(f, (float)rgb.cols / (float)copy.cols);
    return faces;
}

} // namespace core

idphoto_result idphoto_find_faces(idphoto *i, const idphoto_pixels *rgb, idphoto_faces *out)
{
    return core::guarded([&] {
        const cv::Mat picture = core::view(*rgb, 3);
        if (std::min(picture.cols, picture.rows) < IDPHOTO_SIDE_MIN_PX)
            throw core::failure{IDPHOTO_TOO_SMALL};
        std::vector<idphoto_face> faces = core::search_in(*i, picture);
        std::sort(faces.begin(), faces.end(), [](const idphoto_face &a, const idphoto_face &b) {
            return a.box.width_px * a.box.height_px > b.box.width_px * b.box.height_px;
        });
        *out = {};
        for (const idphoto_face &f : faces) {
            if (out->count == IDPHOTO_FACES_MAX)
                break;
            out->face[out->count++] = f;
        }
        for (idphoto_face &f : faces)
            explicit_bzero(&f, sizeof f);
    });
}
