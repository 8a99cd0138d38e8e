/* SPDX-License-Identifier: MIT */
/*
 * From portrait to photo. Where the photo will come from is guessed from the eyes; the person is
 * cut out there, on an upright copy of about the photo's size, so that cost follows the photo;
 * crown and head are measured on that matte and the frame placed. Then everything is drawn once
 * more from the portrait itself, in one turn and scaling, and measured again.
 */
#include <cmath>
#include <ctime>

#include <opencv2/imgproc.hpp>

#include "core/compose.hpp"
#include "core/faces.hpp"
#include "core/heads.hpp"
#include "core/warp.hpp"

namespace core
{

constexpr float LEVEL_DEG = 0.5F;      /* less of a lean is not worth a turn */
constexpr float MOST_ENLARGED = 4;     /* beyond that the face is too small to work with */
constexpr float ENLARGED = 1.02F;      /* and up to this nobody sees it */
constexpr float MOST_AREA_PX = 1.2e6F; /* of the copy on which the person is cut out */

class stage_clock
{
  public:
    stage_clock(idphoto_made &made, idphoto_stage stage)
        : total(made.stage_cpu_ns[stage]), begin(now())
    {
    }
    ~stage_clock()
    {
        total += now() - begin;
    }

  private:
    static int64_t now()
    {
        timespec t;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    }
    int64_t &total, begin;
};

namespace
{

/* The part of the portrait that was laid upright, and who was cut out of it. */
struct canvas {
    cv::Matx23f from_portrait;
    cv::Size size;
    bool whole[4]; /* reaches what the portrait shows on the left, above, right, below */
    float scale;
    idphoto_face subject[2];
    secret_mat person; /* RGBA */
    secret_mat alpha;
    std::vector<cv::Point2f> corner; /* of the portrait */

    ~canvas()
    {
        explicit_bzero(subject, sizeof subject);
    }
};

struct making {
    idphoto &i;
    const cv::Mat &portrait;
    const idphoto_wanted &wanted;
    idphoto_made &made;
    idphoto_face subject[2]; /* in the portrait, from left to right */
    float lean_deg;

