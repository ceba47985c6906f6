#pragma once

#include "metrics/instruments.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// What the process tells of itself to Prometheus: docs/metrics.md. prometheus-cpp stays inside.
namespace sluice::metrics {

/// A metric as the documentation shows it, the same whatever its labels' values.
struct Family {
    enum class Kind { counter, gauge, histogram };
    Kind kind;
    std::string name;
    std::string help;                 ///< a sentence without a full stop
    std::vector<std::string> labels;  ///< names, sorted
};

/// Owns all metrics of the process. From any thread; outlives whatever counts.
///
/// Who asks for a series that is already there shares it: a pipeline that starts while its
/// predecessor is still leaving counts on.
class Registry {
public:
    Registry();
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    [[nodiscard]] Counter counter(const std::string& name, const std::string& help,
                                  const Labels& labels = {});
    [[nodiscard]] Gauge gauge(const std::string& name, const std::string& help,
                              const Labels& labels = {});
    struct HistogramText {
        std::string name;
        std::string help;
    };
    [[nodiscard]] Histogram histogram(const HistogramText& text, std::span<const double> bounds,
                                      const Labels& labels = {});

    /// Runs before each text(), until it is destroyed: for values that are only known when somebody
    /// looks. It may ask for series, not for hooks.
    class Hook {
    public:
        Hook() = default;
        Hook(Hook&& other) noexcept;
        Hook& operator=(Hook&& other) noexcept;
        ~Hook();

    private:
        friend class Registry;
        Hook(Registry& registry, std::size_t id) : registry_(&registry), id_(id) {}
        Registry* registry_ = nullptr;
        std::size_t id_ = 0;
    };
    [[nodiscard]] Hook before_text(std::function<void()> update);

    /// Everything, in Prometheus' text format.
    [[nodiscard]] std::string text();
    /// All that was ever asked for, by name.
    [[nodiscard]] std::vector<Family> families() const;

private:
    template <typename Metric>
    friend class Instrument;

    template <typename Metric>
    void release(Metric& metric);

    struct Content;
    const std::unique_ptr<Content> content_;
};

/// "counter", "gauge", "histogram".
[[nodiscard]] std::string_view to_string(Family::Kind kind);

/// Bounds in seconds, from a millisecond to a minute.
[[nodiscard]] std::span<const double> duration_bounds();
/// Bounds in seconds, from 0.1 s to a day: how old something is.
[[nodiscard]] std::span<const double> age_bounds();
/// Bounds of counts, from 1 to a million.
[[nodiscard]] std::span<const double> count_bounds();
/// Bounds in bytes, from 1 KiB to 1 GiB.
[[nodiscard]] std::span<const double> size_bounds();

}  // namespace sluice::metrics
