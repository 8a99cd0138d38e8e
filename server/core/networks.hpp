/* SPDX-License-Identifier: MIT */
/* Faces by the optional networks. */
#ifndef IDPHOTO_NETWORKS_HPP
#define IDPHOTO_NETWORKS_HPP

#include <vector>

#include "core/detectors.hpp"
#include "core/inside.hpp"

namespace core
{

/* Loads ONNX bytes and tries them once on a grey picture of the given shape (1 x ... ). Throws
 * whatever OpenCV throws. */
std::vector<cv::Mat> try_network(const idphoto_blob &onnx, const std::vector<int> &shape,
                                 cv::dnn::Net &out);

/* Runs it. input is 4-dimensional, of floats; what the network keeps of it is overwritten. */
std::vector<cv::Mat> run_network(cv::dnn::Net &net, const cv::Mat &input,
                                 const std::vector<cv::String> &outputs);

/* YuNet: W. Wu, H. Peng, S. Yu, YuNet: a tiny millisecond-level face detector, Machine Intelligence
 * Research 20, 2023. Box, eyes, yaw_ratio and confidence of each face that leans by about turn_deg.
 */
bool is_yunet(const std::vector<cv::Mat> &outputs);
std::vector<idphoto_face> find_by_yunet(idphoto &i, const cv::Mat &rgb, float turn_deg);

/* MediaPipe's 468 landmarks: Y. Kartynnik and others, Real-time facial surface geometry from
 * monocular video on mobile GPUs, 2019. Fills landmarks, eyes, chin, roll, yaw and pitch; leaves
 * the face as it is, and tells false, when the network sees none there. */
bool is_landmarks(const std::vector<cv::Mat> &outputs);
bool add_landmarks(idphoto &i, const cv::Mat &rgb, idphoto_face &f);

} // namespace core

#endif
