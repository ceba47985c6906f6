#pragma once

#include "config/topics.h"
#include "kafka/handles.h"
#include "kafka/topic.h"
#include "pipeline/ingest/group_statistics.h"

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace sluice::kafka {

/// Of a member that may read several topics: which of them there are, which came while it looked,
/// and which it is to read and cannot, each of which is that topic's trouble alone; what is wrong
/// with a member's only topic is for TopicAccess. Used by one thread.
class TopicWatch {
public:
    /// Asks as often as `interval` says.
    TopicWatch(std::string pipeline, const config::Topics& topics,
               std::chrono::milliseconds interval);

    /// What Kafka has just said that there is of them.
    void saw(const TopicPartitions& there);
    /// Why this one cannot be read, though it may be there.
    void on_refused(const std::string& topic, const std::string& why);
    /// Asks now and then; whether it did. Blocks for a second or two at most.
    bool look(rd_kafka_t& client);
    /// Of those that are named the ones that can be had, as far as is known; all, where none can.
    [[nodiscard]] std::vector<std::string> to_subscribe() const;

    /// False: it was not when it was looked.
    [[nodiscard]] bool may_be_there(const std::string& topic) const;
    /// False: not by the last look, which may have asked a broker that does not know it yet.
    [[nodiscard]] bool is_seen(const std::string& topic) const;
    /// Those that the last looks did not see any more, each once.
    [[nodiscard]] std::set<std::string> take_lost();
    /// Whether it came after the first look.
    [[nodiscard]] bool is_new(const std::string& topic) const { return new_.contains(topic); }
    /// Those that were there once, or are named, and are not there or not for us.
    [[nodiscard]] std::vector<GroupStatistics::MissingTopic> missing() const;
    /// Why there is nothing to read at all; empty: there is, as far as is known.
    [[nodiscard]] std::string trouble() const;

private:
    struct Topic {
        bool there = false;
        bool refused = false;  ///< it may be there, and is not for us
        int unseen = 0;        ///< so often in a row, while it is thought to be there
        std::string why{};     ///< it cannot be read
    };

    void on_seen(const std::string& name);
    void on_unseen(const std::string& name, Topic& topic);
    void ask_why_missing(rd_kafka_t& client);

    const std::string pipeline_;
    const config::Topics topics_;
    const std::chrono::milliseconds interval_;
    std::map<std::string, Topic> known_;
    std::set<std::string> new_;
    std::set<std::string> lost_;
    bool has_looked_ = false;
    std::chrono::steady_clock::time_point next_look_;
    std::set<std::string> to_ask_;  ///< why they are missing
};

}  // namespace sluice::kafka
