/* SPDX-License-Identifier: MIT */
#include "core/geometry.hpp"

#include <algorithm>
#include <cmath>

namespace core
{

/* Where a specification says nothing: what common guides for one-inch and two-inch photos and ICAO
 * Doc 9303 part 3 have in common. Shares of the photo's height, or width. */
constexpr float USUAL_HEAD = 0.64F, USUAL_EYE_Y = 0.42F, USUAL_CROWN = 0.08F, USUAL_CENTRE = 0.02F;
constexpr float LEAST_CROWN = 0.025F, LEAST_UNDER_CHIN = 0.08F, MOST_WIDTH = 0.9F;

static bool ruled(const idphoto_band &b)
{
    return b.least_px != 0 || b.most_px != 0;
}

/* How far outside; a band without an upper end is open. */
static float outside(const idphoto_band &b, float v)
{
    if (!ruled(b))
        return 0;
    if (v < b.least_px)
        return b.least_px - v;
    return b.most_px > 0 && v > b.most_px ? v - b.most_px : 0;
}

static float square(float v)
{
    return v * v;
}

/* From the middle of the band, 1 at its ends. */
static float off_middle(const idphoto_band &b, float v)
{
    if (!ruled(b) || b.most_px <= b.least_px)
        return 0;
    return (2 * v - b.least_px - b.most_px) / (b.most_px - b.least_px);
}

static float centre_of(const idphoto_wanted &w)
{
    return w.geometry.centre_px > 0 ? w.geometry.centre_px : USUAL_CENTRE * (float)w.width_px;
}

namespace
{

/* Where the eyes are in the photo, and how large all is. */
struct trial {
    float scale;
    cv::Point2f eyes;
};

/* What is wrong with a trial. */
class cost
{
  public:
    cost(const heads &of, const edges &within, const idphoto_wanted &wanted)
        : h(of), e(within), w(wanted), g(wanted.geometry), width((float)wanted.width_px),
          height((float)wanted.height_px)
    {
    }
    float operator()(const trial &t) const
    {
        constexpr float EDGE = 60, LEANING = 0.05F;
        const float per_px = 500 / height;
        return square(per_px) * (bands(t) + unwritten(t) + EDGE * square(beyond(t))) +
               LEANING * leaning(t);
    }
    float beyond(const trial &t) const;
    bool shows_heads(const trial &t) const
    {
        const float half = t.scale * h.span_px / 2 + 0.4F * t.scale * h.width_px;
        return chin_y(t) + t.scale * h.below_px < height &&
               t.eyes.y - t.scale * (h.eye_distance_px + h.above_px) > 0 && t.eyes.x - half > 0 &&
               t.eyes.x + half < width;
    }
    placement of(const trial &t) const
    {
        return {t.scale, t.eyes - t.scale * h.eyes};
    }

  private:
    float crown_y(const trial &t) const
    {
        return t.eyes.y - t.scale * (h.eyes.y - h.crown_y);
    }
    float chin_y(const trial &t) const
    {
        return t.eyes.y + t.scale * (h.chin_y - h.eyes.y);
    }
    float bands(const trial &t) const;
    float unwritten(const trial &t) const;
    float leaning(const trial &t) const;

