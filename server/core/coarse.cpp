/* SPDX-License-Identifier: MIT */
#include <opencv2/imgproc.hpp>
#include <opencv2/imgproc/detail/gcgraph.hpp>

#include "core/expect.hpp"
#include "core/faces.hpp"
#include "core/networks.hpp"
#include "core/palette.hpp"

namespace core
{

constexpr int SMALL_SIDE_PX = 208, TURNS = 3, NET_SIDE_PX = 256;

static float sigmoid(float odds)
{
    return 1 / (1 + std::exp(-odds));
}

/* What colours say about a pixel: heads, torsos and the background on either side of the people
 * have palettes of their own, since a dark suit says nothing about what is dark beside the hair. */
class colours
{
  public:
    colours(const cv::Mat &cells, const expectation &expected) : cell(cells), about(expected)
    {
    }

    /* person: CV_32F, 0..1 */
    void learn(const cv::Mat &person)
    {
        for (int y = 0; y < cell.rows; y++)
            for (int x = 0; x < cell.cols; x++) {
                const uint16_t c = cell.at<uint16_t>(y, x);
                const float p = person.at<float>(y, x), t = about.torso.at<float>(y, x);
                head.add(c, p * (1 - t));
                torso.add(c, p * t);
                left.add(c, (1 - p) * side(x, 1));
                right.add(c, (1 - p) * side(x, 0));
            }
        for (palette *p : {&head, &torso, &left, &right})
            p->settle();
    }

    float log_odds(int y, int x) const
    {
        constexpr float OTHER = 0.15f, MOST = 3.5f;
        const uint16_t c = cell.at<uint16_t>(y, x);
        const float t = OTHER + (1 - 2 * OTHER) * about.torso.at<float>(y, x);
        const float r = side(x, 0);
        const float in = head[c] * (1 - t) + torso[c] * t, out = left[c] * (1 - r) + right[c] * r;
        return std::clamp(std::log(in / out), -MOST, MOST);
    }

  private:
    const cv::Mat &cell;
    const expectation &about;
    palette head, torso, left, right;

    /* 1 at one end, 0 at the other */
    float side(int x, int of_left) const
    {
        const float r = std::clamp((float)x / (float)cell.cols * 2 - 0.5f, 0.1f, 0.9f);
        return of_left ? 1 - r : r;
    }
};

/* Cuts the picture where that is cheapest: Boykov and Jolly, Interactive graph cuts, ICCV 2001. */
class cutting
{
  public:
    explicit cutting(const cv::Mat &rgb) : picture(rgb), scale(contrast_scale())
    {
    }

    /* person: 1 or 0 in CV_32F */
    void cut(const cv::Mat &odds, cv::Mat &person) const
    {
        const int w = picture.cols, h = picture.rows;
        cv::detail::GCGraph<float> graph((unsigned)(w * h), (unsigned)(8 * w * h));
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                const int here = graph.addVtx();
                const float o = odds.at<float>(y, x);
                graph.addTermWeights(here, std::max(o, 0.0f), std::max(-o, 0.0f));
                join(graph, here, {x, y}, {-1, 0});
                join(graph, here, {x, y}, {0, -1});
                join(graph, here, {x, y}, {-1, -1});
                join(graph, here, {x, y}, {1, -1});
            }
        graph.maxFlow();
        for (int k = 0; k < w * h; k++)
            person.at<float>(k / w, k % w) = graph.inSourceSegment(k) ? 1 : 0;
    }

  private:
    static constexpr float SMOOTH = 8; /* log odds that a cut across flat colour costs */
    const cv::Mat &picture;
    float scale;

    float contrast(cv::Point a, cv::Point b) const
    {
        const cv::Vec3i d =
            cv::Vec3i(picture.at<cv::Vec3b>(a)) - cv::Vec3i(picture.at<cv::Vec3b>(b));
        return (float)d.dot(d);
    }
    /* 1 over four times the mean contrast */
    float contrast_scale() const
    {
        double sum = 1;
        for (int y = 1; y < picture.rows; y++)
            for (int x = 1; x < picture.cols; x++)
                sum += (double)(contrast({x, y}, {x - 1, y}) + contrast({x, y}, {x, y - 1}));
        return (float)(picture.rows * picture.cols / sum / 2);
    }
    void join(cv::detail::GCGraph<float> &graph, int here, cv::Point p, cv::Point step) const
    {
        const cv::Point q = p + step;
        if (q.x < 0 || q.x >= picture.cols || q.y < 0)
            return;
        const float length = step.x && step.y ? 1.41421f : 1;
        const float weight = SMOOTH / length * (0.04f + 0.96f * std::exp(-scale * contrast(p, q)));
        graph.addEdges(here, here + step.y * picture.cols + step.x, weight, weight);
    }
};

