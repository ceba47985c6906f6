#include "daemon/supervisor/observatory.h"

#include <array>
#include <utility>

namespace sluice {
namespace {

constexpr std::array all_states{PipelineState::starting,    PipelineState::running,
                                PipelineState::backing_off, PipelineState::failed,
                                PipelineState::held,        PipelineState::scheduled,
                                PipelineState::paused,      PipelineState::stopped};

/// Of "ingest.orders", the second half.
std::string name_of_key(const std::string& key) {
    return key.substr(key.find('.') + 1);
}

metrics::Labels labels_of(const std::string& key) {
    return {{"kind", key.substr(0, key.find('.'))}, {"pipeline", name_of_key(key)}};
}

metrics::Labels with(metrics::Labels labels, const std::string& name, const std::string& value) {
    labels[name] = value;
    return labels;
}

}  // namespace

bool is_stuck(const PipelineStatus& status) {
    switch (status.state) {
        case PipelineState::running:
            return status.activity == Activity::Kind::stuck;
        case PipelineState::starting:  // a try after a failure is no end of it
            return status.activity == Activity::Kind::stuck || status.failures > 0;
        case PipelineState::backing_off:
        case PipelineState::failed:
        case PipelineState::held:
            return true;
        default:
            return false;
    }
}

void Observatory::set_patience(std::chrono::milliseconds patience) {
    const std::lock_guard lock{mutex_};
    patience_ = patience;
    for (const auto& [key, observer] : ingest_) observer->set_patience(patience);
    for (const auto& [key, observer] : outbox_) observer->set_patience(patience);
}

/// The caller holds the mutex.
void Observatory::tell_what_it_is(const std::string& key, const std::string& topic,
                                  const std::string& table) {
    pipeline(key).info =
        registry_.gauge("sluice_pipeline_info", "Always 1; what the pipeline is, in its labels",
                        with(with(labels_of(key), "topic", topic), "table", table));
    pipeline(key).info.set(1);
}

std::shared_ptr<IngestObserver> Observatory::observe(const PipelineConfig& config) {
    const auto& ingest = std::get<config::Ingest>(config.of_kind);
    const std::string key = config::key_of(config);
    const std::lock_guard lock{mutex_};
    tell_what_it_is(key, config::to_string(ingest.topic), config::tables_of(ingest));
    std::shared_ptr<IngestObserver>& observer = ingest_[key];
    if (!observer) observer = std::make_shared<IngestObserver>(registry_, ingest.name, patience_);
    return observer;
}

std::shared_ptr<OutboxObserver> Observatory::observe_outbox(const PipelineConfig& config) {
    const auto& outbox = std::get<config::Outbox>(config.of_kind);
    const std::string key = config::key_of(config);
    const std::lock_guard lock{mutex_};
    tell_what_it_is(key, config::to_string(outbox.topic), outbox.table);
    std::shared_ptr<OutboxObserver>& observer = outbox_[key];
    if (!observer) observer = std::make_shared<OutboxObserver>(registry_, outbox.name, patience_);
    return observer;
}

void Observatory::on_open_dead_letters(const std::map<std::string, OpenDeadLetters>& open) {
    const std::lock_guard lock{mutex_};
    for (const auto& [key, observer] : ingest_) {
        const auto found = open.find(name_of_key(key));
        observer->on_open_dead_letters(found == open.end() ? OpenDeadLetters{} : found->second);
    }
}

void Observatory::on_open_refused_events(const std::map<std::string, std::int64_t>& open) {
    const std::lock_guard lock{mutex_};
    for (const auto& [key, observer] : outbox_) {
        const auto found = open.find(name_of_key(key));
        observer->on_open_refused_events(found == open.end() ? 0 : found->second);
    }
}

void Observatory::watch(std::function<SupervisorStatus()> status) {
    hook_ = registry_.before_text([this, status = std::move(status)] { look(status); });
}

std::optional<IngestStatus> Observatory::ingest(const std::string& key) const {
    const auto observer = found(ingest_, key);
    if (!observer) return std::nullopt;
    return observer->status();
}

std::optional<OutboxStatus> Observatory::outbox(const std::string& key) const {
    const auto observer = found(outbox_, key);
    if (!observer) return std::nullopt;
    return observer->status();
}

/// The caller holds the mutex.
Observatory::Pipeline& Observatory::pipeline(const std::string& key) {
    const auto [found, is_new] = pipelines_.try_emplace(key);
    if (!is_new) return found->second;
    const metrics::Labels labels = labels_of(key);
    for (const PipelineState state : all_states) {
        found->second.states[state] = registry_.gauge(
            "sluice_pipeline_state", "1 for the state that the pipeline is in, 0 for the others",
            with(labels, "state", name_of(state)));
    }
    found->second.stuck =
        registry_.gauge("sluice_pipeline_stuck",
                        "1 while there is input and no progress was made for a while, or "
                        "something holds the pipeline up",
                        labels);
    found->second.restarts =
        registry_.counter("sluice_pipeline_restarts_total",
                          "How often the pipeline was built anew: after a failure, by a reload or "
                          "by command",
                          labels);
    return found->second;
}

void Observatory::look(const std::function<SupervisorStatus()>& status) {
    // First the mutex: a pipeline that is added meanwhile observes after this look, which does not
    // know it and would forget it.
    const std::lock_guard lock{mutex_};
    const SupervisorStatus all = status();
    for (const auto& [key, told] : all.pipelines) {
        Pipeline& shown = pipeline(key);
        for (auto& [state, gauge] : shown.states) gauge.set(state == told.state ? 1 : 0);
        shown.stuck.set(is_stuck(told) ? 1 : 0);
        shown.restarts.follow(told.restarts);
    }
    std::erase_if(pipelines_, [&](const auto& one) { return !all.pipelines.contains(one.first); });
    std::erase_if(ingest_, [&](const auto& one) { return !all.pipelines.contains(one.first); });
    std::erase_if(outbox_, [&](const auto& one) { return !all.pipelines.contains(one.first); });
    for (const auto& [key, observer] : ingest_) observer->look();
    for (const auto& [key, observer] : outbox_) observer->look();
}

}  // namespace sluice
