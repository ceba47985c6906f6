#include "kafka/topic_watch.h"

#include "config/text/words.h"
#include "pipeline/errors.h"
#include "pipeline/log.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice::kafka {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds usual_interval = 10s;
/// It may stand behind a Fetch that the broker holds back for half a second.
constexpr std::chrono::milliseconds listing_timeout{1500};
/// A broker that has just started answers before it has heard of every topic.
constexpr int looks_before_gone = 2;

}  // namespace

TopicWatch::TopicWatch(std::string pipeline, const config::Topics& topics,
                       std::chrono::milliseconds interval)
    : pipeline_(std::move(pipeline)),
      topics_(topics),
      interval_(interval > 0ms ? interval : usual_interval) {
    for (const std::string& name : topics.names) known_[name];
}

void TopicWatch::saw(const TopicPartitions& there) {
    for (const auto& [name, partitions] : there) on_seen(name);
    for (auto& [name, topic] : known_)
        if (!there.contains(name)) on_unseen(name, topic);
    has_looked_ = true;
}

void TopicWatch::on_seen(const std::string& name) {
    Topic& topic = known_[name];
    topic.unseen = 0;
    const bool was_refused = std::exchange(topic.refused, false);
    if (was_refused) topic.why.clear();
    if (!std::exchange(topic.there, true) && has_looked_) {
        if (!was_refused) new_.insert(name);
        topic.why.clear();
        log(LogLevel::info, pipeline_,
            "topic " + config::in_quotes(name) + " is there now, and will be read");
    }
}

void TopicWatch::on_unseen(const std::string& name, Topic& topic) {
    if (topic.there && topic.unseen == 0) lost_.insert(name);
    if (!has_looked_) {
        topic.why = "it is not there; it is read as soon as it is";
    } else if (topic.there && ++topic.unseen >= looks_before_gone) {
        topic.why = "it is gone; it is read again if it comes back";
    } else {
        return;
    }
    topic.there = false;
    if (std::ranges::binary_search(topics_.names, name)) to_ask_.insert(name);
    log(LogLevel::warn, pipeline_, "topic " + config::in_quotes(name) + ": " + topic.why);
}

void TopicWatch::on_refused(const std::string& topic, const std::string& why) {
    known_[topic].refused = true;
    known_[topic].why = why;
}

bool TopicWatch::look(rd_kafka_t& client) {
    const auto now = Clock::now();
    if (topics_.only() != nullptr || now < next_look_) return false;
    next_look_ = now + interval_;
    try {
        saw(partitions_of(client, topics_, listing_timeout));
        ask_why_missing(client);
    } catch (const TroubleOfTheWorld&) {
        // Kafka is away, of which others tell.
    }
    return true;
}

/// A list does not have those that we may not see. With a consumer the question makes no topic.
void TopicWatch::ask_why_missing(rd_kafka_t& client) {
    while (!to_ask_.empty()) {
        const std::string name = *to_ask_.begin();
        const TopicHandle handle{rd_kafka_topic_new(&client, name.c_str(), nullptr)};
        const MetadataHandle answer = ask_for_metadata(
            client, handle.get(), "reading the metadata of a topic", listing_timeout);
        to_ask_.erase(name);
        if (answer->topic_cnt == 1 &&
            answer->topics[0].err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
            on_refused(name, std::string("kafka: ") + rd_kafka_err2str(answer->topics[0].err));
    }
}

std::vector<std::string> TopicWatch::to_subscribe() const {
    std::vector<std::string> names;
    std::ranges::copy_if(topics_.names, std::back_inserter(names),
                         [this](const std::string& name) { return may_be_there(name); });
    return names.empty() ? topics_.names : names;
}

bool TopicWatch::may_be_there(const std::string& topic) const {
    if (!has_looked_) return true;
    const auto found = known_.find(topic);
    return found != known_.end() && (found->second.there || found->second.refused);
}

bool TopicWatch::is_seen(const std::string& topic) const {
    const auto found = known_.find(topic);
    return may_be_there(topic) && (found == known_.end() || found->second.unseen == 0);
}

std::set<std::string> TopicWatch::take_lost() {
    return std::exchange(lost_, {});
}

std::vector<GroupStatistics::MissingTopic> TopicWatch::missing() const {
    std::vector<GroupStatistics::MissingTopic> missing;
    if (!has_looked_) return missing;
    for (const auto& [name, topic] : known_) {
        if (topic.there && topic.why.empty()) continue;
        missing.push_back({.topic = name,
                           .why = topic.why,
                           .named = std::ranges::binary_search(topics_.names, name)});
    }
    return missing;
}

std::string TopicWatch::trouble() const {
    if (!has_looked_ ||
        std::ranges::any_of(known_, [](const auto& each) { return each.second.there; }))
        return {};
    return topics_.regex.empty()
               ? "kafka: none of the topics " + to_string(topics_) +
                     " is there; create them, or correct topic = in the configuration"
               : "kafka: there is no topic whose whole name fits the expression " +
                     config::in_quotes(topics_.regex) + "; it is read as soon as there is";
}

}  // namespace sluice::kafka