    ~making()
    {
        explicit_bzero(subject, sizeof subject);
    }
};

} // namespace

static void pass_on(idphoto_result r)
{
    if (r != IDPHOTO_OK)
        throw failure{r};
}

static void go_on(const making &m)
{
    if (m.wanted.cancelled && m.wanted.cancelled(m.wanted.cancelled_with))
        throw failure{IDPHOTO_CANCELLED};
}

/* ---------------------------------------------------------------- who */

static cv::Point2f middle(const idphoto_face &f)
{
    return eye_line(f).middle;
}

/* What is to lie level: the pupils, of two people in the mean. */
static float lean_of(const idphoto_face *f, int32_t people)
{
    float lean = eye_line(f[0]).roll_deg;
    if (people == 2)
        lean += std::remainder(eye_line(f[1]).roll_deg - lean, 360.0F) / 2;
    return std::fabs(lean) > LEVEL_DEG ? lean : 0;
}

static void choose_subjects(making &m)
{
    const size_t people = (size_t)m.wanted.people;
    const idphoto_faces &f = m.made.faces;
    const size_t shown = idphoto_count_people(&f, m.wanted.people);
    if (shown != people)
        throw failure{shown < people ? IDPHOTO_NO_FACE : IDPHOTO_MANY_FACES};
    std::copy_n(f.face, people, m.subject);
    /* from left to right, as the first one's eyes go */
    if (people == 2 &&
        (middle(m.subject[1]) - middle(m.subject[0])).dot(eye_line(m.subject[0]).along) < 0)
        std::swap(m.subject[0], m.subject[1]);
    m.lean_deg = lean_of(m.subject, m.wanted.people);
}

static void find(making &m)
{
    const cv::Mat &p = m.portrait;
    const idphoto_pixels pixels = {p.data, p.cols, p.rows, 3, p.step};
    {
        const stage_clock t(m.made, IDPHOTO_STAGE_FIND);
        pass_on(idphoto_find_faces(&m.i, &pixels, &m.made.faces));
    }
    go_on(m);
    {
        const stage_clock t(m.made, IDPHOTO_STAGE_MEASURE);
        pass_on(idphoto_measure(&m.i, &pixels, &m.made.faces, nullptr, &m.made.measures));
    }
    choose_subjects(m);
}

static idphoto_point moved(const cv::Matx23f &m, const idphoto_point &p)
{
    return told(apply(m, point_of(p)));
}

/* Eyes, chin and direction; the box and the landmarks are of no use later. */
static idphoto_face moved(const cv::Matx23f &m, const idphoto_face &f)
{
    idphoto_face out = {};
    out.eye[0] = moved(m, f.eye[0]);
    out.eye[1] = moved(m, f.eye[1]);
    out.chin = moved(m, f.chin);
    out.has_landmarks = true; /* the chin stays as it was moved */
    complete(out);
    return out;
}

static void move_all(const making &m, const cv::Matx23f &map, idphoto_face out[2])
{
    for (int k = 0; k < m.wanted.people; k++)
        out[k] = moved(map, m.subject[k]);
}

/* ---------------------------------------------------------------- cutting out */

/* The portrait upright, at its own scale, about the middle of the eyes. */
static cv::Matx23f upright(const making &m)
{
    cv::Point2f eyes = middle(m.subject[0]);
    if (m.wanted.people == 2)
        eyes = (eyes + middle(m.subject[1])) / 2;
    return turning(eyes, m.lean_deg, 1, {0, 0});
}

/* Photo from portrait. */
static cv::Matx23f framed(const cv::Matx23f &from_portrait, const placement &p)
{
    return chained(from_portrait, {p.scale, 0, p.move.x, 0, p.scale, p.move.y});
}

/* Where the frame would lie if the hair were like most. */
static cv::Matx23f guessed_frame(const making &m)
{
    idphoto_face faces[2];
    const cv::Matx23f map = upright(m);
    move_all(m, map, faces);
    const heads h = guessed_heads(faces, m.wanted.people);
    explicit_bzero(faces, sizeof faces);
    return framed(map, place_frame(h, {}, m.wanted));
}

static void refuse_tiny(const cv::Matx23f &to_photo)
{
    if (scale_of(to_photo) > MOST_ENLARGED)
        throw failure{IDPHOTO_TOO_SMALL};
}

/* The frame with room about it, as far as there is a portrait, at most as fine as that is. */
static void lay_canvas(const making &m, const cv::Matx23f &to_photo, canvas &out)
{
    constexpr float BESIDE = 0.06F, ABOVE = 0.1F, BELOW = 0.05F;
    const float w = (float)m.wanted.width_px, h = (float)m.wanted.height_px;
    const cv::Rect2f room(-BESIDE * w, -ABOVE * h, (1 + 2 * BESIDE) * w, (1 + ABOVE + BELOW) * h);
    const float made_up = 2 + MADE_UP * h;
    const cv::Rect2f shown =
        bounds_of(to_photo, {0, 0, (float)m.portrait.cols, (float)m.portrait.rows});
    const cv::Rect2f grown(shown.x - made_up, shown.y - made_up, shown.width + 2 * made_up,
                           shown.height + 2 * made_up);
    const cv::Rect2f part = room & grown;
    if (part.width < IDPHOTO_SIDE_MIN_PX || part.height < IDPHOTO_SIDE_MIN_PX)
        throw failure{IDPHOTO_CUT_OFF};
    const float finest = std::min(1.0F, 1 / scale_of(to_photo));
    out.scale = std::min(finest, std::sqrt(MOST_AREA_PX / part.area()));
    out.scale = std::max(out.scale, IDPHOTO_SIDE_MIN_PX / std::min(part.width, part.height));
    out.size = {(int)std::lround(part.width * out.scale),
                (int)std::lround(part.height * out.scale)};
    out.from_portrait = framed(to_photo, {out.scale, -out.scale * part.tl()});
    out.whole[0] = part.x > room.x;
    out.whole[1] = part.y > room.y;
    out.whole[2] = part.br().x < room.br().x;
    out.whole[3] = part.br().y < room.br().y;
    const float right = (float)m.portrait.cols, bottom = (float)m.portrait.rows;
    out.corner.clear();
    for (const cv::Point2f &p : {cv::Point2f(0, 0), cv::Point2f(right, 0),
                                 cv::Point2f(right, bottom), cv::Point2f(0, bottom)})
        out.corner.push_back(apply(out.from_portrait, p));
    move_all(m, out.from_portrait, out.subject);
}

/* Beyond the portrait's edge nobody is, but for what may be made up. */
static void clear_beyond(canvas &c, float made_up)
{
    cv::Mat known = cv::Mat::zeros(c.size, CV_8U);
    std::vector<cv::Point> polygon;
    for (size_t k = 0; k < 4; k++) {
        cv::Point2f p = c.corner[k];
        for (const size_t beside : {(k + 1) % 4, (k + 3) % 4}) {
            const cv::Point2f out = c.corner[k] - c.corner[beside];
            p += out * ((made_up + 1) / (float)cv::norm(out));
        }
        polygon.emplace_back(p);
    }
    cv::fillConvexPoly(known, polygon, cv::Scalar(255));
    c.person.setTo(cv::Scalar(), known == 0);
}

static void cut_out(const making &m, const cv::Matx23f &to_photo, canvas &c)
{
    secret_mat picture;
    {
        const stage_clock t(m.made, IDPHOTO_STAGE_COMPOSE);
        lay_canvas(m, to_photo, c);
        warp_picture(m.portrait, c.from_portrait, c.size, picture);
    }
    go_on(m);
    const stage_clock t(m.made, IDPHOTO_STAGE_MATTE);
    const idphoto_pixels pixels = {picture.data, picture.cols, picture.rows, 3, picture.step};
    idphoto_pixels out = {};
    pass_on(idphoto_cut_out(&m.i, &pixels, c.subject, (size_t)m.wanted.people, &out));
    wipe(c.person);
    view(out, 4).copyTo(c.person);
    idphoto_pixels_free(&out);
    clear_beyond(c, c.scale * MADE_UP * (float)m.wanted.height_px);
    cv::extractChannel(c.person, c.alpha, 3);
}

/* ---------------------------------------------------------------- framing */

/* Eyes or chin beyond the portrait's edge, or a face of which half is there. */
static void refuse_cut_heads(const making &m)
{
    const cv::Rect2f shown(0, 0, (float)m.portrait.cols, (float)m.portrait.rows);
    for (int k = 0; k < m.wanted.people; k++) {
        const eye_line e(m.subject[k]);
        const cv::Point2f chin = point_of(m.subject[k].chin);
        for (const cv::Point2f &p :
             {chin, e.middle - 1.4F * e.distance * e.down, e.middle - 1.05F * e.distance * e.along,
              e.middle + 1.05F * e.distance * e.along})
            if (!shown.contains(p))
                throw failure{IDPHOTO_CUT_OFF};
    }
}

static placement place_on(const making &m, const canvas &c)
{
    const stage_clock t(m.made, IDPHOTO_STAGE_COMPOSE);
    for (int k = 0; k < m.wanted.people && !m.wanted.geometry.eyes_before_crown; k++)
        if (hair_is_cut(c.alpha, c.subject[k], c.corner))
            throw failure{IDPHOTO_CUT_OFF};
    edges e;
    e.cut = cut_edges(c.alpha, c.corner);
    if (m.wanted.background == IDPHOTO_KEEP)
        e.corner = c.corner;
    return place_frame(measured_heads(c.alpha, c.subject, m.wanted.people), e, m.wanted);
}

/* The frame reaches beyond the canvas where the portrait goes on. */
static bool is_short(const canvas &c, const placement &p, const idphoto_wanted &w)
{
    constexpr float BEARABLE = -1; /* px: at the very edge alpha is blended with nothing */
    const cv::Point2f low = p({0, 0}), high = p({(float)c.size.width, (float)c.size.height});
    return (!c.whole[0] && low.x > BEARABLE) || (!c.whole[1] && low.y > BEARABLE) ||
           (!c.whole[2] && high.x < (float)w.width_px - BEARABLE) ||
           (!c.whole[3] && high.y < (float)w.height_px - BEARABLE);
}

/* Where hair is unlike most the first guess may leave too little room: once more about the frame
 * that was found then. */
static placement cut_out_and_place(const making &m, canvas &c)
{
    cv::Matx23f to_photo = guessed_frame(m);
    refuse_tiny(to_photo);
    cut_out(m, to_photo, c);
    go_on(m);
    placement p = place_on(m, c);
    if (is_short(c, p, m.wanted)) {
        to_photo = framed(c.from_portrait, p);
        cut_out(m, to_photo, c);
        go_on(m);
        p = place_on(m, c);
    }
    return p;
}

/* ---------------------------------------------------------------- drawing */

static void note_reached(const making &m, const cv::Mat &person, const idphoto_face *faces)
{
    cv::Mat alpha;
    cv::extractChannel(person, alpha, 3);
    m.made.reached = reached_by(measured_heads(alpha, faces, m.wanted.people), m.wanted);
    wipe(alpha);
}

static void draw(const making &m, const canvas &c, const placement &p)
{
    const cv::Matx23f to_photo = framed(c.from_portrait, p);
    const layers l = {m.portrait, c.person, to_photo, {p.scale, 0, p.move.x, 0, p.scale, p.move.y}};
    m.made.enlarged = scale_of(to_photo) > ENLARGED;
    std::copy_n(to_photo.val, 6, m.made.portrait_to_photo);
    secret_mat person;
    idphoto_face faces[2];
    move_all(m, to_photo, faces);
    {
        const stage_clock t(m.made, IDPHOTO_STAGE_COMPOSE);
        draw_person(l, m.wanted, person);
        note_reached(m, person, faces);
    }
    if (!is_untouched(m.wanted.edit)) {
        const stage_clock t(m.made, IDPHOTO_STAGE_EDIT);
        go_on(m);
        edit_person(person, faces, m.wanted.people, m.wanted.edit);
    }
    explicit_bzero(faces, sizeof faces);
    go_on(m);
    const stage_clock t(m.made, IDPHOTO_STAGE_COMPOSE);
    m.made.photo = lay_over(person, l, m.wanted);
}

static void run(making &m)
{
    canvas c;
    find(m);
    refuse_cut_heads(m);
    go_on(m);
    const placement p = cut_out_and_place(m, c);
    go_on(m);
    draw(m, c, p);
}

/* ---------------------------------------------------------------- arguments */

static bool is_side(int32_t v)
{
    return v >= IDPHOTO_SIDE_MIN_PX && v <= IDPHOTO_OUTPUT_SIDE_MAX_PX;
}

/* Not so for NAN. */
static bool is_band(const idphoto_band &b)
{
    return b.least_px >= 0 && b.most_px >= 0 && (b.most_px == 0 || b.least_px <= b.most_px) &&
           b.least_px <= IDPHOTO_OUTPUT_SIDE_MAX_PX && b.most_px <= IDPHOTO_OUTPUT_SIDE_MAX_PX;
}

static bool is_geometry(const idphoto_geometry &g)
{
    return is_band(g.head_height) && is_band(g.head_width) && is_band(g.crown_y) &&
           is_band(g.eye_y) && is_band(g.eye_distance) && is_band(g.chin_bottom) &&
           g.centre_px >= 0 && g.centre_px <= IDPHOTO_OUTPUT_SIDE_MAX_PX;
}

static void check(const idphoto_wanted &w)
{
    if (!is_side(w.width_px) || !is_side(w.height_px) || (w.people != 1 && w.people != 2) ||
        !is_in_range(w.edit) || (unsigned)w.background > IDPHOTO_CLEAR || !is_geometry(w.geometry))
        throw failure{IDPHOTO_INVALID};
}

static bool tells_why(idphoto_result r)
{
    return r == IDPHOTO_NO_FACE || r == IDPHOTO_MANY_FACES || r == IDPHOTO_CUT_OFF ||
           r == IDPHOTO_TOO_SMALL;
}

} // namespace core

idphoto_result idphoto_make(idphoto *i, const idphoto_pixels *portrait,
                            const idphoto_wanted *wanted, idphoto_made *out)
{
    idphoto_made made = {};
    const idphoto_result r = core::guarded([&] {
        core::check(*wanted);
        const cv::Mat picture = core::view(*portrait, 3);
        core::making m = {*i, picture, *wanted, made, {}, 0};
        core::run(m);
    });
    if (r == IDPHOTO_OK || core::tells_why(r))
        *out = made;
    else
        idphoto_pixels_free(&made.photo);
    explicit_bzero(&made, sizeof made);
    return r;
}

void idphoto_made_free(idphoto_made *m)
{
    idphoto_pixels_free(&m->photo);
    explicit_bzero(m, sizeof *m);
}
