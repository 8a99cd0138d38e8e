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

/* Of the area of the smallest face that is to be shown: smaller ones are passers-by. */
constexpr float BYSTANDER = 0.25F;

eye_line::eye_line(const idphoto_face &f)
{
    const cv::Point2f a = point_of(f.eye[0]), b = point_of(f.eye[1]);
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
    f.chin = told(eyes.middle + CHIN_OF_EYES * eyes.distance * eyes.down);
}

static idphoto_face face_of(const candidate &c)
{
    idphoto_face f = {};
    f.eye[0] = told(c.e.pupil[0]);
    f.eye[1] = told(c.e.pupil[1]);
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
    int largest_px = 64;

    void at(const search_copy &copy, float turn_deg)
    {
        /* A turned copy is wider by its diagonal. */
        const int longer = std::max(copy.grey.cols, copy.grey.rows);
        largest_px = std::max(largest_px, turn_deg == 0 ? longer : longer * 3 / 2);
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

/* Cascades bear about 15 degrees to either side. */
static void look_turned(look &l, const search_copy &copy)
{
    for (const float turn_deg : {-28.0F, 28.0F, 90.0F, -90.0F, 180.0F})
        l.at(copy, turn_deg);
}

/* A part of the search that costs as much again is begun only when those before it were in vain. */
static void look_everywhere(look &l)
{
    search_copy coarse, fine;
    make_search_copy(l.grey, 256, coarse);
    l.at(coarse, 0);
    if (l.done())
        return;
    look_turned(l, coarse);
    if (l.done())
        return;
    add_border(coarse, 48);
    l.at(coarse, 0);
    if (l.done())
        return;
    make_search_copy(l.grey, 640, fine);
    l.at(fine, 0);
    l.done();
}

static std::vector<idphoto_face> find_by_cascades(idphoto &i, const cv::Mat &rgb,
                                                  const cv::Mat &grey)
{
    look l = {i, rgb, grey, (float)std::min(rgb.cols, rgb.rows) / 12, {}};
    look_everywhere(l);
    std::vector<idphoto_face> faces;
    for (const candidate &c : l.found)
        faces.push_back(face_of(c));
    forget_pictures(i, l.largest_px);
    return faces;
}

/* ---------------------------------------------------------------- with networks */

static eyes eyes_of(const idphoto_face &f)
{
    return {{point_of(f.eye[0]), point_of(f.eye[1])}, 0};
}

/* YuNet's eyes are off by a tenth of their distance; gradients know better, the second time in a
 * patch that the first has placed. */
static void refine_eyes(idphoto &i, const cv::Mat &grey, idphoto_face &f)
{
    for (int pass = 0; pass < 2; pass++) {
        const place box = place_of_eyes(eyes_of(f));
        const eyes found = find_eyes(i.eyes, grey, box);
        if (!plausible(found, box))
            return;
        f.eye[0] = told(found.pupil[0]);
        f.eye[1] = told(found.pupil[1]);
    }
}

/* YuNet sees upright faces also in pictures that stand on their head; its points are anywhere
 * then, its box is not. A cascade's box is as much wider. */
static bool rather_on_head(idphoto &i, const cv::Mat &grey, const idphoto_face &f, float turn_deg)
{
    const cv::Point2f middle(f.box.x_px + f.box.width_px / 2, f.box.y_px + f.box.height_px / 2);
    const place by_box = {middle, 1.15F * std::min(f.box.width_px, f.box.height_px), turn_deg};
    return stands_on_head(i, grey, {by_box, place_of_eyes(eyes_of(f))});
}

static std::vector<idphoto_face> find_by_network(idphoto &i, const cv::Mat &rgb,
                                                 const cv::Mat &grey)
{
    std::vector<idphoto_face> faces;
    for (const float turn_deg : {0.0F, 180.0F, 90.0F, -90.0F}) {
        for (idphoto_face &f : find_by_yunet(i, rgb, turn_deg)) {
            if (rather_on_head(i, grey, f, turn_deg))
                continue;
            if (i.landmark_net.empty() || !add_landmarks(i, rgb, f))
                refine_eyes(i, grey, f);
            complete(f);
            faces.push_back(f);
        }
        if (!faces.empty())
            break;
    }
    forget_pictures(i, 64);
    return faces;
}

static std::vector<idphoto_face> find_any(idphoto &i, const cv::Mat &rgb)
{
    secret_mat grey;
    cv::cvtColor(rgb, grey, cv::COLOR_RGB2GRAY);
    if (!i.face_net.empty())
        return find_by_network(i, rgb, grey);
    std::vector<idphoto_face> faces = find_by_cascades(i, rgb, grey);
    for (idphoto_face &f : faces)
        if (!i.landmark_net.empty())
            add_landmarks(i, rgb, f);
    return faces;
}

static void find(idphoto &i, const cv::Mat &rgb, idphoto_faces &out)
{
    std::vector<idphoto_face> faces = find_any(i, rgb);
    std::sort(faces.begin(), faces.end(), [](const idphoto_face &a, const idphoto_face &b) {
        return box_area(a) > box_area(b);
    });
    out.count = std::min<size_t>(faces.size(), IDPHOTO_FACES_MAX);
    std::copy_n(faces.begin(), out.count, out.face);
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

size_t idphoto_count_people(const idphoto_faces *faces, int32_t people)
{
    const idphoto_face *face = faces->face;
    const size_t shown = std::min(faces->count, (size_t)people);
    size_t n = shown;
    while (n < faces->count &&
           core::box_area(face[n]) >= core::BYSTANDER * core::box_area(face[shown - 1]))
        n++;
    return n;
}
