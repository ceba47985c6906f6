#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// How the pipelines have fared for the last hour, a point every ten seconds: the charts of the
/// status page are there whenever it is opened. Three KiB a pipeline, however long the process
/// lives. From any thread.
class History {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds between{10};
    static constexpr std::size_t most_points = 360;

    struct Sample {
        std::string key;               ///< "ingest.orders"
        double done = 0;               ///< rows or events, since it was configured
        std::optional<double> behind;  ///< records, or seconds of backlog; nullopt: not known now
    };
    /// All that there are; what is not among them is forgotten.
    void add(const std::vector<Sample>& samples, Clock::time_point now);
    /// By pipeline, the oldest first: {"seconds":10,"pipelines":{"ingest.orders":{"rate":[…],…
    [[nodiscard]] std::string to_json() const;

private:
    struct Point {
        float per_second;
        float behind;
    };
    struct Pipeline {
        double done = 0;
        Clock::time_point at;
        std::deque<Point> points;
    };

    mutable std::mutex mutex_;
    std::map<std::string, Pipeline> pipelines_;
};

}  // namespace sluice
