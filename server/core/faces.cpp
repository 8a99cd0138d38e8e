/* SPDX-License-Identifier: MIT */
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include <opencv2/imgproc.hpp>

#include "core/candidates.hpp"
#include "core/faces.hpp"
#include "core/networks.hpp"

namespace core
{

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

static idphoto_point point(cv::Point2f p)
{
    return {p.x, p.y};
}

static idphoto_face face_of(const candidate &c)
{
    idphoto_face f = {};
    f.eye[0] = point(c.e.pupil[0]);
    f.eye[1] = point(c.e.pupil[1]);
    complete(f);
    f.yaw_ratio = f.yaw_deg = f.pitch_deg = NAN;
    f.confidence = c.score;
    const float side = c.box.side_px;
    f.box = {c.box.centre.x - side / 2, c.box.centre.y - side / 2, side, side};
    return f;
}

/* ---------------------------------------------------------------- built-in way */

namespace
{
struct look {
    idphoto &i;
    const cv::Mat &rgb, &grey;
    float least_px;
    std::vector<candidate> found;

    void at(const search_copy &copy, float turn_deg)
    {
        for (candidate &c : search_turned(i, copy, turn_deg, least_px)) {
            judge(i, rgb, grey, c);
            found.push_back(c);
        }
    }
    bool done()
    {
        keep_best(found);
        return !found.empty();
    }
};
} // namespace

static void look_turned(look &l, const search_copy &copy)
{
    for (const float turn_deg : {-28.0F, 28.0F, 90.0F, -90.0F, 180.0F})
        l.at(copy, turn_deg);
}

static std::vector<candidate> find_by_cascades(idphoto &i, const cv::Mat &rgb)
{
    secret_mat grey;
    cv::cvtColor(rgb, grey, cv::COLOR_RGB2GRAY);
    look l = {i, rgb, grey, (float)std::min(rgb.cols, rgb.rows) / 12, {}};
    search_copy coarse;
    make_search_copy(grey, 256, coarse);
    l.at(coarse, 0);
    if (l.done())
        return l.found;
    look_turned(l, coarse);
    if (l.done())
        return l.found;
    search_copy fine;
    make_search_copy(grey, 640, fine);
    l.at(fine, 0);
    l.done();
    return l.found;
}

static std::vector<idphoto_face> find_any(idphoto &i, const cv::Mat &rgb)
{
    if (!i.face_net.empty())
        return find_by_yunet(i, rgb);
    std::vector<idphoto_face> faces;
    for (const candidate &c : find_by_cascades(i, rgb))
        faces.push_back(face_of(c));
    return faces;
}

static float area(const idphoto_face &f)
{
    return f.box.width_px * f.box.height_px;
}

static void find(idphoto &i, const cv::Mat &rgb, idphoto_faces &out)
{
    std::vector<idphoto_face> faces = find_any(i, rgb);
    std::sort(faces.begin(), faces.end(),
              [](const idphoto_face &a, const idphoto_face &b) { return area(a) > area(b); });
    out.count = std::min<size_t>(faces.size(), IDPHOTO_FACES_MAX);
    for (size_t k = 0; k < out.count; k++) {
        if (!i.landmark_net.empty())
            add_landmarks(i, rgb, faces[k]);
        out.face[k] = faces[k];
    }
    for (idphoto_face &f : faces)
        explicit_bzero(&f, sizeof f);
}

} // namespace core

idphoto_result idphoto_find_faces(idphoto *i, const idphoto_pixels *rgb, idphoto_faces *out)
{
    return core::guarded([&] {
        const cv::Mat picture = core::view(*rgb, 3);
        if (std::min(picture.cols, picture.rows) < IDPHOTO_SIDE_MIN_PX)
            throw core::failure{IDPHOTO_TOO_SMALL};
        const auto found = std::make_unique<idphoto_faces>();
        core::find(*i, picture, *found);
        *out = *found;
    });
}
