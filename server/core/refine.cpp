/* SPDX-License-Identifier: MIT */
#include <opencv2/imgproc.hpp>

#include "core/laplacian.hpp"
#include "core/matting.hpp"

namespace core
{

static void mark_known(const cv::Mat &trimap, cv::Mat &alpha)
{
    alpha.setTo(0, trimap == 0);
    alpha.setTo(1, trimap == 255);
}

/* The trimap's unknown part with what the widest windows see about it; empty if all is known. */
static cv::Rect worth_looking(const cv::Mat &trimap, int margin_px)
{
    const cv::Rect band = cv::boundingRect((trimap > 0) & (trimap < 255));
    if (band.empty())
        return band;
    return cv::Rect(band.x - margin_px, band.y - margin_px, band.width + 2 * margin_px,
                    band.height + 2 * margin_px) &
           cv::Rect(cv::Point(), trimap.size());
}

/* One step of the ladder: what is known at its size, solved from the alpha of the step before. */
static void solve_at(const cv::Mat &rgb, const cv::Mat &trimap, const hint &doubt,
                     const cv::Size &size, int radius_px, int turns, cv::Mat &alpha,
                     cv::Mat &coefficients)
{
    secret_mat small;
    cv::Mat known, guess, trust;
    cv::resize(rgb, small, size, 0, 0, cv::INTER_AREA);
    cv::resize(trimap, known, size, 0, 0, cv::INTER_AREA); /* a mixture is unknown */
    if (coefficients.empty())
        cv::resize(doubt.alpha, alpha, size, 0, 0, cv::INTER_AREA);
    else
        upscale(coefficients, small, alpha);
    mark_known(known, alpha);
    const laplacian l(small, radius_px);
    if (!doubt.trust.empty()) {
        cv::resize(doubt.alpha, guess, size, 0, 0, cv::INTER_AREA);
        cv::resize(doubt.trust, trust, size, 0, 0, cv::INTER_AREA);
    }
    descend(l, {guess, trust}, (known > 0) & (known < 255), turns, alpha);
    l.fit(alpha, coefficients);
}

/* A ladder of sizes: a window sees four times as far at a quarter of the size for a sixteenth of
 * the work; the linear functions found there, applied to more pixels, are where the next step
 * begins, and in the end the answer. */
cv::Mat solve_alpha(const cv::Mat &rgb, const cv::Mat &trimap, const hint &doubt)
{
    static const struct {
        int divisor, radius_px, turns;
    } ladder[] = {{4, 3, 30}, {2, 3, 15}};
    constexpr int MARGIN_PX = 42, LEAST_PX = 16;
    cv::Mat whole = doubt.alpha.clone();
    mark_known(trimap, whole);
    const cv::Rect part = worth_looking(trimap, MARGIN_PX);
    if (part.empty())
        return whole;
    cv::Mat alpha, coefficients;
    const hint here = {doubt.alpha(part), doubt.trust.empty() ? cv::Mat() : doubt.trust(part)};
    for (const auto &step : ladder) {
        const cv::Size size(std::max(LEAST_PX, part.width / step.divisor),
                            std::max(LEAST_PX, part.height / step.divisor));
        solve_at(rgb(part), trimap(part), here, size, step.radius_px, step.turns, alpha,
                 coefficients);
    }
    upscale(coefficients, rgb(part), alpha);
    cv::Mat target = whole(part);
    alpha.copyTo(target);
    mark_known(trimap, whole);
    return whole;
}

} // namespace core
