/* SPDX-License-Identifier: MIT */
/*
 * From portrait to photo. The person is cut out on an upright copy at about the size that the photo
 * has, so that cost follows the photo; crown and head are then measured on the matte, the frame is
 * placed, and colours come from the portrait itself in one turn and scaling.
 */
#include <cmath>
#include <ctime>

#include <opencv2/imgproc.hpp>

#include "core/compose.hpp"
#include "core/faces.hpp"
#include "core/geometry.hpp"

namespace core
{

/* Before the crown is seen: crown to pupils over the distance of the pupils, hair included (head
 * height 3.6 to 3.7 of it, ANSUR II, of which the pupils are a little above the middle). */
constexpr float CROWN_OF_EYES = 2.0f;
constexpr float BYSTANDER =
    0.25f; /* of the area of the largest face: smaller ones are not counted */
constexpr float HAIR_ROOM = 1.5f; /* from the middle of the eyes, in distances of the pupils */
constexpr uchar SOLID = 128;

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

static cv::Point2f apply(const cv::Matx23f &m, cv::Point2f p)
{
    return {m(0, 0) * p.x + m(0, 1) * p.y + m(0, 2), m(1, 0) * p.x + m(1, 1) * p.y + m(1, 2)};
}

static idphoto_point moved(const cv::Matx23f &m, const idphoto_point &p)
{
    const cv::Point2f q = apply(m, {p.x_px, p.y_px});
    return {q.x, q.y};
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

class making
{
  public:
    making(idphoto &detectors, const cv::Mat &picture, const idphoto_wanted &wish,
           idphoto_made &result)
        : i(detectors), portrait(picture), wanted(wish), made(result)
    {
    }
    ~making()
    {
        explicit_bzero(subject, sizeof subject);
    }
    void run()
    {
        find();
        go_on();
        lay_upright();
        go_on();
        cut_out();
        go_on();
        place();
        compose();
    }

  private:
    idphoto &i;
    const cv::Mat &portrait;
    const idphoto_wanted &wanted;
    idphoto_made &made;

    idphoto_face subject[2]; /* in the portrait, then in the upright copy */
    cv::Matx23f to_upright;  /* of the portrait */
    float upright_scale = 1;
    cv::Rect2f valid;   /* of the upright copy: what the portrait shows */
    secret_mat upright; /* RGB */
    secret_mat person;  /* RGBA, the size of upright */
    heads on_upright;
    placement frame;

    void go_on() const
    {
        if (wanted.cancelled && wanted.cancelled(wanted.cancelled_with))
            throw failure{IDPHOTO_CANCELLED};
    }

    void find()
    {
        const idphoto_pixels view = {portrait.data, portrait.cols, portrait.rows, 3, portrait.step};
        {
            const stage_clock t(made, IDPHOTO_STAGE_FIND);
            pass_on(idphoto_find_faces(&i, &view, &made.faces));
        }
        {
            const stage_clock t(made, IDPHOTO_STAGE_MEASURE);
            pass_on(idphoto_measure(&i, &view, &made.faces, nullptr, &made.measures));
        }
        choose_subjects();
    }

    static void pass_on(idphoto_result r)
    {
        if (r != IDPHOTO_OK)
            throw failure{r};
    }

    void choose_subjects()
    {
        const size_t people = (size_t)wanted.people;
        const auto area = [this](size_t k) {
            return made.faces.face[k].box.width_px * made.faces.face[k].box.height_px;
        };
        if (made.faces.count < people)
            throw failure{IDPHOTO_NO_FACE};
        if (made.faces.count > people && area(people) >= BYSTANDER * area(people - 1))
            throw failure{IDPHOTO_MANY_FACES};
        for (size_t k = 0; k < people; k++)
            subject[k] = made.faces.face[k];
        /* from left to right, as the first one's eyes go */
        if (people == 2 && (middle(1) - middle(0)).dot(eye_line(subject[0]).along) < 0)
            std::swap(subject[0], subject[1]);
    }

    cv::Point2f middle(size_t k) const
    {
        return eye_line(subject[k]).middle;
    }

    /* The line that is to lie level: through the pupils of one, between the heads of two. */
    float lean_deg() const
    {
        if (wanted.people == 1)
            return eye_line(subject[0]).roll_deg;
        const cv::Point2f d = middle(1) - middle(0);
        return std::atan2(d.y, d.x) * 180 / (float)CV_PI;
    }

    float head_height() const
    {
        float sum = 0;
        for (int k = 0; k < wanted.people; k++)
            sum += eye_line(subject[k]).distance;
        return (CROWN_OF_EYES + CHIN_OF_EYES) * sum / (float)wanted.people;
    }

    float expected_scale() const
    {
        const idphoto_band &b = wanted.geometry.head_height, &d = wanted.geometry.eye_distance;
        if (b.most_px > 0)
            return (b.least_px + b.most_px) / 2 / head_height();
        if (d.most_px > 0)
            return (d.least_px + d.most_px) / 2 * (CROWN_OF_EYES + CHIN_OF_EYES) / head_height();
        return 0.66f * (float)wanted.height_px / head_height();
    }

    /* Where the photo will come from, turned level and scaled about as it will be, with room on
     * each side for the frame to move. */
    void lay_upright()
    {
        const stage_clock t(made, IDPHOTO_STAGE_COMPOSE);
        constexpr float ROOM_X = 0.2f, ROOM_ABOVE = 0.25f, ROOM_BELOW = 0.1f, EYES_AT = 0.42f;
        const float width = (float)wanted.width_px, height = (float)wanted.height_px;
        upright_scale = expected_scale();
        made.enlarged = upright_scale > 1;
        const cv::Point2f eyes = wanted.people == 1 ? middle(0) : (middle(0) + middle(1)) / 2;
        const cv::Point2f place(width * (0.5f + ROOM_X), height * (EYES_AT + ROOM_ABOVE));
        to_upright = turning(eyes, lean_deg(), upright_scale, place);
        const cv::Size size((int)(width * (1 + 2 * ROOM_X)),
                            (int)(height * (1 + ROOM_ABOVE + ROOM_BELOW)));
        cut_canvas(size);
        draw(to_upright, upright_size, upright);
        for (int k = 0; k < wanted.people; k++)
            subject[k] = moved(to_upright, subject[k]);
    }

    static cv::Matx23f turning(cv::Point2f about, float lean, float scale, cv::Point2f place)
    {
        const float a = -lean * (float)CV_PI / 180, c = std::cos(a) * scale,
                    s = std::sin(a) * scale;
        return {c, -s, place.x - c * about.x + s * about.y,
                s, c,  place.y - s * about.x - c * about.y};
    }

    cv::Size upright_size;

    /* What lies outside of the portrait's bounds need not be looked at. For a turned portrait the
     * bounds are those of the upright rectangle around it; its corners show the edge's colour,
     * repeated. */
    void cut_canvas(const cv::Size &wished)
    {
        cv::Point2f low(1e9f, 1e9f), high(-1e9f, -1e9f);
        for (int corner = 0; corner < 4; corner++) {
            const cv::Point2f p = apply(to_upright, {(float)(corner % 2 * portrait.cols),
                                                     (float)(corner / 2 * portrait.rows)});
            low = {std::min(low.x, p.x), std::min(low.y, p.y)};
            high = {std::max(high.x, p.x), std::max(high.y, p.y)};
        }
        const cv::Rect2f all(0, 0, (float)wished.width, (float)wished.height);
        const cv::Rect2f seen = cv::Rect2f(low, high) & all;
        if (seen.width < IDPHOTO_SIDE_MIN_PX || seen.height < IDPHOTO_SIDE_MIN_PX)
            throw failure{IDPHOTO_CUT_OFF};
        to_upright(0, 2) -= std::floor(seen.x);
        to_upright(1, 2) -= std::floor(seen.y);
        upright_size = {(int)std::floor(seen.width), (int)std::floor(seen.height)};
        /* an end of the portrait is one that the room did not reach beyond */
        valid = {low.x - std::floor(seen.x), low.y - std::floor(seen.y), high.x - low.x,
                 high.y - low.y};
    }

    /* The portrait through an affine map, in two steps: reduced by areas, then turned. */
    void draw(const cv::Matx23f &map, const cv::Size &size, cv::Mat &out) const
    {
        const float scale = std::hypot(map(0, 0), map(1, 0));
        if (scale >= 1) {
            cv::warpAffine(portrait, out, centred(map, 1), size, cv::INTER_CUBIC,
                           cv::BORDER_REPLICATE);
            return;
        }
        cv::Matx23f back;
        cv::invertAffineTransform(map, back);
        cv::Point2f low(1e9f, 1e9f), high(-1e9f, -1e9f);
        for (int corner = 0; corner < 4; corner++) {
            const cv::Point2f p =
                apply(back, {(float)(corner % 2 * size.width), (float)(corner / 2 * size.height)});
            low = {std::min(low.x, p.x), std::min(low.y, p.y)};
            high = {std::max(high.x, p.x), std::max(high.y, p.y)};
        }
        const float margin = 4 / scale;
        cv::Rect from((int)(low.x - margin), (int)(low.y - margin),
                      (int)(high.x - low.x + 2 * margin), (int)(high.y - low.y + 2 * margin));
        from &= cv::Rect(0, 0, portrait.cols, portrait.rows);
        secret_mat reduced;
        const cv::Size small(std::max(1, (int)std::lround((float)from.width * scale)),
                             std::max(1, (int)std::lround((float)from.height * scale)));
        cv::resize(portrait(from), reduced, small, 0, 0, cv::INTER_AREA);
        const float sx = (float)from.width / (float)small.width,
                    sy = (float)from.height / (float)small.height;
        cv::Matx23f rest = map;
        rest(0, 2) += map(0, 0) * (float)from.x + map(0, 1) * (float)from.y;
        rest(1, 2) += map(1, 0) * (float)from.x + map(1, 1) * (float)from.y;
        for (int row = 0; row < 2; row++) {
            rest(row, 0) *= sx;
            rest(row, 1) *= sy;
        }
        cv::warpAffine(reduced, out, centred(rest, 1), size, cv::INTER_CUBIC, cv::BORDER_REPLICATE);
    }

    /* Ours are places from the outer corner of the first pixel, OpenCV's from its middle. */
    static cv::Matx23f centred(const cv::Matx23f &m, int)
    {
        cv::Matx23f out = m;
        out(0, 2) += 0.5f * (m(0, 0) + m(0, 1)) - 0.5f;
        out(1, 2) += 0.5f * (m(1, 0) + m(1, 1)) - 0.5f;
        return out;
    }

    void cut_out()
    {
        const stage_clock t(made, IDPHOTO_STAGE_MATTE);
        const idphoto_pixels view = {upright.data, upright.cols, upright.rows, 3, upright.step};
        idphoto_pixels out = {};
        pass_on(idphoto_cut_out(&i, &view, subject, (size_t)wanted.people, &out));
        core::view(out, 4).copyTo(person);
        idphoto_pixels_free(&out);
    }

    uchar alpha_at(int x, int y) const
    {
        return person.at<cv::Vec4b>(y, x)[3];
    }

    /* The first row in which somebody's hair or scalp is, over the middle of the face. */
    float crown_of(const idphoto_face &f) const
    {
        const eye_line eyes(f);
        const int left = std::max(0, (int)(eyes.middle.x - 0.9f * eyes.distance));
        const int right = std::min(person.cols - 1, (int)(eyes.middle.x + 0.9f * eyes.distance));
        const int least = std::max(2, (right - left) / 12);
        int y = std::clamp((int)eyes.middle.y, 0, person.rows - 1);
        for (; y > 0; y--) {
            int solid = 0;
            for (int x = left; x <= right; x++)
                solid += alpha_at(x, y - 1) >= SOLID;
            if (solid < least)
                break;
        }
        return (float)y;
    }

    /* Between the outer edges at the height of the ears, just below the eyes. */
    float width_of(const idphoto_face &f) const
    {
        const eye_line eyes(f);
        const int y = std::clamp((int)(eyes.middle.y + 0.25f * eyes.distance), 0, person.rows - 1);
        const int middle_x = std::clamp((int)eyes.middle.x, 0, person.cols - 1);
        int left = middle_x, right = middle_x;
        while (left > 0 && alpha_at(left - 1, y) >= SOLID)
            left--;
        while (right < person.cols - 1 && alpha_at(right + 1, y) >= SOLID)
            right++;
        return (float)(right - left + 1);
    }

    void measure_heads()
    {
        const float n = (float)wanted.people;
        on_upright = {};
        for (int k = 0; k < wanted.people; k++) {
            const eye_line eyes(subject[k]);
            on_upright.eyes += eyes.middle / n;
            on_upright.eye_distance_px += eyes.distance / n;
            on_upright.crown_y += crown_of(subject[k]) / n;
            on_upright.chin_y += subject[k].chin.y_px / n;
            on_upright.width_px += width_of(subject[k]) / n;
        }
        if (wanted.people == 2)
            on_upright.span_px = std::abs(middle(1).x - middle(0).x);
    }

    /* Eyes or chin beyond the portrait's edge, or hair that its upper edge cuts. */
    void refuse_cut_heads() const
    {
        for (int k = 0; k < wanted.people; k++) {
            const eye_line eyes(subject[k]);
            const float left = eyes.middle.x - valid.x,
                        right = valid.x + valid.width - eyes.middle.x;
            const float above = eyes.middle.y - valid.y,
                        below = valid.y + valid.height - subject[k].chin.y_px;
            if (std::min(left, right) < 1.1f * eyes.distance || above < HAIR_ROOM * eyes.distance ||
                below < 0)
                throw failure{IDPHOTO_CUT_OFF};
        }
    }

    /* How much of an edge of the portrait the person touches below the chin: there the photo may
     * not go beyond it. */
    bool touches_side(int x) const
    {
        int solid = 0;
        for (int y = (int)on_upright.chin_y; y >= 0 && y < person.rows; y++)
            solid += alpha_at(x, y) >= SOLID;
        return solid > person.rows / 40;
    }

    limits limits_of() const
    {
        const bool keep = wanted.background == IDPHOTO_KEEP;
        limits l = {-INFINITY, INFINITY, -INFINITY, valid.y + valid.height};
        if (keep || (valid.x >= -1 && touches_side(0)))
            l.left = valid.x;
        if (keep ||
            (valid.x + valid.width <= (float)person.cols + 1 && touches_side(person.cols - 1)))
            l.right = valid.x + valid.width;
        if (keep || (valid.y >= -1 && on_upright.crown_y <= 1))
            l.top = valid.y;
        return l;
    }

    void place()
    {
        const stage_clock t(made, IDPHOTO_STAGE_COMPOSE);
        measure_heads();
        refuse_cut_heads();
        limits l = limits_of();
        if (wanted.background != IDPHOTO_KEEP && l.left > -INFINITY && l.right < INFINITY)
            l.left = -INFINITY,
            l.right = INFINITY; /* shoulders cut on both sides: the frame cannot mend it */
        try {
            frame = place_frame(on_upright, l, wanted);
        } catch (const failure &) {
            if (wanted.background == IDPHOTO_KEEP)
                throw;
            l.left = -INFINITY;
            l.right = INFINITY;
            frame = place_frame(on_upright, l, wanted);
        }
    }

    cv::Matx23f upright_to_photo() const
    {
        return {frame.scale, 0, frame.move.x, 0, frame.scale, frame.move.y};
    }

    cv::Matx23f portrait_to_photo() const
    {
        cv::Matx23f m = to_upright * frame.scale;
        m(0, 2) += frame.move.x;
        m(1, 2) += frame.move.y;
        return m;
    }

    void compose()
    {
        const cv::Size size(wanted.width_px, wanted.height_px);
        secret_mat photo, alpha;
        {
            const stage_clock t(made, IDPHOTO_STAGE_COMPOSE);
            draw_person(size, photo, alpha);
        }
        note_reached(alpha);
        if (!is_untouched(wanted.edit)) {
            const stage_clock t(made, IDPHOTO_STAGE_EDIT);
            const cv::Point2f eyes = apply(upright_to_photo(), middle(0));
            edit_person(photo, eyes, frame.scale * eye_line(subject[0]).distance, wanted.edit);
        }
        const stage_clock t(made, IDPHOTO_STAGE_COMPOSE);
        made.photo = finish(photo, alpha);
    }

    /* The person's colours in 0..255 and alpha in 0..1. Where the person is all there is, the
     * portrait's own pixels are taken, which were scaled once; elsewhere the matte's. */
    void draw_person(const cv::Size &size, cv::Mat &photo, cv::Mat &alpha) const
    {
        secret_mat own, cut, premultiplied;
        draw(portrait_to_photo(), size, own);
        own.convertTo(photo, CV_32F);
        if (wanted.background == IDPHOTO_KEEP)
            return draw_alpha(size, cut, alpha);
        draw_alpha(size, cut, alpha);
        for (int y = 0; y < size.height; y++)
            for (int x = 0; x < size.width; x++) {
                const cv::Vec4f &p = cut.at<cv::Vec4f>(y, x);
                const float a = std::clamp(p[3], 0.0f, 1.0f),
                            own_share = std::clamp((a - 0.95f) * 20, 0.0f, 1.0f);
                cv::Vec3f &o = photo.at<cv::Vec3f>(y, x);
                for (int c = 0; c < 3 && a > 1e-3f; c++)
                    o[c] = own_share * o[c] + (1 - own_share) * std::clamp(p[c] / a, 0.0f, 255.0f);
            }
    }

    /* Premultiplied, so that what is transparent lends its colour to nobody. */
    void draw_alpha(const cv::Size &size, cv::Mat &cut, cv::Mat &alpha) const
    {
        secret_mat premultiplied(person.size(), CV_32FC4);
        for (int y = 0; y < person.rows; y++)
            for (int x = 0; x < person.cols; x++) {
                const cv::Vec4b &p = person.at<cv::Vec4b>(y, x);
                const float a = (float)p[3] / 255;
                premultiplied.at<cv::Vec4f>(y, x) = {a * (float)p[0], a * (float)p[1],
                                                     a * (float)p[2], a};
            }
        cv::warpAffine(premultiplied, cut, centred(upright_to_photo(), 1), size, cv::INTER_LINEAR,
                       cv::BORDER_REPLICATE);
        clear_outside(cut);
        cv::extractChannel(cut, alpha, 3);
        cv::min(cv::max(alpha, 0), 1, alpha);
    }

    /* Above and beside the copy nothing is known of the person; below it the limits kept the frame.
     */
    void clear_outside(cv::Mat &cut) const
    {
        const cv::Point2f low = apply(upright_to_photo(), {0, 0}),
                          high =
                              apply(upright_to_photo(), {(float)person.cols, (float)person.rows});
        for (int y = 0; y < cut.rows; y++)
            for (int x = 0; x < cut.cols; x++)
                if ((float)y + 0.5f < low.y || (float)x + 0.5f < low.x || (float)x + 0.5f > high.x)
                    cut.at<cv::Vec4f>(y, x) = {};
    }

    void note_reached(const cv::Mat &alpha)
    {
        const cv::Matx23f m = upright_to_photo();
        heads h = on_upright;
        h.eyes = apply(m, on_upright.eyes);
        h.eye_distance_px *= frame.scale;
        h.crown_y = std::max(0.0f, frame.scale * on_upright.crown_y + frame.move.y);
        h.chin_y = frame.scale * on_upright.chin_y + frame.move.y;
        h.width_px *= frame.scale;
        (void)alpha;
        made.reached = reached_by(h, wanted);
    }

    idphoto_pixels finish(const cv::Mat &photo, const cv::Mat &alpha) const
    {
        if (wanted.background == IDPHOTO_CLEAR)
            return give_clear(photo, alpha);
        secret_mat whole, out;
        if (wanted.background == IDPHOTO_KEEP)
            photo.copyTo(whole);
        else
            whole = background_of(wanted);
        for (int y = 0; wanted.background != IDPHOTO_KEEP && y < whole.rows; y++)
            for (int x = 0; x < whole.cols; x++) {
                const float a = alpha.at<float>(y, x);
                cv::Vec3f &p = whole.at<cv::Vec3f>(y, x);
                p = a * photo.at<cv::Vec3f>(y, x) + (1 - a) * p;
            }
        whole.convertTo(out, CV_8U);
        return give(out);
    }

    static idphoto_pixels give_clear(const cv::Mat &photo, const cv::Mat &alpha)
    {
        secret_mat out(photo.size(), CV_8UC4);
        for (int y = 0; y < out.rows; y++)
            for (int x = 0; x < out.cols; x++) {
                const cv::Vec3f &p = photo.at<cv::Vec3f>(y, x);
                const uchar a = cv::saturate_cast<uchar>(255 * alpha.at<float>(y, x));
                cv::Vec4b &o = out.at<cv::Vec4b>(y, x);
                o = a ? cv::Vec4b(cv::saturate_cast<uchar>(p[0]), cv::saturate_cast<uchar>(p[1]),
                                  cv::saturate_cast<uchar>(p[2]), a)
                      : cv::Vec4b();
            }
        return give(out);
    }
};

static bool is_side(int32_t v)
{
    return v >= IDPHOTO_SIDE_MIN_PX && v <= IDPHOTO_OUTPUT_SIDE_MAX_PX;
}

static void check(const idphoto_wanted &w)
{
    if (!is_side(w.width_px) || !is_side(w.height_px) || (w.people != 1 && w.people != 2) ||
        !is_in_range(w.edit) || (unsigned)w.background > IDPHOTO_CLEAR)
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
        core::making(*i, picture, *wanted, made).run();
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
