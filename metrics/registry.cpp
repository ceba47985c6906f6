#include "metrics/registry.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <mutex>
#include <sstream>

namespace sluice::metrics {
namespace {

/// A series and those who hold it.
template <typename Metric>
struct Held {
    prometheus::Family<Metric>* family = nullptr;
    std::size_t holders = 0;
};

}  // namespace

struct Registry::Content {
    std::mutex mutex;  // guards what follows
    prometheus::Registry registry;
    std::map<std::string, Family> families;
    std::map<prometheus::Counter*, Held<prometheus::Counter>> counters;
    std::map<prometheus::Gauge*, Held<prometheus::Gauge>> gauges;
    std::map<prometheus::Histogram*, Held<prometheus::Histogram>> histograms;

    std::mutex hooks_mutex;  // guards the hooks, also while they run; comes first
    std::map<std::size_t, std::function<void()>> hooks;
    std::size_t last_hook = 0;

    auto& held(prometheus::Counter*) { return counters; }
    auto& held(prometheus::Gauge*) { return gauges; }
    auto& held(prometheus::Histogram*) { return histograms; }

    template <typename Metric, typename Builder, typename... Arguments>
    Metric& hold(Builder builder, Family described, const Labels& labels,
                 const Arguments&... arguments) {
        for (const auto& [name, value] : labels) described.labels.push_back(name);
        const std::lock_guard lock{mutex};
        prometheus::Family<Metric>& family =
            builder.Name(described.name).Help(described.help).Register(registry);
        families.emplace(described.name, std::move(described));
        Metric& metric = family.Add(labels, arguments...);
        Held<Metric>& entry = held(&metric)[&metric];
        entry.family = &family;
        ++entry.holders;
        return metric;
    }
};

Registry::Registry() : content_(std::make_unique<Content>()) {}
Registry::~Registry() = default;

Counter Registry::counter(const std::string& name, const std::string& help, const Labels& labels) {
    return {*this,
            content_->hold<prometheus::Counter>(prometheus::BuildCounter(),
                                                {Family::Kind::counter, name, help, {}}, labels)};
}

Gauge Registry::gauge(const std::string& name, const std::string& help, const Labels& labels) {
    return {*this, content_->hold<prometheus::Gauge>(
                       prometheus::BuildGauge(), {Family::Kind::gauge, name, help, {}}, labels)};
}

Histogram Registry::histogram(const HistogramText& text, std::span<const double> bounds,
                              const Labels& labels) {
    return {*this,
            content_->hold<prometheus::Histogram>(
                prometheus::BuildHistogram(), {Family::Kind::histogram, text.name, text.help, {}},
                labels, prometheus::Histogram::BucketBoundaries(bounds.begin(), bounds.end()))};
}

template <typename Metric>
void Registry::release(Metric& metric) {
    const std::lock_guard lock{content_->mutex};
    auto& all = content_->held(&metric);
    const auto found = all.find(&metric);
    if (--found->second.holders > 0) return;
    found->second.family->Remove(&metric);
    all.erase(found);
}

template <typename Metric>
Instrument<Metric>::~Instrument() {
    if (metric_ != nullptr) registry_->release(*metric_);
}

template class Instrument<prometheus::Counter>;
template class Instrument<prometheus::Gauge>;
template class Instrument<prometheus::Histogram>;

Registry::Hook Registry::before_text(std::function<void()> update) {
    const std::lock_guard lock{content_->hooks_mutex};
    content_->hooks.emplace(++content_->last_hook, std::move(update));
    return {*this, content_->last_hook};
}

Registry::Hook::Hook(Hook&& other) noexcept
    : registry_(std::exchange(other.registry_, nullptr)), id_(other.id_) {}

Registry::Hook& Registry::Hook::operator=(Hook&& other) noexcept {
    std::swap(registry_, other.registry_);
    std::swap(id_, other.id_);
    return *this;
}

Registry::Hook::~Hook() {
    if (registry_ == nullptr) return;
    const std::lock_guard lock{registry_->content_->hooks_mutex};
    registry_->content_->hooks.erase(id_);
}

std::string Registry::text() {
    {
        const std::lock_guard lock{content_->hooks_mutex};
        for (const auto& [id, update] : content_->hooks) update();
    }
    std::ostringstream out;
    const auto collected = [this] {
        const std::lock_guard lock{content_->mutex};
        return content_->registry.Collect();
    }();
    prometheus::TextSerializer{}.Serialize(out, collected);
    return out.str();
}

std::vector<Family> Registry::families() const {
    const std::lock_guard lock{content_->mutex};
    std::vector<Family> all;
    for (const auto& [name, family] : content_->families) all.push_back(family);
    return all;
}

void Counter::add(double amount) {
    if (metric_ != nullptr) metric_->Increment(amount);
}

void Counter::follow(double total) {
    add(total < seen_ ? total : total - seen_);
    seen_ = total;
}

void Gauge::set(double value) {
    if (metric_ != nullptr) metric_->Set(value);
}

void Gauge::add(double amount) {
    if (metric_ != nullptr) metric_->Increment(amount);
}

void Histogram::observe(double value) {
    if (metric_ != nullptr) metric_->Observe(value);
}

void Histogram::observe(std::span<const double> counts, double sum) {
    if (metric_ != nullptr) metric_->ObserveMultiple({counts.begin(), counts.end()}, sum);
}

std::string_view to_string(Family::Kind kind) {
    switch (kind) {
        case Family::Kind::counter:
            return "counter";
        case Family::Kind::gauge:
            return "gauge";
        case Family::Kind::histogram:
            break;
    }
    return "histogram";
}

std::span<const double> duration_bounds() {
    static constexpr std::array bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                       0.5,   1.0,    2.5,   5.0,  10.0,  30.0, 60.0};
    return bounds;
}

std::span<const double> age_bounds() {
    static constexpr std::array bounds{0.1,  0.25,  0.5,   1.0,   2.5,    5.0,    10.0,  30.0,
                                       60.0, 300.0, 900.0, 3600., 14400., 43200., 86400.};
    return bounds;
}

std::span<const double> count_bounds() {
    static constexpr std::array bounds{1.,     10.,    100.,    1000.,   5000.,
                                       10000., 50000., 100000., 500000., 1000000.};
    return bounds;
}

std::span<const double> size_bounds() {
    static constexpr std::array bounds{1024.,    16384.,    65536.,    262144.,    1048576.,
                                       4194304., 16777216., 67108864., 268435456., 1073741824.};
    return bounds;
}

}  // namespace sluice::metrics