/* Only what hangs together with a face, its holes filled. */
static cv::Mat of_the_faces(const cv::Mat &mask, const people &who, float scale)
{
    cv::Mat labels, kept = cv::Mat::zeros(mask.size(), CV_8U);
    cv::connectedComponents(mask, labels, 4, CV_32S);
    for (size_t k = 0; k < who.count; k++) {
        const eye_line eyes(who.face[k]);
        const cv::Point2f nose = (eyes.middle + 0.5f * eyes.distance * eyes.down) * scale;
        const cv::Point p(std::clamp((int)nose.x, 0, mask.cols - 1),
                          std::clamp((int)nose.y, 0, mask.rows - 1));
        const int label = labels.at<int>(p);
        if (label > 0)
            kept.setTo(255, labels == label);
    }
    cv::Mat outside;
    cv::copyMakeBorder(kept, outside, 1, 1, 1, 1, cv::BORDER_CONSTANT, 0);
    cv::floodFill(outside, cv::Point(0, 0), 255);
    const cv::Mat holes = outside(cv::Rect(1, 1, kept.cols, kept.rows)) == 0;
    return kept | holes;
}

static cv::Mat by_graph(const cv::Mat &small, const people &who, float scale)
{
    expectation expected;
    expect(who, scale, small.size(), expected);
    secret_mat cells;
    cells_of(small, cells);
    const cutting scissors(small);
    secret_mat person(small.size(), CV_32F), odds(small.size(), CV_32F);
    for (int y = 0; y < small.rows; y++)
        for (int x = 0; x < small.cols; x++)
            person.at<float>(y, x) = sigmoid(expected.odds.at<float>(y, x));
    for (int turn = 0; turn < TURNS; turn++) {
        colours seen(cells, expected);
        seen.learn(person);
        for (int y = 0; y < small.rows; y++)
            for (int x = 0; x < small.cols; x++) {
                const float prior = expected.odds.at<float>(y, x);
                const bool settled = prior <= SURELY_NOT || prior >= SURELY;
                odds.at<float>(y, x) = settled ? 10 * prior : prior + seen.log_odds(y, x);
            }
        scissors.cut(odds, person);
    }
    return of_the_faces(person > 0.5f, who, scale);
}

/* NHWC, RGB in 0..1; gives 0..1. What the eyes say of the body fills in where the network doubts,
 * and keeps strangers out. */
static cv::Mat by_network(const cv::Mat &rgb, const people &who, cv::dnn::Net &net)
{
    constexpr float PRIOR = 0.3f, ALMOST = 1e-3f;
    secret_mat square;
    cv::resize(rgb, square, cv::Size(NET_SIDE_PX, NET_SIDE_PX), 0, 0, cv::INTER_AREA);
    square.convertTo(square, CV_32F, 1 / 255.0);
    const int shape[] = {1, NET_SIDE_PX, NET_SIDE_PX, 3};
    secret_mat answer, mask;
    answer = run_network(net, cv::Mat(4, shape, CV_32F, square.data),
                         net.getUnconnectedOutLayersNames())[0];
    const cv::Mat seen(NET_SIDE_PX, NET_SIDE_PX, CV_32F, answer.data);
    const float scale = (float)NET_SIDE_PX / (float)std::max(rgb.cols, rgb.rows);
    cv::resize(seen, mask,
               cv::Size((int)std::lround((float)rgb.cols * scale),
                        (int)std::lround((float)rgb.rows * scale)));
    expectation expected;
    expect(who, scale, mask.size(), expected);
    for (int y = 0; y < mask.rows; y++)
        for (int x = 0; x < mask.cols; x++) {
            float &p = mask.at<float>(y, x);
            p = std::clamp(p, ALMOST, 1 - ALMOST);
            p = sigmoid(std::log(p / (1 - p)) + PRIOR * expected.odds.at<float>(y, x));
        }
    const cv::Mat kept = of_the_faces(mask > 0.5f, who, scale);
    mask.setTo(0, kept == 0);
    mask.setTo(1, kept & (mask < 0.5f));
    cv::Mat out;
    mask.convertTo(out, CV_8U, 255);
    return out;
}

cv::Mat coarse_mask(const cv::Mat &rgb, const people &who, cv::dnn::Net &net)
{
    const float scale = std::min(1.0f, (float)SMALL_SIDE_PX / (float)std::max(rgb.cols, rgb.rows));
    secret_mat small, mask;
    cv::Mat out;
    if (net.empty()) {
        cv::resize(rgb, small, cv::Size(), scale, scale, cv::INTER_AREA);
        mask = by_graph(small, who, scale);
    } else {
        mask = by_network(rgb, who, net);
    }
    cv::resize(mask, out, rgb.size(), 0, 0, cv::INTER_LINEAR);
    return out;
}

} // namespace core
