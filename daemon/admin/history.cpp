#include "daemon/admin/history.h"

#include "daemon/report/report.h"

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

/// One of the arrays.
template <typename Member>
void write_points(JsonWriter& json, const char* name, const auto& points, Member member) {
    json.key(name).begin_array();
    for (const auto& point : points) json.value(three_digits(point.*member));
    json.end_array();
}

void push_point(auto& points, const auto& point) {
    points.push_back(point);
    if (points.size() > History::most_points) points.pop_front();
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
        // What is not known now stays as it was.
        Point point = pipeline.hour.empty() ? Point{} : pipeline.hour.back();
        point.per_second = static_cast<float>(is_new || elapsed <= 0 ? 0 : moved / elapsed);
        if (sample.behind) point.behind = static_cast<float>(*sample.behind);
        if (sample.freshness) point.freshness = static_cast<float>(*sample.freshness);
        add(pipeline, point);
        pipeline.done = sample.done;
        pipeline.at = now;
    }
    pipelines_ = std::move(kept);
}

void History::add(Pipeline& pipeline, const Point& point) {
    push_point(pipeline.hour, point);
    Point& gathered = pipeline.gathered;
    gathered.per_second += point.per_second;
    gathered.behind = std::max(gathered.behind, point.behind);
    gathered.freshness = std::max(gathered.freshness, point.freshness);
    if (++pipeline.looks < looks_of_day_point) return;
    gathered.per_second /= looks_of_day_point;
    push_point(pipeline.day, gathered);
    gathered = {};
    pipeline.looks = 0;
}

std::string History::to_json(Span span) const {
    const auto seconds = span == Span::hour ? between : between * looks_of_day_point;
    JsonWriter json;
    json.begin_object().field("seconds", static_cast<long long>(seconds.count()));
    json.key("pipelines").begin_object();
    const std::lock_guard lock{mutex_};
    for (const auto& [key, pipeline] : pipelines_) {
        const auto& points = span == Span::hour ? pipeline.hour : pipeline.day;
        json.key(key).begin_object();
        write_points(json, "rate", points, &Point::per_second);
        write_points(json, "behind", points, &Point::behind);
        write_points(json, "freshness", points, &Point::freshness);
        json.end_object();
    }
    return json.end_object().end_object().text();
}

}  // namespace sluice
