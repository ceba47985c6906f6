#include "pipeline/ingest/held_topics.h"

#include "pipeline/log.h"

namespace sluice {

void HeldTopics::hold_up(const std::string& topic, const std::string& why) {
    have_targets_.erase(topic);
    const auto [found, is_new] = held_.try_emplace(topic, Held{{why}, Backoff{limits_}, {}});
    Held& held = found->second;
    if (is_new || held.told.why != why)
        log(LogLevel::warn, pipeline_, "topic \"" + topic + "\" is held up, others go on: " + why);
    // Its partitions may be told of one after the other.
    if (is_new || held.goes_on_since) {
        held.next_try = Clock::now() + held.backoff.next();
        ++held.told.failures;
    }
    held.goes_on_since.reset();
    held.told.why = why;
}

void HeldTopics::hold_up_again(const std::string& topic, const std::string& why) {
    if (const auto held = held_.find(topic); held != held_.end())
        held->second.goes_on_since = Clock::now();
    hold_up(topic, why);
}

void HeldTopics::found_target(const std::string& topic, Clock::time_point now) {
    have_targets_.insert(topic);
    if (const auto held = held_.find(topic); held != held_.end()) held->second.goes_on_since = now;
}

bool HeldTopics::waits(const std::string& topic, Clock::time_point now) const {
    const auto held = held_.find(topic);
    return held != held_.end() && !held->second.goes_on_since && now < held->second.next_try;
}

std::map<std::string, IngestStatus::HeldTopic> HeldTopics::told() const {
    std::map<std::string, IngestStatus::HeldTopic> told;
    for (const auto& [topic, held] : held_) told[topic] = held.told;
    return told;
}

bool HeldTopics::forget(const std::set<std::string>& ours, Clock::time_point since) {
    return std::erase_if(held_, [&](const auto& entry) {
               const auto& [topic, held] = entry;
               if (!ours.contains(topic)) return true;
               if (!held.goes_on_since || *held.goes_on_since >= since) return false;
               log(LogLevel::info, pipeline_, "topic \"" + topic + "\" goes on");
               return true;
           }) > 0;
}

}  // namespace sluice
