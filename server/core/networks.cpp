/* SPDX-License-Identifier: MIT */
#include "core/networks.hpp"

namespace core
{

static void set_up(cv::dnn::Net &net)
{
    net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
    net.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
}

std::vector<cv::Mat> run_network(cv::dnn::Net &net, const cv::Mat &input,
                                 const std::vector<cv::String> &outputs)
{
    std::vector<cv::Mat> kept, copies;
    net.setInput(input);
    net.forward(kept, outputs);
    for (const cv::Mat &m : kept)
        copies.push_back(m.clone());
    net.setInput(cv::Mat(input.dims, input.size.p, input.type(), cv::Scalar(0)));
    for (cv::Mat &m : kept)
        m = cv::Scalar(0);
    return copies;
}

std::vector<cv::Mat> try_network(const idphoto_blob &onnx, const std::vector<int> &shape,
                                 cv::dnn::Net &out)
{
    cv::dnn::Net net = cv::dnn::readNetFromONNX(static_cast<const char *>(onnx.bytes), onnx.size);
    set_up(net);
    const std::vector<cv::Mat> outputs = run_network(net, cv::Mat(shape, CV_32F, cv::Scalar(0.5)),
                                                     net.getUnconnectedOutLayersNames());
    out = net;
    return outputs;
}

} // namespace core