    const heads &h;
    const edges &e;
    const idphoto_wanted &w;
    const idphoto_geometry &g;
    const float width, height;
};

} // namespace

/* Squared pixels. The size of the head and the eyes come before the rest, and where the document
 * says so the eyes before the crown. */
float cost::bands(const trial &t) const
{
    const float crown = g.eyes_before_crown ? 0.05F : 1;
    return 4 * square(outside(g.eye_y, t.eyes.y)) +
           4 * square(outside(g.eye_distance, t.scale * h.eye_distance_px)) +
           4 * crown * square(outside(g.head_height, chin_y(t) - crown_y(t))) +
           2 * square(outside(g.head_width, t.scale * h.width_px)) +
           crown * square(outside(g.crown_y, crown_y(t))) +
           square(outside(g.chin_bottom, height - chin_y(t))) +
           2 * square(outside({0, centre_of(w)}, std::abs(t.eyes.x - width / 2)));
}

/* What no document says since it goes without saying: all of the head is seen, with some air. */
float cost::unwritten(const trial &t) const
{
    const float wide = t.scale * (h.span_px + h.width_px);
    float sum = square(std::max(0.0F, wide - MOST_WIDTH * width));
    if (!ruled(g.crown_y))
        sum += square(std::max(0.0F, LEAST_CROWN * height - crown_y(t) + t.scale * h.above_px));
    if (!ruled(g.chin_bottom))
        sum += square(
            std::max(0.0F, chin_y(t) + t.scale * h.below_px - (1 - LEAST_UNDER_CHIN) * height));
    return sum;
}

/* Where several fit, the middles of the bands; where nothing is said, what is usual. */
float cost::leaning(const trial &t) const
{
    const float head = chin_y(t) - crown_y(t);
    float sum = square(off_middle(g.head_height, head)) +
                square(off_middle(g.head_width, t.scale * h.width_px)) +
                square(off_middle(g.eye_distance, t.scale * h.eye_distance_px)) +
                square(off_middle(g.eye_y, t.eyes.y)) + square(off_middle(g.crown_y, crown_y(t))) +
                square(off_middle(g.chin_bottom, height - chin_y(t))) +
                square((t.eyes.x - width / 2) / centre_of(w));
    if (!ruled(g.head_height) && !ruled(g.head_width))
        sum += square((head / height - USUAL_HEAD) / 0.1F);
    if (!ruled(g.crown_y))
        sum += square((crown_y(t) / height - USUAL_CROWN) / 0.08F);
    if (!ruled(g.eye_y) && !ruled(g.crown_y))
        sum += square((t.eyes.y / height - USUAL_EYE_Y) / 0.08F);
    return sum;
}

/* How deep the frame reaches beyond the picture, pixels of the photo. */
float cost::beyond(const trial &t) const
{
    const placement p = of(t);
    float worst = 0;
    for (const cv::Point2f &c : e.cut) {
        const cv::Point2f q = p(c);
        worst = std::max(worst, std::min({q.x, q.y, width - q.x, height - q.y}));
    }
    for (size_t k = 0; k < e.corner.size(); k++) {
        const cv::Point2f a = p(e.corner[k]), b = p(e.corner[(k + 1) % e.corner.size()]);
        const cv::Point2f along = (b - a) / (float)cv::norm(b - a), in(-along.y, along.x);
        for (int c = 0; c < 4; c++)
            worst =
                std::max(worst, -in.dot(cv::Point2f(c & 1 ? width : 0, c & 2 ? height : 0) - a));
    }
    return worst;
}

/* All of the plausible sizes and heights, then finer and finer about the best in all directions:
 * the cost has valleys along the edges, but no second bottom worth the name. */
static trial search(const cost &c, const heads &h, const idphoto_wanted &w)
{
    constexpr int STEPS = 20, HALVINGS = 9;
    const float width = (float)w.width_px, height = (float)w.height_px,
                usual = height / (h.chin_y - h.crown_y);
    trial best = {0.6F * usual, {width / 2, 0.4F * height}};
    float best_cost = c(best);
    const auto look = [&](const trial &t) {
        const float now = c(t);
        if (!(now < best_cost))
            return false;
        best_cost = now;
        best = t;
        return true;
    };
    for (int a = 0; a <= STEPS; a++)
        for (int b = 0; b <= STEPS; b++)
            look({usual * (0.35F + 0.65F * (float)a / STEPS),
                  {width / 2, height * (0.15F + 0.6F * (float)b / STEPS)}});
    float step = 0.02F;
    for (int k = 0, turns = 0; k < HALVINGS && turns < 200; turns++) {
        const trial from = best;
        bool better = false;
        for (int d = 0; d < 27; d++) {
            const int across = d / 3 % 3 - 1, down = d / 9 - 1;
            better |= look({from.scale + step * usual * (float)(d % 3 - 1),
                            {from.eyes.x + step * width * (float)across,
                             from.eyes.y + step * height * (float)down}});
        }
        if (!better) {
            step /= 2;
            k++;
        }
    }
    return best;
}

placement place_frame(const heads &h, const edges &e, const idphoto_wanted &w)
{
    if (!(h.chin_y - h.crown_y > 1) || !(h.eye_distance_px > 1))
        throw failure{IDPHOTO_TOO_SMALL};
    const cost c(h, e, w);
    const trial t = search(c, h, w);
    if (c.beyond(t) > std::max(1.0F, MADE_UP * (float)w.height_px) || !c.shows_heads(t))
        throw failure{IDPHOTO_CUT_OFF};
    return c.of(t);
}

idphoto_reached reached_by(const heads &p, const idphoto_wanted &w)
{
    const idphoto_geometry &g = w.geometry;
    idphoto_reached r;
    const auto note = [&r](idphoto_band_id id, const idphoto_band &band, float v) {
        r.value_px[id] = v;
        /* measuring is exact to about a pixel */
        r.inside[id] = std::isnan(v) || outside(band, v) <= 1;
    };
    note(IDPHOTO_HEAD_HEIGHT, g.head_height, p.chin_y - p.crown_y);
    note(IDPHOTO_HEAD_WIDTH, g.head_width, p.width_px);
    note(IDPHOTO_CROWN_Y, g.crown_y, p.crown_y);
    note(IDPHOTO_EYE_Y, g.eye_y, p.eyes.y);
    note(IDPHOTO_EYE_DISTANCE, g.eye_distance, p.eye_distance_px);
    note(IDPHOTO_CHIN_BOTTOM, g.chin_bottom, (float)w.height_px - p.chin_y);
    note(IDPHOTO_CENTRE, {0, centre_of(w)}, std::abs(p.eyes.x - (float)w.width_px / 2));
    return r;
}

} // namespace core
