#pragma once

#include <chrono>
#include <map>
#include <span>
#include <string>
#include <utility>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace sluice::metrics {

class Registry;

using Labels = std::map<std::string, std::string>;

/// A duration as metrics tell it.
[[nodiscard]] inline double seconds(std::chrono::duration<double> time) {
    return time.count();
}

/// Holds one series: it is there for as long as somebody holds it. Moves, does not copy. The
/// registry must outlive it.
template <typename Metric>
class Instrument {
public:
    Instrument() = default;  ///< none: counts nothing
    Instrument(Instrument&& other) noexcept
        : registry_(std::exchange(other.registry_, nullptr)),
          metric_(std::exchange(other.metric_, nullptr)) {}
    Instrument& operator=(Instrument&& other) noexcept {
        std::swap(registry_, other.registry_);
        std::swap(metric_, other.metric_);
        return *this;
    }
    ~Instrument();

protected:
    friend class Registry;
    Instrument(Registry& registry, Metric& metric) : registry_(&registry), metric_(&metric) {}

    Registry* registry_ = nullptr;
    Metric* metric_ = nullptr;
};

/// Only grows. From any thread; per batch or poll, never per record.
class Counter : public Instrument<prometheus::Counter> {
public:
    using Instrument::Instrument;
    void add(double amount = 1);
    /// For a sum that somebody else keeps: grows up to `total`, and by all of it when that began
    /// anew.
    void follow(double total);

private:
    double seen_ = 0;  // of follow(), which one thread calls
};

/// Goes up and down. From any thread.
class Gauge : public Instrument<prometheus::Gauge> {
public:
    using Instrument::Instrument;
    void set(double value);
    void add(double amount);
};

/// How often a value fell below each of the bounds. From any thread.
class Histogram : public Instrument<prometheus::Histogram> {
public:
    using Instrument::Instrument;
    void observe(double value);
    /// Many values at once, sorted already: one count for each bound, and one for what is above.
    void observe(std::span<const double> counts, double sum);
};

}  // namespace sluice::metrics
