/* SPDX-License-Identifier: MIT */
#include <opencv2/imgproc.hpp>

#include "core/faces.hpp"
#include "core/matting.hpp"

namespace core
{

constexpr int SMALL_SIDE_PX = 224, GRABCUT_TURNS = 2, NET_SIDE_PX = 256;

/* Draws in units of the distance of the pupils, from the middle of the eyes: u to the person's
 * left, v to the chin. */
class body
{
  public:
    body(const idphoto_face &f, float scale)
        : eyes(f), unit(eyes.distance * scale), at(eyes.middle * scale)
    {
    }
    void ellipse(cv::Mat &mask, float v, float half_width, float half_height, int value) const
    {
        cv::ellipse(mask,
                    cv::RotatedRect(place(0, v),
                                    cv::Size2f(2 * half_width * unit, 2 * half_height * unit),
                                    eyes.roll_deg),
                    cv::Scalar(value), cv::FILLED);
    }
    void shape(cv::Mat &mask, std::initializer_list<cv::Point2f> uv, int value) const
    {
        std::vector<cv::Point> outline;
        for (const cv::Point2f &p : uv)
            outline.push_back(place(p.x, p.y));
        cv::fillConvexPoly(mask, outline, cv::Scalar(value));
    }

  private:
    cv::Point2f place(float u, float v) const
    {
        return at + unit * (u * eyes.along + v * eyes.down);
    }
    eye_line eyes;
    float unit;
    cv::Point2f at;
};

constexpr float FAR = 60; /* beyond every picture */

/* What a face says of the rest, from the outside in; proportions of head and shoulders in distances
 * of the pupils (63 mm): head 155 wide and 230 high, shoulders 400 to 500 wide. */
static cv::Mat expectation(const cv::Size &size, const people &who, float scale)
{
    cv::Mat mask(size, CV_8U, cv::Scalar(cv::GC_BGD));
    for (size_t k = 0; k < who.count; k++) {
        const body b(who.face[k], scale);
        b.ellipse(mask, 0.1f, 2.9f, 3.4f, cv::GC_PR_BGD);
        b.shape(mask, {{-2.9f, 0.8f}, {2.9f, 0.8f}, {7, 4.0f}, {9, FAR}, {-9, FAR}, {-7, 4.0f}},
                cv::GC_PR_BGD);
    }
    for (size_t k = 0; k < who.count; k++) {
        const body b(who.face[k], scale);
        b.ellipse(mask, -0.1f, 1.55f, 2.2f, cv::GC_PR_FGD);
        b.shape(
            mask,
            {{-0.9f, 1.4f}, {0.9f, 1.4f}, {3.0f, 3.3f}, {3.6f, FAR}, {-3.6f, FAR}, {-3.0f, 3.3f}},
            cv::GC_PR_FGD);
    }
    for (size_t k = 0; k < who.count; k++) {
        const body b(who.face[k], scale);
        b.ellipse(mask, 0.45f, 0.95f, 1.25f, cv::GC_FGD);
        b.shape(mask,
                {{-0.55f, 1.4f},
                 {0.55f, 1.4f},
                 {0.6f, 2.6f},
                 {1.3f, 3.4f},
                 {1.6f, FAR},
                 {-1.6f, FAR},
                 {-1.3f, 3.4f},
                 {-0.6f, 2.6f}},
                cv::GC_FGD);
    }
    return mask;
}

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
    cv::copyMakeBorder(kept, outside, 1, 0, 1, 1, cv::BORDER_CONSTANT, 0);
    cv::floodFill(outside, cv::Point(0, 0), 255);
    const cv::Mat holes = outside(cv::Rect(1, 1, kept.cols, kept.rows)) == 0;
    return kept | holes;
}

static cv::Mat by_grabcut(const cv::Mat &small, const people &who, float scale)
{
    cv::Mat mask = expectation(small.size(), who, scale), background, foreground;
    cv::theRNG().state = 1; /* the same picture gives the same mask */
    cv::grabCut(small, mask, cv::Rect(), background, foreground, GRABCUT_TURNS,
                cv::GC_INIT_WITH_MASK);
    wipe(background);
    wipe(foreground);
    return of_the_faces(mask & 1, who, scale);
}

/* NHWC, RGB in 0..1. */
static cv::Mat by_network(const cv::Mat &rgb, cv::dnn::Net &net)
{
    cv::Mat square, out;
    cv::resize(rgb, square, cv::Size(NET_SIDE_PX, NET_SIDE_PX), 0, 0, cv::INTER_AREA);
    square.convertTo(square, CV_32F, 1 / 255.0);
    const int shape[] = {1, NET_SIDE_PX, NET_SIDE_PX, 3};
    net.setInput(cv::Mat(4, shape, CV_32F, square.data));
    const cv::Mat alpha(NET_SIDE_PX, NET_SIDE_PX, CV_32F, net.forward().data);
    cv::Mat(alpha * 255).convertTo(out, CV_8U);
    return out;
}

cv::Mat coarse_mask(const cv::Mat &rgb, const people &who, cv::dnn::Net &net)
{
    const float scale = std::min(1.0f, (float)SMALL_SIDE_PX / (float)std::max(rgb.cols, rgb.rows));
    secret_mat small;
    cv::Mat mask, out;
    if (net.empty()) {
        cv::resize(rgb, small, cv::Size(), scale, scale, cv::INTER_AREA);
        mask = by_grabcut(small, who, scale);
    } else {
        mask = by_network(rgb, net);
    }
    cv::resize(mask, out, rgb.size(), 0, 0, cv::INTER_LINEAR);
    return out;
}

} // namespace core
