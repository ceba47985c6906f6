#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// How the pipelines have fared, for the last hour a point every ten seconds, and for the last day
/// one every four minutes: the charts of the status page are there whenever it is opened. Nine KiB
/// a pipeline, however long the process lives. From any thread.
class History {
public:
    using Clock = std::chrono::steady_clock;
    enum class Span { hour, day };
    static constexpr std::chrono::seconds between{10};
    static constexpr int looks_of_day_point = 24;
    static constexpr std::size_t most_points = 360;  ///< of either span

    struct Sample {
        std::string key;               ///< "ingest.orders"
        double done = 0;               ///< rows or events, since it was configured
        std::optional<double> behind;  ///< records, or seconds of backlog; nullopt: not known now
        std::optional<double> freshness;  ///< seconds; nullopt: nothing was committed yet
    };
    /// All that there are; what is not among them is forgotten.
    void add(const std::vector<Sample>& samples, Clock::time_point now);
    /// By pipeline, the oldest first: {"seconds":10,"pipelines":{"ingest.orders":{"rate":[…],…
    [[nodiscard]] std::string to_json(Span span) const;

private:
    struct Point {
        float per_second = 0;
        float behind = 0;
        float freshness = 0;
    };
    struct Pipeline {
        double done = 0;
        Clock::time_point at;
        std::deque<Point> hour;
        std::deque<Point> day;
        Point gathered;  ///< of the day's next point: the sum of rates, the worst of the others
        int looks = 0;   ///< that are in it
    };
    static void add(Pipeline& pipeline, const Point& point);

    mutable std::mutex mutex_;
    std::map<std::string, Pipeline> pipelines_;
};

}  // namespace sluice
