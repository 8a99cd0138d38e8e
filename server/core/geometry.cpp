/* SPDX-License-Identifier: MIT */
#include "core/geometry.hpp"

#include <cmath>

namespace core
{

/* Where a specification says nothing: ICAO Doc 9303 part 3 has 70 to 80 % for head and hair of a
 * passport; common guides for one-inch and two-inch photos are looser. Shares of the photo's
 * height. */
constexpr float USUAL_HEAD = 0.66f, USUAL_EYE_Y = 0.40f, LEAST_HEAD = 0.35f, MOST_HEAD = 0.95f;
constexpr float USUAL_CENTRE = 0.02f; /* of the width */

static bool ruled(const idphoto_band &b)
{
    return b.least_px != 0 || b.most_px != 0;
}

static float middle_of(const idphoto_band &b)
{
    return b.most_px > 0 ? (b.least_px + b.most_px) / 2 : b.least_px;
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

/* One trial: the picture scaled, the eyes at a height of the photo. */
struct trial {
    float scale, eye_y;
};

class cost
{
  public:
    cost(const heads &of, const limits &within, const idphoto_wanted &wanted)
        : h(of), l(within), w(wanted), g(wanted.geometry)
    {
    }
    /* Squared pixels. Weights put the size of the head and the eyes before the rest, and where the
     * document says so the eyes before the crown. */
    float operator()(const trial &t) const
    {
        const float crown = crown_y(t), chin = chin_y(t), height = (float)w.height_px;
        const float crown_weight = g.eyes_before_crown ? 0.2f : 1;
        float sum = 4 * square(outside(g.eye_y, t.eye_y)) +
                    4 * square(outside(g.eye_distance, t.scale * h.eye_distance_px));
        sum += crown_weight * (4 * square(outside(g.head_height, chin - crown)) +
                               square(outside(g.crown_y, crown)));
        sum += square(outside(g.chin_bottom, height - chin));
        if (!std::isnan(h.width_px))
            sum += square(outside(g.head_width, t.scale * h.width_px));
        return sum + 1000 * square(beyond(t)) + 0.002f * leaning(t);
    }
    /* Pixels of the photo for which the picture has nothing. */
    float beyond(const trial &t) const
    {
        const float up = t.eye_y - t.scale * (h.eyes.y - l.top),
                    down = t.eye_y + t.scale * (l.bottom - h.eyes.y);
        return std::max(0.0f, up) + std::max(0.0f, (float)w.height_px - down);
    }
    float crown_y(const trial &t) const
    {
        return t.eye_y - t.scale * (h.eyes.y - h.crown_y);
    }
    float chin_y(const trial &t) const
    {
        return t.eye_y + t.scale * (h.chin_y - h.eyes.y);
    }
    /* Where several fit, the middles of the bands; where nothing is said, what is usual. */
    float leaning(const trial &t) const
    {
        const float height = (float)w.height_px, head = chin_y(t) - crown_y(t);
        float sum =
            square(head - (ruled(g.head_height) ? middle_of(g.head_height) : USUAL_HEAD * height));
        if (ruled(g.eye_y) && g.eye_y.most_px > 0)
            sum += square(t.eye_y - middle_of(g.eye_y));
        else if (ruled(g.crown_y))
            sum += square(crown_y(t) - middle_of(g.crown_y));
        else
            sum += square(t.eye_y - USUAL_EYE_Y * height);
        return sum;
    }

  private:
    const heads &h;
    const limits &l;
    const idphoto_wanted &w;
    const idphoto_geometry &g;
};

/* Finer and finer around the best; the cost is smooth and has two unknowns. */
static trial search(const cost &c, const heads &h, const idphoto_wanted &w)
{
    constexpr int STEPS = 24, TURNS = 6;
    const float height = (float)w.height_px, head = h.chin_y - h.crown_y;
    float least = LEAST_HEAD * height / head, most = MOST_HEAD * height / head,
          high = 0.1f * height, low = 0.75f * height;
    trial best = {(least + most) / 2, (high + low) / 2};
    float best_cost = c(best);
    for (int turn = 0; turn < TURNS; turn++) {
        const float scale_step = (most - least) / STEPS, eye_step = (low - high) / STEPS;
        for (int a = 0; a <= STEPS; a++)
            for (int b = 0; b <= STEPS; b++) {
                const trial t = {least + (float)a * scale_step, high + (float)b * eye_step};
                const float now = c(t);
                if (now < best_cost) {
                    best_cost = now;
                    best = t;
                }
            }
        least = std::max(1e-4f, best.scale - 2 * scale_step);
        most = best.scale + 2 * scale_step;
        high = best.eye_y - 2 * eye_step;
        low = best.eye_y + 2 * eye_step;
    }
    return best;
}

/* The eyes in the middle, unless the picture ends at a side: then as near as the rule bears. */
static float place_x(const heads &h, const limits &l, const idphoto_wanted &w, float scale)
{
    const float width = (float)w.width_px;
    const float x = width / 2 - scale * h.eyes.x;
    const float least = width - scale * l.right, most = -scale * l.left;
    if (least > most + 0.5f)
        throw failure{IDPHOTO_CUT_OFF};
    return std::clamp(x, std::min(least, most), most);
}

placement place_frame(const heads &h, const limits &l, const idphoto_wanted &w)
{
    const cost c(h, l, w);
    const trial t = search(c, h, w);
    if (c.beyond(t) > 0.5f)
        throw failure{IDPHOTO_CUT_OFF};
    const float x = place_x(h, l, w, t.scale);
    return {t.scale, {x, t.eye_y - t.scale * h.eyes.y}};
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
    const float centre = g.centre_px > 0 ? g.centre_px : USUAL_CENTRE * (float)w.width_px;
    note(IDPHOTO_CENTRE, {0, centre}, std::abs(p.eyes.x - (float)w.width_px / 2));
    return r;
}

} // namespace core
