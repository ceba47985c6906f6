#include "daemon/admin/history.h"

#include "daemon/commands/report.h"

#include <algorithm>
#include <cmath>

namespace sluice {
namespace {

/// A chart is fifty pixels high: nobody sees more digits, and they would be most of the answer.
double three_digits(float number) {
    const double exact = number;
    if (std::abs(exact) < 100) return std::round(exact * 10) / 10;
    const double step = std::pow(10, std::floor(std::log10(std::abs(exact))) - 2);
    return std::round(exact / step) * step;
}

}  // namespace

void History::add(const std::vector<Sample>& samples, Clock::time_point now) {
    const std::lock_guard lock{mutex_};
    std::map<std::string, Pipeline> kept;
    for (const Sample& sample : samples) {
        const auto known = pipelines_.find(sample.key);
        const bool is_new = known == pipelines_.end();
        Pipeline& pipeline = kept[sample.key];
        if (!is_new) pipeline = std::move(known->second);
        const double elapsed = std::chrono::duration<double>(now - pipeline.at).count();
        // Counts begin anew with a pipeline that was removed and is back.
        const double moved = std::max(0.0, sample.done - pipeline.done);
        const float last = pipeline.points.empty() ? 0 : pipeline.points.back().behind;
        const double rate = is_new || elapsed <= 0 ? 0 : moved / elapsed;
        pipeline.points.push_back(
            {static_cast<float>(rate), sample.behind ? static_cast<float>(*sample.behind) : last});
        if (pipeline.points.size() > most_points) pipeline.points.pop_front();
        pipeline.done = sample.done;
        pipeline.at = now;
    }
    pipelines_ = std::move(kept);
}

std::string History::to_json() const {
    JsonWriter json;
    json.begin_object().field("seconds", static_cast<long long>(between.count()));
    json.key("pipelines").begin_object();
    const std::lock_guard lock{mutex_};
    for (const auto& [key, pipeline] : pipelines_) {
        json.key(key).begin_object().key("rate").begin_array();
        for (const Point& point : pipeline.points) json.value(three_digits(point.per_second));
        json.end_array().key("behind").begin_array();
        for (const Point& point : pipeline.points) json.value(three_digits(point.behind));
        json.end_array().end_object();
    }
    return json.end_object().end_object().text();
}

}  // namespace sluice
